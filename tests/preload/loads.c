/* Proves that the library keeps no program from starting. `make` passes each library through a gate for that
 * (scripts/gate); here the gate itself is tried. */
#include "harness.h"
#include "library.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if !defined __SANITIZE_ADDRESS__ && !defined UNDER_SANITIZER /* a sanitizer's library needs the sanitizer */

static int run_command(const char *command, char *said, size_t size)
{
	FILE *p = popen(command, "r");
	size_t n;

	cr_assert(p != NULL, "cannot run %s", command);
	n = fread(said, 1, size - 1, p);
	said[n] = '\0';
	return pclose(p);
}

#define GATE "'" SOURCE_DIR "/scripts/gate' "
#define MAP  " '" BUILD_DIR "/exports.map' 2>&1"

Test(loads, gate_lets_the_library_pass, .timeout = 60)
{
	char said[2000];
	int status = run_command("cd '" SOURCE_DIR "' && " GATE LIBRARY_IN_SHELL MAP, said, sizeof said);
	const char *old = getenv("OLD_GLIBC");

	cr_expect(status == 0, "wait status %#x; it said %s", (unsigned)status, said);
	cr_expect(strstr(said, "tried with this libc") != NULL && strstr(said, ", musl") != NULL &&
	                  strstr(said, "musl-tools") == NULL,
	          "not everything was tried (are the packages gcc, binutils, musl-tools installed?): %s", said);
	cr_expect(old == NULL || *old == '\0' || strstr(said, ", the libc in ") != NULL,
	          "not tried with the libc in %s: %s", old, said);
}

/* Libraries that the gate must refuse, each for one reason. */
static const struct {
	const char *made_by; /* makes libonewrite.so in an empty directory */
	const char *refusal;
} refused[] = {
	{ "echo 'int i;' | cc -shared -fPIC -o libonewrite.so -x c - -Wl,--no-as-needed -lm", "needs libm.so.6: " },
	/* no program of glibc's has libc.so */
	{ "echo 'int i;' | musl-gcc -shared -fPIC -o libonewrite.so -x c -", "needs libc.so: " },
	{ "printf '#define _GNU_SOURCE\\n#include <pthread.h>\\nvoid *f(void) { return pthread_clockjoin_np; }' |"
	  " cc -shared -fPIC -o libonewrite.so -x c -",
	  "it would keep programs with an older glibc from starting" },
	{ "printf '#include <stdio.h>\\nvoid *f(void) { return puts; }' | cc -shared -fPIC -o libonewrite.so -x c -",
	  "wants puts, " },
	{ "echo 'int i;' | cc -shared -fPIC -o libonewrite.so -x c -",
	  "does not export the hooks as its map has them" },
#ifdef __x86_64__ /* memory functions in a version that no libc has, and whose number looks old */
	{ "LC_ALL=C sed 's/GLIBC_2\\.14/GLIBC_0.14/' " LIBRARY_IN_SHELL " > libonewrite.so",
	  "keeps a program with this libc from running as usual" },
#endif
};

EACH_TEST(loads, gate_refuses, ROWS(refused), 60)
{
	char directory[] = "/tmp/onewrite-gate-XXXXXX", command[2000], said[4000];

	cr_assert(mkdtemp(directory) != NULL, "cannot make a directory under /tmp");
	snprintf(command, sizeof command, "cd %s && { %s; } && " GATE "%s/libonewrite.so" MAP, directory,
	         refused[*i].made_by, directory);
	cr_expect(run_command(command, said, sizeof said) != 0 && strstr(said, refused[*i].refusal) != NULL,
	          "%s: it said %s", refused[*i].made_by, said);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0, "%s", command);
}

/* Library and judge are hardened: what readelf prints of each file, and what is to be found there. */
static const struct {
	const char *file, *option, *found;
} hardened[] = {
	{ LIBRARY_IN_SHELL, "-lW", "GNU_RELRO" },
	{ LIBRARY_IN_SHELL, "-dW", "BIND_NOW" },
	{ "'" BUILD_DIR "/probe'", "-lW", "GNU_RELRO" },
	{ "'" BUILD_DIR "/probe'", "-dW", "Flags: .*NOW" },
	{ "'" BUILD_DIR "/probe'", "-hW", "DYN" },
	{ "'" BUILD_DIR "/show'", "-lW", "GNU_RELRO" },
	{ "'" BUILD_DIR "/show'", "-dW", "Flags: .*NOW" },
	{ "'" BUILD_DIR "/show'", "-hW", "DYN" },
	{ "'" BUILD_DIR "/judge'", "-lW", "GNU_RELRO" },
	{ "'" BUILD_DIR "/judge'", "-dW", "Flags: .*NOW" },
	{ "'" BUILD_DIR "/judge'", "-hW", "DYN" },
#if defined __x86_64__ || defined __i386__
	{ LIBRARY_IN_SHELL, "-nW", "SHSTK" },
	{ "'" BUILD_DIR "/judge'", "-nW", "SHSTK" },
#endif
#if defined __x86_64__ || defined __i386__ || defined __powerpc64__ || \
	defined __s390x__ /* where the stack protector's canary lies in the thread's own memory */
	{ LIBRARY_IN_SHELL, "-sW", "__stack_chk_fail" },
	{ "'" BUILD_DIR "/judge'", "-sW", "__stack_chk_fail" },
#endif
};

EACH_TEST(loads, hardened_files, ROWS(hardened), 60)
{
	char command[2000], said[4000];

	snprintf(command, sizeof command, "readelf %s %s | grep -e '%s'", hardened[*i].option, hardened[*i].file,
	         hardened[*i].found);
	cr_expect(run_command(command, said, sizeof said) == 0, "not hardened: %s", command);
}

Test(loads, what_the_libc_behind_us_lacks_fails, .timeout = 30)
{
	char command[1000], said[300];
	int status;

	snprintf(command, sizeof command,
	         "l=" LIBRARY_IN_SHELL "; LD_LIBRARY_PATH=${l%%/*} LD_PRELOAD=${l##*/} '" BUILD_DIR
	         "/tests/programs/musl_absent' 2>&1");
	status = run_command(command, said, sizeof said);
	cr_expect(status == 0 && strcmp(said, "25 names, 0 do not come back honestly\n") == 0,
	          "wait status %#x; it said %s", (unsigned)status, said);
}
#else
Test(loads, with_a_sanitizer_is_the_sanitizers_business)
{
}
#endif
