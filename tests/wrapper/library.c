/* Proves that scripts/onewrite finds the library and the tools that it needs, wherever it was installed, or refuses the
 * command. */
#include "installed.h"

#include <stdio.h>
#include <string.h>

/* --- make install ----------------------------------------------------------------------------- */

#define MAKE                                                              \
	"env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C '" SOURCE_DIR \
	"' DESTDIR=\"$PWD/a root\" PREFIX='/opt/my own' "

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

WRAPPER_TEST(directories_of_a_distribution)
{
	struct outcome o;
	prepare(MAKE "LIBDIR='/opt/my own/lib/here' MANDIR=/man install; [ -f 'a root/opt/my "
	             "own/lib/here/libonewrite.so' ] && [ -f 'a root/man/man1/onewrite.1' ]");
	launch(&o, &shells[0], "a root/opt/my own/bin/onewrite",
	       ARGS("grep", "-c", "/lib/here/libonewrite.so", "/proc/self/maps"), NULL);
	check_ran(&o, "a library elsewhere", shells[0].package);
	prepare(MAKE
	        "LIBDIR='/opt/my own/lib/here' MANDIR=/man uninstall; ! find 'a root' -type f -o -type l | grep .");
}

/* Packagers build with hardening and with flags of their own. */
WRAPPER_TEST(a_distribution_s_flags_build_it_too)
{
	prepare(MAKE "B=\"$PWD/built\" CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=2' CFLAGS='-g -O2 "
	             "-fstack-protector-strong -Wformat -Werror=format-security' "
	             "LDFLAGS='-Wl,-z,relro -Wl,-z,now' && LD_PRELOAD=\"$PWD/built/libonewrite.so\" cat /dev/null");
}

/* --- the library ------------------------------------------------------------------------------ */

WRAPPER_TEST(a_missing_library_is_refused)
{
	struct outcome o;
	prepare("rm prefix/lib/onewrite/libonewrite.so");
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, "a missing library", sh->package, "make install");
	}
}

static const struct {
	const char *name, *prepare; /* what becomes of the file $so */
} ruins[] = {
	{ "an empty file", ": >$so" },
	{ "a text", "echo nothing >$so" },
	{ "a directory", "rm $so; mkdir $so" },
	{ "a FIFO", "rm $so; mkfifo $so" },
	{ "the library's header", "truncate -s 64 $so" },
	{ "half of the library", "truncate -s $(($(stat -c %s $so) / 2)) $so" },
	{ "the library but for its end", "truncate -s -64 $so" },
};

ROW_TESTS(a_ruined_library, ruins)
{
	struct outcome o;
	prepare("so=prefix/lib/onewrite/libonewrite.so; %s", ruins[*i].prepare);
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, ruins[*i].name, sh->package, "is not a library");
		onewrite(&o, sh, "--check", "touch");
		check_refused(&o, ruins[*i].name, sh->package, "run make");
	}
}

/* The loader would take such a path in LD_PRELOAD apart, or replace a part of it. */
WRAPPER_TEST(a_library_that_cannot_be_named_to_the_loader_is_refused)
{
	static const char *const names[] = { "my:prefix", "my$LIB", "my; prefix" };
	struct outcome o;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char script[64];
		prepare("cp -r prefix '%s'", names[i]);
		snprintf(script, sizeof script, "%s/bin/onewrite", names[i]);
		UNDER_EACH(sh)
		{
			launch(&o, sh, script, ARGS("touch", "started"), NULL);
			check_refused(&o, names[i], sh->package, "move it");
		}
	}
}

WRAPPER_TEST(a_library_under_any_other_name_is_loaded)
{
	static const char *const names[] = { "quote'd",    "double\"d", "st*r",  "back\\slash", "back\\n\\c\\0slash",
		                             "new\nline",  "t\tab",     "-dash", "two  blanks", " first",
		                             "semi;colon", "\303\251" };
	struct outcome o;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char script[64];
		cr_assert(rename("prefix", names[i]) == 0);
		snprintf(script, sizeof script, "./%s/bin/onewrite", names[i]);
		UNDER_EACH(sh)
		{
			launch(&o, sh, script, ARGS("grep", "-c", "/libonewrite.so", "/proc/self/maps"), NULL);
			check_ran(&o, names[i], sh->package);
		}
		cr_assert(rename(names[i], "prefix") == 0);
	}
}

/* A path with a blank cannot be named in LD_PRELOAD. Its directory goes into LD_LIBRARY_PATH, before what was there. */
WRAPPER_TEST(a_path_with_blanks_goes_before_other_paths)
{
	struct outcome o;
	char want[512];
	snprintf(want, sizeof want, "libonewrite.so:%s/a.so\n%s/my prefix/lib/onewrite:/else:\n", dir, dir);
	char variable[256];
	snprintf(variable, sizeof variable, "LD_PRELOAD=%s/a.so", dir);
	prepare("mv prefix 'my prefix'; echo 'int x;' | cc -shared -fPIC -x c -o a.so -");
	UNDER_EACH(sh)
	{
		launch(&o, sh, "my prefix/bin/onewrite", ARGS("printenv", "LD_PRELOAD", "LD_LIBRARY_PATH"),
		       ARGS(variable, "LD_LIBRARY_PATH=/else:"));
		check_ran(&o, "a path with blanks", sh->package);
		cr_assert(strcmp(o.out, want) == 0, "under %s it is %swant %s", sh->package, o.out, want);
		launch(&o, sh, "my prefix/bin/onewrite",
		       ARGS("sh", "-c", "cd / && exec grep -c 'my prefix.*/libonewrite.so' /proc/self/maps"), NULL);
		check_ran(&o, "a child in another directory", sh->package);
	}
}

