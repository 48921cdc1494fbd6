#include "symbols.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void symbols_read(const char *object, const char *option, struct symbols *symbols)
{
	char command[1024], name[SYMBOL_SIZE], type;
	snprintf(command, sizeof command, "nm -P %s '" BUILD_DIR "/shim/%s.o'", option, object);
	FILE *nm = popen(command, "r");
	cr_assert_not_null(nm, "cannot run: %s", command);
	while (fscanf(nm, "%127s %c%*[^\n]", name, &type) == 2) {
		cr_assert(symbols->n < SYMBOLS_MOST, "there are more than %d symbols", SYMBOLS_MOST);
		strcpy(symbols->name[symbols->n++], name);
	}
	cr_assert(pclose(nm) == 0, "failed (is the package binutils installed, is the object built?): %s", command);
}

bool symbols_have(const struct symbols *symbols, const char *name)
{
	for (size_t i = 0; i < symbols->n; i++)
		if (strcmp(symbols->name[i], name) == 0)
			return true;
	return false;
}
