/* scripts/onewrite has the library and the tools that it needs, wherever it was installed, or refuses the command. */
#include "installed.h"

#include <stdio.h>
#include <string.h>

/* --- make install ----------------------------------------------------------------------------------------------- */

#define MAKE "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C '" SOURCE_DIR "' DESTDIR=\"$PWD/a root\" PREFIX='/opt/my own' "

WRAPPER_TEST(what_is_installed_can_be_taken_away_and_again)
{
	struct outcome o;
	prepare(MAKE "install");
	launch(&o, &shells[0], "a root/opt/my own/bin/onewrite", ARGS("--version"), NULL);
	check_ran(&o, "the installed copy", shells[0].package);
	for (int i = 0; i < 2; i++)
		prepare(MAKE "uninstall >said 2>&1 && ! [ -s said ]");
	prepare("! find 'a root' -type f -o -name onewrite | grep .");
}

/* As packagers build: hardened, with flags of their own. */
WRAPPER_TEST(a_distribution_s_flags_build_it_too)
{
	prepare(MAKE "B=\"$PWD/built\" CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=2' CFLAGS='-g -O2 -fstack-protector-strong -Wformat -Werror=format-security' "
		"LDFLAGS='-Wl,-z,relro -Wl,-z,now' && LD_PRELOAD=\"$PWD/built/libonewrite.so\" cat /dev/null");
}

/* --- the library ------------------------------------------------------------------------------------------------ */

WRAPPER_TEST(a_missing_library_is_refused)
{
	struct outcome o;
	prepare("rm prefix/lib/onewrite/libonewrite.so");
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, "a missing library", sh->package, "make install");
	}
}

static const struct {
	const char *name, *prepare; /* for the file $so */
} ruins[] = {
	{ "an empty file", ": >$so" }, { "a text", "echo nothing >$so" }, { "a directory", "rm $so; mkdir $so" },
	{ "a FIFO", "rm $so; mkfifo $so" }, { "the library's header", "truncate -s 64 $so" },
	{ "half of the library", "truncate -s $(($(stat -c %s $so) / 2)) $so" },
	{ "the library but for its end", "truncate -s -64 $so" },
};

ROW_TESTS(a_ruined_library, ruins)
{
	struct outcome o;
	prepare("so=prefix/lib/onewrite/libonewrite.so; %s", ruins[*i].prepare);
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, ruins[*i].name, sh->package, "is not a library");
		onewrite(&o, sh, "--check", "touch");
		check_refused(&o, ruins[*i].name, sh->package, "run make");
	}
}

/* What ld.so takes apart or replaces in LD_PRELOAD. */
WRAPPER_TEST(a_library_that_cannot_be_named_to_the_loader_is_refused)
{
	static const char *const names[] = { "my prefix", "my:prefix", "my$LIB" };
	struct outcome o;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char script[64];
		prepare("cp -r prefix '%s'", names[i]);
		snprintf(script, sizeof script, "%s/bin/onewrite", names[i]);
		UNDER_EACH(sh) {
			launch(&o, sh, script, ARGS("touch", "started"), NULL);
			check_refused(&o, names[i], sh->package, "move it");
		}
	}
}

WRAPPER_TEST(a_library_under_any_other_name_is_loaded)
{
	static const char *const names[] = { "quote'd", "double\"d", "st*r", "back\\slash", "back\\n\\c\\0slash", "new\nline", "t\tab", "-dash",
		"\303\251" };
	struct outcome o;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char script[64];
		cr_assert(rename("prefix", names[i]) == 0);
		snprintf(script, sizeof script, "./%s/bin/onewrite", names[i]);
		UNDER_EACH(sh) {
			launch(&o, sh, script, ARGS("grep", "-c", "/libonewrite.so", "/proc/self/maps"), NULL);
			check_ran(&o, names[i], sh->package);
		}
		cr_assert(rename(names[i], "prefix") == 0);
	}
}

WRAPPER_TEST(the_library_is_found_in_a_checkout_and_behind_links)
{
	static const char *const ways[] = { "checkout/scripts/onewrite", "links/onewrite", "links/far" };
	struct outcome o;
	prepare("set -e; mkdir -p checkout/build links\n"
	        "mv prefix/bin checkout/scripts; mv prefix/lib/onewrite/* checkout/build\n"
	        "ln -s ../checkout/scripts/onewrite links; ln -s \"$PWD/links/onewrite\" links/far");
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		UNDER_EACH(sh) {
			launch(&o, sh, ways[i], ARGS("grep", "-c", "/checkout/build/libonewrite.so", "/proc/self/maps"), NULL);
			check_ran(&o, ways[i], sh->package);
		}
	}
	launch(&o, NULL, "links/far", ARGS("touch", "started"), NULL);
	cr_assert(o.started, "links/far, started by itself: %s", o.err);
}

WRAPPER_TEST(an_existing_preload_stays_behind_ours)
{
	struct outcome o;
	char want[256];
	snprintf(want, sizeof want, "%s/prefix/lib/onewrite/libonewrite.so:%s/a.so:%s/b.so\n", dir, dir, dir);
	char variable[256];
	snprintf(variable, sizeof variable, "LD_PRELOAD=%s/a.so:%s/b.so", dir, dir);
	prepare("echo 'int x;' | cc -shared -fPIC -x c -o a.so - && cp a.so b.so");
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, ARGS("printenv", "LD_PRELOAD"), ARGS(variable));
		check_ran(&o, "LD_PRELOAD=a.so:b.so", sh->package);
		cr_assert(strcmp(o.out, want) == 0, "under %s LD_PRELOAD is %swant %s", sh->package, o.out, want);
		launch(&o, sh, INSTALLED, ARGS("printenv", "LD_PRELOAD"), ARGS("LD_PRELOAD="));
		cr_assert(strchr(o.out, ':') == NULL, "under %s an empty LD_PRELOAD became %s", sh->package, o.out);
	}
}

WRAPPER_TEST(a_missing_judge_is_refused)
{
	struct outcome o;
	prepare("rm prefix/lib/onewrite/judge");
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, "a missing judge", sh->package, "make install");
		onewrite(&o, sh, "--version");
		check_ran(&o, "--version", sh->package);
	}
}

/* Only who comes by a link needs a tool. */
WRAPPER_TEST(no_tool_is_needed)
{
	struct outcome o;
	prepare("ln -s prefix/bin/onewrite link; mkdir tools");
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, ARGS("/usr/bin/touch", "started"), ARGS("PATH="));
		cr_assert(o.started, "an empty PATH under %s: %s", sh->package, o.err);
	}
	launch(&o, NULL, "/bin/dash", ARGS("link", "/usr/bin/touch", "started"), ARGS("PATH=tools"));
	check_refused(&o, "a link", "dash", "there is no readlink in PATH");
}
