/* Proves that the pure modules know nothing of sockets, time, memory or locale: their objects want memory functions at
 * most. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const modules[] = {
	"http", "framing", "habit", "hold", "options", "request", "settings", "sharing"
};

/* What a pure object may want: a mem* function, another pure object, the sanitizer that it was built with. */
static const char *const memory[] = { "memchr", "memcmp", "memcpy", "memmove", "memset" };
static const char *const tools[] = { "__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "_GLOBAL_OFFSET_TABLE_" };

enum { NAMES = 512, NAME = 128 };
struct names {
	size_t n;
	char name[NAMES][NAME];
};

static void read_symbols(const char *module, const char *option, struct names *names)
{
	char command[1024];
	char name[NAME], type;
	FILE *nm;
	int status;

	snprintf(command, sizeof(command), "nm -P %s '" BUILD_DIR "/shim/%s.o'", option, module);
	nm = popen(command, "r");
	cr_assert_not_null(nm, "cannot run: %s", command);
	while (fscanf(nm, "%127s %c%*[^\n]", name, &type) == 2) {
		cr_assert(names->n < NAMES, "%s.o has more than %d symbols", module, NAMES);
		strcpy(names->name[names->n++], name);
	}
	status = pclose(nm);
	cr_assert(status == 0, "failed (is the package binutils installed, is the object built?): %s", command);
}

static bool among(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	return false;
}

static bool allowed(const char *name)
{
	for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
		if (strcmp(name, memory[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		if (strncmp(name, tools[i], strlen(tools[i])) == 0)
			return true;
	}
	return false;
}

Test(pure, modules_need_nothing_but_memory_functions)
{
	static struct names own;

	for (size_t m = 0; m < sizeof(modules) / sizeof(*modules); m++)
		read_symbols(modules[m], "--defined-only -g", &own);
	cr_assert(among(&own, "http_head"), "nm does not list http_head in http.o: this test would see nothing");

	for (size_t m = 0; m < sizeof(modules) / sizeof(*modules); m++) {
		static struct names wanted;

		wanted.n = 0;
		read_symbols(modules[m], "-u", &wanted);
		for (size_t i = 0; i < wanted.n; i++) {
			cr_expect(allowed(wanted.name[i]) || among(&own, wanted.name[i]),
			          "%s.o needs %s: a pure module may not", modules[m], wanted.name[i]);
		}
	}
}
