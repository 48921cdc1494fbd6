/* Proves that programs with a sanitizer in them start under scripts/onewrite and find the faults that they are to find.
 * The shared library of AddressSanitizer refuses any preload in front of it, unless it is told not to. */
#include "installed.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *flags;
	const char *fault, *found; /* a fault, and what the sanitizer says of it; "": anything */
} sanitized[] = {
	{ "-fsanitize=address", "((volatile char *)malloc(1))[n] = 1", "heap-buffer-overflow" },
	{ "-fsanitize=address -static-libasan", "((volatile char *)malloc(1))[n] = 1", "heap-buffer-overflow" },
	{ "-fsanitize=undefined", "n += 2147483647", "signed integer overflow" },
	{ "-fsanitize=thread", "free(malloc(1))", "" },
	{ "-fsanitize=leak", "free(malloc(1))", "" },
};

/* Options that the user set stay. */
static const char *const options[] = { "ASAN_OPTIONS=", "ASAN_OPTIONS=detect_leaks=0:exitcode=7" };

ROW_TESTS(a_program_with_a_sanitizer, sanitized)
{
	struct outcome o;
	prepare("set -e; cat >faulty.c <<'END'\n#include <fcntl.h>\n#include <stdlib.h>\n"
	        "int main(int n, char **a) { (void)a; creat(\"started\", 0666); %s; return 0; }\nEND\n"
	        "cc %s -o it program.c; cc %s -o faulty faulty.c",
	        sanitized[*i].fault, sanitized[*i].flags, sanitized[*i].flags);
	UNDER_EACH(sh)
	{
		for (size_t n = 0; n < 2; n++) {
			launch(&o, sh, INSTALLED, ARGS("./it"), ARGS(options[n]));
			check_ran(&o, sanitized[*i].flags, sh->package);
			cr_expect(o.started, "%s under %s did not run", sanitized[*i].flags, sh->package);
		}
		launch(&o, sh, INSTALLED, ARGS("./faulty"), ARGS(options[1]));
		cr_expect(strstr(o.err, sanitized[*i].found) != NULL, "%s under %s found nothing: %s",
		          sanitized[*i].flags, sh->package, o.err);
		cr_expect(exit_status(&o) == 7 || strstr(sanitized[*i].flags, "address") == NULL,
		          "%s under %s: options were lost, status %#x", sanitized[*i].flags, sh->package, o.status);
	}
}

/* A sanitizer that the user preloads stays, behind the library. */
WRAPPER_TEST(a_sanitizer_that_is_preloaded)
{
	struct outcome o;
	char variable[512] = "LD_PRELOAD=";
	prepare("cc -print-file-name=libasan.so >name");
	slurp("name", variable + strlen(variable), sizeof variable - strlen(variable));
	variable[strcspn(variable, "\n")] = '\0';
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED,
		       ARGS("sh", "-c",
		            "grep -q /libasan /proc/$$/maps && grep -q /libonewrite.so /proc/$$/maps && : >started"),
		       ARGS(variable, "ASAN_OPTIONS=detect_leaks=0"));
		check_ran(&o, variable, sh->package);
		cr_expect(o.started, "with %s nothing ran", variable);
	}
}
