/* Proves what bash, zsh and fish offer behind `onewrite`, by asking the shells themselves (completion/). */
#include "installed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *script;
} completions[] = { { "bash", "onewrite.bash" }, { "zsh", "_onewrite" }, { "fish", "onewrite.fish" } };
enum { COMPLETIONS = sizeof completions / sizeof *completions };

/* Asks for the completions of this line; o->out has one to a line. */
static void ask(struct outcome *o, size_t shell, const char *script, const char *line, const char *const variables[])
{
	char path[512];
	snprintf(path, sizeof path, "%s/tests/wrapper/completion/%s", SOURCE_DIR, completions[shell].name);
	launch(o, NULL, path, ARGS(script, line), variables);
	cr_assert(o->status == 0 && o->err[0] == '\0', "%s (is the package installed?): status %#x, said %s",
	          completions[shell].name, o->status, o->err);
}

static void ask_ours(struct outcome *o, size_t shell, const char *line)
{
	char script[512];
	snprintf(script, sizeof script, "%s/scripts/completions/%s", SOURCE_DIR, completions[shell].script);
	ask(o, shell, script, line, NULL);
}

/* Is `word` among the answers? A shell may repeat in front of it what stands in front of it in the line. */
static bool offers(const char *answers, const char *word)
{
	for (const char *p = answers; *p != '\0'; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
		size_t n = strcspn(p, "\n"), size = strlen(word);
		n -= n == size + 1 && p[size] == '/'; /* some shells mark a directory */
		if (n >= size && memcmp(p + n - size, word, size) == 0 &&
		    (n == size || strchr("=,", p[n - size - 1]) != NULL))
			return true;
	}
	return false;
}

static const struct {
	const char *line;
	const char *offered[3], *not_offered;
} lines[] = {
	{ "onewrite --jo", { "--join" }, "--hold" },
	{ "onewrite --join ", { "header", "message" }, "memory" },
	{ "onewrite --join=", { "header", "message" }, "memory" },
	{ "onewrite --join=h", { "header" }, "message" },
	{ "onewrite --hold ", { "memory", "kernel" }, "header" },
	{ "onewrite --hold=k", { "kernel" }, "memory" },
	{ "onewrite --timeout ", { "500us", "5ms" }, "header" },
	{ "onewrite --pro", { "--probe" }, "--check" },
	{ "onewrite --probe ", { "http://localhost:8000/" }, "--head" },
	{ "onewrite --compare ", { "http://localhost:8000/" }, "--head" },
	{ "onewrite --show pre", { "prefix" }, "--force" },
	{ "onewrite --format ", { "table", "json" }, "header" },
	{ "onewrite --show prefix --wat", { "--watch" }, "--force" },
	{ "onewrite --picture=scr", { "script" }, "--force" },
	{ "onewrite --compare http://localhost:8000/ tou", { "touch" }, "--force" },
	{ "onewrite --post scr", { "script" }, "--force" },
	{ "onewrite --trace scr", { "script" }, "--force" },
	{ "onewrite --trace=scr", { "script" }, "--force" },
	{ "onewrite --only tou", { "touch" }, "--force" },
	{ "onewrite --only nginx,tou", { "touch" }, "--force" },
	{ "onewrite --only=nginx,tou", { "touch" }, "--force" },
	{ "onewrite --join header --ti", { "--timeout" }, "--trace" },
	{ "onewrite --join=header --ti", { "--timeout" }, "--trace" },
	/* These rows complete the command. */
	{ "onewrite tou", { "touch" }, "--force" },
	{ "onewrite --check tou", { "touch" }, "--force" },
	{ "onewrite --join header tou", { "touch" }, "--force" },
	{ "onewrite --join=header tou", { "touch" }, "--force" },
	{ "onewrite -- tou", { "touch" }, "--force" },
	/* These rows complete the command's own words. */
	{ "onewrite ls --al", { "--all", "--almost-all" }, "--author" },
	{ "onewrite --timeout 5ms ls --al", { "--all" }, "--author" },
	{ "onewrite --timeout=5ms ls --al", { "--all" }, "--author" },
	{ "onewrite --check --join header ls --al", { "--all" }, "--author" },
	{ "onewrite -- ls --al", { "--all" }, "--author" },
	{ "onewrite ls --jo", { NULL }, "--join" },
	{ "onewrite ls --join ", { NULL }, "header" },
};

