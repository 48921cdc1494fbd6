/* Proves that scripts/onewrite refuses what it cannot understand, and starts nothing. */
#include "installed.h"

static const struct refusal {
	const char *name;
	const char *args[ARGS_MAX];
	const char *cure;
} refusals[] = {
	{ "no command", { NULL }, "onewrite [options] COMMAND" },
	{ "options without a command", { "--timeout", "5ms" }, "onewrite [options] COMMAND" },
	{ "nothing behind --", { "--" }, "onewrite [options] COMMAND" },
	{ "an unknown option", { "--frobnicate", "touch", "started" }, "see onewrite --help" },
	{ "an unknown short option", { "-t", "5ms", "touch", "started" }, "see onewrite --help" },
	{ "a value for an option that has none", { "--force=yes", "touch", "started" }, "see onewrite --help" },
	{ "--timeout at the end", { "--timeout" }, "needs a value" },
	{ "--timeout before another option", { "--timeout", "--force", "touch", "started" }, "needs a value" },
	{ "--timeout= with nothing", { "--timeout=", "touch", "started" }, "needs a value" },
	{ "--trace before another option", { "--trace", "--check", "touch", "started" }, "needs a value" },
	{ "a time without a unit", { "--timeout", "5", "touch", "started" }, "500us or 5ms" },
	{ "a time in minutes", { "--timeout", "5m", "touch", "started" }, "500us or 5ms" },
	{ "a unit without a number", { "--timeout", "ms", "touch", "started" }, "500us or 5ms" },
	{ "a negative time", { "--timeout", "-5ms", "touch", "started" }, "500us or 5ms" },
	{ "a fraction", { "--timeout", "1.5ms", "touch", "started" }, "500us or 5ms" },
	{ "a blank before the unit", { "--timeout", "5 ms", "touch", "started" }, "500us or 5ms" },
	{ "an expression", { "--timeout", "2*3ms", "touch", "started" }, "500us or 5ms" },
	{ "no time at all", { "--timeout", "0ms", "touch", "started" }, "from 100us to 1s" },
	{ "99us", { "--timeout", "99us", "touch", "started" }, "from 100us to 1s" },
	{ "1001ms", { "--timeout=1001ms", "touch", "started" }, "from 100us to 1s" },
	{ "2s", { "--timeout=2s", "touch", "started" }, "from 100us to 1s" },
	{ "2^64 ms and 5", { "--timeout=18446744073709551621ms", "touch", "started" }, "from 100us to 1s" },
	{ "an unknown --join", { "--join", "all", "touch", "started" }, "header or message" },
	{ "an unknown --hold", { "--hold=disk", "touch", "started" }, "memory or kernel" },
	{ "an empty name in --only", { "--only", "python3,,java", "touch", "started" }, "python3,java" },
	{ "a path in --only", { "--only", "/usr/bin/java", "touch", "started" }, "python3,java" },
	{ "a blank in --only", { "--only", "python3, java", "touch", "started" }, "python3,java" },
	{ "a trace in no directory", { "--trace", "nowhere/trace", "touch", "started" }, "name a file in a directory" },
	{ "a trace that is a directory", { "--trace=prefix", "touch", "started" }, "name a file in a directory" },
	{ "a command that is nowhere", { "onewrite-no-such-command" }, "give its path" },
	{ "an empty command", { "" }, "give its path" },
	{ "a whole command line in one word", { "touch started" }, "as separate words" },
	{ "a path that leads nowhere", { "./no-such-command" }, "check its path" },
	{ "a directory", { "./prefix" }, "name a program in it" },
	{ "a file that is not executable", { "./program.c" }, "chmod +x" },
	{ "a file that may be on a file system mounted noexec", { "./program.c" }, "noexec" },
	{ "what is nowhere, even with --force", { "--force", "onewrite-no-such-command" }, "give its path" },
	{ "no number of a process", { "--check", "99999999" }, "there is no process" },
	{ "--probe without a URL", { "--probe" }, "needs a value" },
	{ "--probe of what is no URL", { "--probe", "localhost:80" }, "write it like http://" },
	{ "--probe of another scheme", { "--probe=ftp://localhost/" }, "write it like http://" },
	{ "--probe without a host", { "--probe", "http:///" }, "write it like http://" },
	{ "--probe with a port of letters", { "--probe", "http://localhost:http/" }, "1 to 65535" },
	{ "--probe with port 0", { "--probe", "http://localhost:0/" }, "1 to 65535" },
	{ "--probe with port 65536", { "--probe", "http://localhost:65536/" }, "1 to 65535" },
	{ "--probe with half an address", { "--probe", "http://[::1/" }, "has no ]" },
	{ "--probe with more than an address", { "--probe", "http://[::1]80/" }, "than a port" },
	{ "--probe with a name of a user", { "--probe", "http://me@localhost/" }, "before the @" },
	{ "--probe with a blank", { "--probe", "http://localhost/a b" }, "%20" },
	{ "--probe with a command", { "--probe", "http://localhost/", "touch", "started" }, "leave out 'touch'" },
	{ "--probe with a setting",
	  { "--join=header", "--probe", "http://localhost/" },
	  "leave out the other options" },
	{ "--probe with --check", { "--check", "--probe", "http://localhost/" }, "leave out the other options" },
	{ "--probe with two methods", { "--probe=http://localhost/", "--head", "--post=script" }, "leave out one" },
	{ "--post of a file that is not there", { "--probe=http://localhost/", "--post=none" }, "cannot be read" },
	{ "--post of a directory", { "--probe=http://localhost/", "--post=prefix" }, "name a smaller one" },
	{ "--head with a command", { "--head", "touch", "started" }, "with --probe" },
	{ "--compare without a URL", { "--compare" }, "needs a value" },
	{ "--compare of what is no URL", { "--compare", "localhost", "touch", "started" }, "write it like http://" },
	{ "--compare with https", { "--compare", "https://127.0.0.1/", "touch", "started" }, "with http://" },
	{ "--compare elsewhere", { "--compare", "http://192.0.2.1:9/", "touch", "started" }, "of this machine" },
	{ "--compare without a command", { "--compare", "http://127.0.0.1:9/" }, "there is no command" },
	{ "--compare of nothing", { "--compare", "http://127.0.0.1:9/", "onewrite-no-such-command" }, "give its path" },
	{ "--compare with --check",
	  { "--check", "--compare", "http://127.0.0.1:9/", "touch", "started" },
	  "one of them" },
	{ "--compare with --probe",
	  { "--probe", "http://127.0.0.1:9/", "--compare", "http://127.0.0.1:9/" },
	  "leave out the other options" },
	{ "--picture alone", { "--picture=x.svg", "touch", "started" }, "with --probe or --compare" },
	{ "a picture in no directory",
	  { "--compare", "http://127.0.0.1:9/", "--picture", "nowhere/x.svg", "touch", "started" },
	  "name a file in a directory" },
	{ "what is nowhere, when asked", { "--check", "onewrite-no-such-command" }, "give its path" },
};

ROW_TESTS(refused_usage, refusals)
{
	const struct refusal *r = &refusals[*i];
	struct outcome o;
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, r->args, NULL);
		check_refused(&o, r->name, sh->package, r->cure);
	}
}
