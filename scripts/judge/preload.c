#include "preload.h"
#include "environment.h"
#include "script.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool preload_can_name(const char *library)
{
	return strpbrk(library, ":$") == NULL && (strchr(library, ' ') == NULL || strchr(library, ';') == NULL);
}

/* Debian's library directories of machines that can run each other's programs. The loader of the first machine replaces
 * $LIB by the first directory of a pair. */
static const char *const pairs[][2] = {
	{ "lib/x86_64-linux-gnu", "lib/i386-linux-gnu" },
	{ "lib/i386-linux-gnu", "lib/x86_64-linux-gnu" },
	{ "lib/aarch64-linux-gnu", "lib/arm-linux-gnueabihf" },
	{ "lib/arm-linux-gnueabihf", "lib/aarch64-linux-gnu" },
};

/* The path of the same library in another such directory (NULL: in the other one of its pair); NULL: the library is in
 * none of them. */
static char *elsewhere(const char *library, const char *directory)
{
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const char *end = format("/%s/" PRELOAD_SONAME, pairs[i][0]);
		size_t all = strlen(library), length = strlen(end);
		if (all >= length && strcmp(library + all - length, end) == 0)
			return format("%.*s/%s/" PRELOAD_SONAME, (int)(all - length), library,
			              directory != NULL ? directory : pairs[i][1]);
	}
	return NULL;
}

char *preload_of_others(const char *library)
{
	char *other = elsewhere(library, NULL);
	return other != NULL && access(other, R_OK) == 0 ? other : NULL;
}

static void print_before(const char *variable, const char *first)
{
	const char *others = getenv(variable);
	bool alone = others == NULL || *others == '\0';
	environment_print(format("%s=%s%s%s", variable, first, alone ? "" : ":", alone ? "" : others));
}

/* A program that raises privileges skips a name with a slash silently, but reports a bare name; so the bare name is
 * used only where the path cannot be written. $LIB costs a line on standard error where no library is found by it, and
 * musl does not know it; so it is used only where both builds exist. */
void preload_print(const char *library, bool for_both)
{
	const char *slash = strrchr(library, '/');
	bool blank = strchr(library, ' ') != NULL;
	if (blank)
		print_before("LD_LIBRARY_PATH", format("%.*s", (int)(slash - library), library));
	print_before("LD_PRELOAD", blank ? PRELOAD_SONAME : for_both ? elsewhere(library, "$LIB") : library);
}