ROW_TESTS(completion, lines)
{
	static struct outcome o;
	for (size_t shell = 0; shell < COMPLETIONS; shell++) {
		ask_ours(&o, shell, lines[*i].line);
		for (size_t j = 0; lines[*i].offered[j] != NULL; j++)
			cr_expect(offers(o.out, lines[*i].offered[j]), "%s, '%s': no %s among\n%s",
			          completions[shell].name, lines[*i].line, lines[*i].offered[j], o.out);
		cr_expect(!offers(o.out, lines[*i].not_offered), "%s, '%s': there is %s", completions[shell].name,
		          lines[*i].line, lines[*i].not_offered);
	}
}

/* Without the functions of bash-completion, bash itself knows commands and files. */
Test(completion, bash_without_its_helpers, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome o;
	ask(&o, 0, SOURCE_DIR "/scripts/completions/onewrite.bash", "onewrite --join header tou",
	    ARGS("WITHOUT_HELPERS=1"));
	cr_expect(offers(o.out, "touch"), "the command: %s", o.out);
	ask(&o, 0, SOURCE_DIR "/scripts/completions/onewrite.bash", "onewrite --join header ls scr",
	    ARGS("WITHOUT_HELPERS=1"));
	cr_expect(offers(o.out, "script"), "a file: %s", o.out);
}

Test(completion, bash_where_an_equals_sign_ends_no_word, .init = install, .fini = uninstall, .timeout = 60)
{
	static const char *const rows[][2] = { { "onewrite --join=h", "--join=header" },
		                               { "onewrite --trace=scr", "--trace=script" },
		                               { "onewrite --only=nginx,tou", "--only=nginx,touch" },
		                               { "onewrite --join=header tou", "touch" },
		                               { "onewrite --hold ", "memory" } };
	static struct outcome o;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ask(&o, 0, SOURCE_DIR "/scripts/completions/onewrite.bash", rows[i][0], ARGS("WITHOUT_EQUALS=1"));
		cr_expect(offers(o.out, rows[i][1]), "'%s': %s", rows[i][0], o.out);
	}
}

/* Each word of --help that is an option is offered, and is in the manual. */
Test(completion, no_option_is_missing, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome help, brief[COMPLETIONS], full[COMPLETIONS], manual;
	int options = 0;
	onewrite(&help, &shells[0], "--help");
	for (size_t shell = 0; shell < COMPLETIONS; shell++) {
		ask_ours(&brief[shell], shell, "onewrite -");
		ask_ours(&full[shell], shell, "onewrite --");
	}
	launch(&manual, NULL, "/bin/sh",
	       ARGS("-c", "mandoc -T ascii '" SOURCE_DIR
	                  "/docs/man/onewrite.1' | sed 's/.\b//g' | tr -s ' ,=|[]' '\\n' | sort -u"),
	       NULL);
	for (char *line = strtok(help.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, "  -", 3) != 0)
			continue;
		for (char *p = line, option[32];
		     (p = strstr(p, " -")) != NULL && sscanf(p, " %31[-a-zA-Z]", option) == 1; p += 2) {
			options++;
			cr_expect(offers(manual.out, option), "onewrite(1) has no %s", option);
			for (size_t shell = 0; shell < COMPLETIONS; shell++)
				cr_expect(offers(brief[shell].out, option) || offers(full[shell].out, option),
				          "%s does not know %s", completions[shell].name, option);
		}
	}
	cr_expect(options == 24, "%d options in --help", options);
}

/* The completions are found where `make install` puts them, because the shells look there. */
Test(completion, installed, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome o;
	char data[256], path[256], script[256];
	prepare("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C '" SOURCE_DIR "' PREFIX=\"$PWD/there\" install");
	snprintf(data, sizeof data, "XDG_DATA_DIRS=%s/there/share:/usr/share", dir);
	/* fish completes only commands that it finds */
	snprintf(path, sizeof path, "PATH=%s/there/bin:/usr/bin:/bin", dir);
	snprintf(script, sizeof script, "%s/there/share/zsh/site-functions/_onewrite", dir);
	for (size_t shell = 0; shell < COMPLETIONS; shell++) {
		ask(&o, shell, strcmp(completions[shell].name, "zsh") == 0 ? script : "", "onewrite --join ",
		    ARGS(data, path));
		cr_expect(offers(o.out, "message"), "%s: %s", completions[shell].name, o.out);
	}
}
