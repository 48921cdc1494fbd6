/* The objects of the library keep the order of layers that docs/design.md states: an object asks only for symbols of
 * lower layers, and so no two objects depend on each other. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "symbols.h"

enum { OBJECTS = 64, OBJECT_SIZE = 32 };

/* The block of docs/design.md: a layer is a line, the uppermost comes first. */
static struct object {
	char name[OBJECT_SIZE];
	unsigned layer;
	struct symbols defined;
} objects[OBJECTS];
static size_t object_count;

static void read_layers(void)
{
	static const char page[] = SOURCE_DIR "/docs/design.md";
	char line[256];
	bool inside = false;
	unsigned layer = 0;
	FILE *f = fopen(page, "r");
	cr_assert_not_null(f, "cannot read %s", page);
	while (fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "```", 3) == 0) {
			inside = strcmp(line, "```layers\n") == 0;
			continue;
		}
		for (char *word = inside ? strtok(line, " \n") : NULL; word != NULL; word = strtok(NULL, " \n")) {
			cr_assert(object_count < OBJECTS && strlen(word) < OBJECT_SIZE, "too many layers: %s", word);
			strcpy(objects[object_count].name, word);
			objects[object_count++].layer = layer;
		}
		layer += inside;
	}
	fclose(f);
	cr_assert(layer > 3, "%s has no block of layers", page);
}

static const struct object *definer_of(const char *name)
{
	for (size_t i = 0; i < object_count; i++)
		if (symbols_have(&objects[i].defined, name))
			return &objects[i];
	return NULL;
}

/* A slot is a pointer that `real` stores into: `doors` has it, and is not called. */
static bool is_slot(const char *name)
{
	return strncmp(name, "slot_", 5) == 0;
}

Test(layers, each_object_asks_only_lower_ones)
{
	read_layers();
	for (size_t i = 0; i < object_count; i++)
		symbols_read(objects[i].name, SYMBOLS_DEFINED, &objects[i].defined);
	const struct object *outgoing = definer_of("outgoing");
	cr_assert(outgoing != NULL && strcmp(outgoing->name, "outgoing") == 0, "nm does not list outgoing()");
	size_t arrows = 0;
	for (size_t i = 0; i < object_count; i++) {
		static struct symbols wanted;
		wanted.n = 0;
		symbols_read(objects[i].name, SYMBOLS_WANTED, &wanted);
		for (size_t s = 0; s < wanted.n; s++) {
			const struct object *of = definer_of(wanted.name[s]);
			if (of == NULL || of == &objects[i] || is_slot(wanted.name[s]))
				continue;
			arrows++;
			cr_expect(of->layer > objects[i].layer, "%s asks %s for %s, and is no higher", objects[i].name,
			          of->name, wanted.name[s]);
		}
	}
	cr_expect(arrows > 100, "only %zu symbols lead from one object to another", arrows);
}

/* An object that the page does not have would be free of the order. */
Test(layers, every_object_has_its_layer)
{
	char name[OBJECT_SIZE + 8];
	read_layers();
	FILE *ls = popen("ls '" SOURCE_DIR "/shim' | sed -n 's/\\.[cS]$//p'", "r");
	cr_assert_not_null(ls, "cannot run ls");
	size_t files = 0;
	while (fscanf(ls, "%39s", name) == 1) {
		size_t i = 0;
		while (i < object_count && strcmp(objects[i].name, name) != 0)
			i++;
		cr_expect(i < object_count, "docs/design.md does not say which layer %s is in", name);
		files++;
	}
	cr_assert(pclose(ls) == 0 && files > 30, "ls lists %zu files", files);
}
