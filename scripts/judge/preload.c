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

/* Where Debian has the libraries of machines that run each other's programs: what the loader of the first makes of
 * $LIB. */
static const char *const pairs[][2] = {
	{ "lib/x86_64-linux-gnu", "lib/i386-linux-gnu" },
	{ "lib/i386-linux-gnu", "lib/x86_64-linux-gnu" },
	{ "lib/aarch64-linux-gnu", "lib/arm-linux-gnueabihf" },
	{ "lib/arm-linux-gnueabihf", "lib/aarch64-linux-gnu" },
};

/* The same library in another such directory; NULL: it is in none. */
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

/* A name with a slash in it is passed over in silence by programs that raise privileges, a bare one is not: so it is
 * bare only where the path cannot be said. $LIB without a library behind it costs a line on standard error, and musl
 * does not know it: so it stands only where both are. */
void preload_print(const char *library, bool for_both)
{
	const char *slash = strrchr(library, '/');
	bool blank = strchr(library, ' ') != NULL;
	if (blank)
		print_before("LD_LIBRARY_PATH", format("%.*s", (int)(slash - library), library));
	print_before("LD_PRELOAD", blank ? PRELOAD_SONAME : for_both ? elsewhere(library, "$LIB") : library);
}