/* The layout of Debian's packages: the library is directly in a directory that the loader calls $LIB, and there is a
 * link to it beside judge. */
#define MULTIARCH                                                                                                    \
	"arch=$(cc -print-multiarch); [ \"$arch\" ] || exit 1; mkdir -p usr/lib/$arch other; mv prefix/bin usr; mv " \
	"prefix/lib/onewrite usr/lib\n"                                                                              \
	"mv usr/lib/onewrite/libonewrite.so usr/lib/$arch; ln -s ../$arch/libonewrite.so usr/lib/onewrite\n"

WRAPPER_TEST(a_library_where_the_loader_looks)
{
	struct outcome o;
	prepare(MULTIARCH);
	UNDER_EACH(sh)
	{
		launch(&o, sh, "usr/bin/onewrite",
		       ARGS("grep", "-c", "/usr/lib/[^/]*/libonewrite.so", "/proc/self/maps"), NULL);
		check_ran(&o, "a link beside judge", sh->package);
		launch(&o, sh, "usr/bin/onewrite",
		       ARGS("sh", "-c", "case $LD_PRELOAD in /*-linux-gnu*/libonewrite.so) ;; *) exit 1 ;; esac"),
		       NULL);
		check_ran(&o, "a library for one word size", sh->package);
	}
}

#ifdef __x86_64__
/* Where the library for 32 bits is installed as well, one name serves both, and a program of 32 bits is started. */
WRAPPER_TEST(a_library_for_each_word_size)
{
	struct outcome o;
	prepare(MULTIARCH "mkdir usr/lib/i386-linux-gnu; cd usr/lib/i386-linux-gnu\n"
	                  "printf '\\177ELF\\001\\001\\001%%09d\\003\\000\\003\\000' 0 >libonewrite.so; cp "
	                  "libonewrite.so ../../../it; chmod +x ../../../it; cd ../../..\n"
	                  "printf '#include <stdio.h>\\n#include <stdlib.h>\\nint main(void) { "
	                  "puts(getenv(\"LD_PRELOAD\")); }\\n' >named.c; musl-gcc -o named named.c");
	UNDER_EACH(sh)
	{
		launch(&o, sh, "usr/bin/onewrite",
		       ARGS("grep", "-c", "/usr/lib/x86_64-linux-gnu/libonewrite.so", "/proc/self/maps"), NULL);
		check_ran(&o, "a program of 64 bits", sh->package);
		launch(&o, sh, "usr/bin/onewrite", ARGS("printenv", "LD_PRELOAD"), NULL);
		cr_expect(strstr(o.out, "/usr/$LIB/libonewrite.so\n") != NULL, "under %s the library is named %s",
		          sh->package, o.out);
		launch(&o, sh, "usr/bin/onewrite", ARGS("./named"), NULL);
		cr_expect(strstr(o.out, "/usr/lib/x86_64-linux-gnu/libonewrite.so\n") != NULL,
		          "musl knows no $LIB: %s%s", o.out, o.err);
		launch(&o, sh, "usr/bin/onewrite", ARGS("--check", "./it"), NULL);
		cr_expect(exit_status(&o) == 0 && strstr(o.out, "of that size") != NULL, "a program of 32 bits: %s%s",
		          o.out, o.err);
	}
}
#endif

WRAPPER_TEST(the_library_is_found_in_a_checkout_and_behind_links)
{
	static const char *const ways[] = { "checkout/scripts/onewrite", "links/onewrite", "links/far" };
	struct outcome o;
	prepare("set -e; mkdir -p checkout/build links\n"
	        "mv prefix/bin checkout/scripts; mv prefix/lib/onewrite/* checkout/build\n"
	        "ln -s ../checkout/scripts/onewrite links; ln -s \"$PWD/links/onewrite\" links/far");
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		UNDER_EACH(sh)
		{
			launch(&o, sh, ways[i], ARGS("grep", "-c", "/checkout/build/libonewrite.so", "/proc/self/maps"),
			       NULL);
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
	UNDER_EACH(sh)
	{
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
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, "a missing judge", sh->package, "make install");
		onewrite(&o, sh, "--version");
		check_ran(&o, "--version", sh->package);
	}
}

/* Only a start by a symbolic link needs a tool (readlink). */
WRAPPER_TEST(no_tool_is_needed)
{
	struct outcome o;
	prepare("ln -s prefix/bin/onewrite link; mkdir tools");
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, ARGS("/usr/bin/touch", "started"), ARGS("PATH="));
		cr_assert(o.started, "an empty PATH under %s: %s", sh->package, o.err);
	}
	launch(&o, NULL, "/bin/dash", ARGS("link", "/usr/bin/touch", "started"), ARGS("PATH=tools"));
	check_refused(&o, "a link", "dash", "there is no readlink in PATH");
}
