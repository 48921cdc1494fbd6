/* Proves what onewrite --compare says of a command, and that it leaves nothing running, however it ends. */
#include "canned.h"
#include "installed.h"
#include "machine.h"
#include "number.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define LEGACY BUILD_DIR "/tests/programs/legacy"
#define ODD    BUILD_DIR "/tests/programs/odd"

static char url[64], port[8];

/* Is there somebody at the port? If it is 0, a free one is taken. */
static bool somebody_listens(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	here.sin_port = htons((in_port_t)natural("port", *port != '\0' ? port : "0"));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	bool bound = bind(fd, (struct sockaddr *)&here, size) == 0;
	getsockname(fd, (struct sockaddr *)&here, &size);
	close(fd);
	snprintf(port, sizeof port, "%u", ntohs(here.sin_port));
	snprintf(url, sizeof url, "http://127.0.0.1:%s/", port);
	return !bound;
}

static void prepare_compare(void)
{
	install();
	strcpy(port, "0");
	cr_assert(!somebody_listens());
}

#define COMPARE_TEST(name) Test(compare, name, .init = prepare_compare, .fini = uninstall, .timeout = 120)

static void expect_said(const char *name, const char *text, const char *const said[], size_t count)
{
	for (size_t i = 0; i < count && said[i] != NULL; i++)
		cr_expect(strstr(text, said[i]) != NULL, "%s: no '%s' in\n%s", name, said[i], text);
}

static const struct compared {
	const char *name;
	const char *option;
	const char *way; /* of odd; NULL: legacy */
	int status;
	const char *said[4]; /* on standard output; for a failure on standard error */
} compared[] = {
	{ "a server that writes line by line",
	  NULL,
	  NULL,
	  0,
	  { "7 writes, 2 segments, ", "1 write, 1 segment, ", "the same bytes in all 200 responses", "delayed ACK" } },
	{ "HEAD", "--head", NULL, 0, { "HEAD http://127.0.0.1:", "the same bytes" } },
	{ "POST",
	  "--post=script",
	  "",
	  0,
	  { "POST http://127.0.0.1:", "2 writes, 2 segments, ", "1 write, 1 segment, " } },
	{ "a setting for the library", "--hold=kernel", "", 0, { "2 writes, 2 segments, ", "2 writes, 1 segment, " } },
	{ "another Date each time", NULL, "dated", 0, { "the same bytes" } },
	{ "another page each time",
	  NULL,
	  "counter",
	  0,
	  { "the bytes cannot be compared, for the responses differ from each other", "'a page " } },
	{ "another page with the library", NULL, "helped", 1, { NULL } },
	{ "a daemon", NULL, "daemon", 0, { "1 write, 1 segment, ", "the same bytes" } },
	{ "a server that ignores SIGTERM", NULL, "stubborn", 0, { "the same bytes" } },
	{ "a response without end", NULL, "endless", 1, { "too long" } },
	{ "a server of TLS", NULL, "tls", 1, { "the server speaks TLS" } },
};

ParameterizedTestParameters(compare, commands)
{
	static size_t index[sizeof compared / sizeof *compared];
	for (size_t i = 0; i < sizeof compared / sizeof *compared; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, sizeof compared / sizeof *compared);
}

ParameterizedTest(size_t *i, compare, commands, .init = prepare_compare, .fini = uninstall, .timeout = 120)
{
	const struct compared *c = &compared[*i];
	static struct outcome o;
	const char *file = c->way != NULL ? ODD : LEGACY;
	/* On a machine with hardly any CPU time no response may be complete in time, not even too long. */
	for (int n = 0; n < 3 && (n == 0 || strstr(o.err, "no complete response in time") != NULL); n++)
		if (c->option != NULL)
			onewrite(&o, &shells[0], "--compare", url, c->option, "--", file, port, c->way);
		else
			onewrite(&o, &shells[0], "--compare", url, file, port, c->way);
	cr_assert(exit_status(&o) == c->status, "%s: status %#x: %s%s", c->name, o.status, o.out, o.err);
	cr_expect(!somebody_listens(), "%s: it still runs", c->name);
	if (c->status == 0 && strstr(o.out, "writes cannot be counted") != NULL)
		machine_skip(c->name, "system calls cannot be counted here");
	expect_said(c->name, c->status == 0 ? o.out : o.err, c->said, 4);
	if (c->status == 0)
		cr_expect(o.err[0] == '\0', "%s: something on standard error: %s", c->name, o.err);
}

COMPARE_TEST(bytes_that_differ_are_shown)
{
	static struct outcome o;
	onewrite(&o, &shells[0], "--compare", url, ODD, port, "helped");
	cr_expect(exit_status(&o) == 1 &&
	                  strstr(o.out, "but the answers differ, and that must never happen: at byte ") &&
	                  strstr(o.out, "'a page 0' and 'helped 0'"),
	          "status %#x: %s%s", o.status, o.out, o.err);
}

COMPARE_TEST(under_each_shell)
{
	static struct outcome o;
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--timeout", "5ms", "--compare", url, "--", LEGACY, port);
		check_ran(&o, "--compare", sh->package);
	}
}

COMPARE_TEST(python)
{
	static struct outcome o;
	if (system("python3 -m http.server --help 2>/dev/null | grep -q -e --protocol") != 0)
		machine_skip("python3 -m http.server", "there is no python3 that keeps connections");
	onewrite(&o, &shells[0], "--compare", url, "python3", "-m", "http.server", "--protocol", "HTTP/1.1", "--bind",
	         "127.0.0.1", port);
	cr_expect(exit_status(&o) == 0 && strstr(o.out, "1 segment, ") != NULL, "status %#x: %s%s", o.status, o.out,
	          o.err);
	/* it logs each request, and that is no write to a socket */
	cr_expect(strstr(o.out, "writes cannot be counted") != NULL || strstr(o.out, "1 write, 1 segment, ") != NULL,
	          "%s", o.out);
	cr_expect(!somebody_listens());
}

COMPARE_TEST(a_port_in_use)
{
	static struct outcome o;
	snprintf(url, sizeof url, "http://127.0.0.1:%u/", canned_serve(&(struct canned){ { "close" } }));
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--compare", url, "touch", "started");
		check_refused(&o, "a port in use", sh->package, "end that server, or take another port");
	}
}

COMPARE_TEST(commands_that_never_answer)
{
	static struct outcome o;
	onewrite(&o, &shells[0], "--compare", url, "sh", "-c", "echo no luck >&2; exit 3");
	cr_expect(exit_status(&o) == 1 && strstr(o.err, "ended with status 3 before it answered") != NULL &&
	                  strstr(o.err, "no luck\n") != NULL && o.out[0] == '\0',
	          "status %#x: %s%s", o.status, o.out, o.err);
	onewrite(&o, &shells[0], "--compare", url, "sh", "-c", "echo $$ >number; exec sleep 60");
	cr_expect(exit_status(&o) == 1 && strstr(o.err, "did not answer at http://127.0.0.1:") != NULL,
	          "status %#x: %s%s", o.status, o.out, o.err);
	prepare("! kill -0 $(cat number) 2>/dev/null");
}

COMPARE_TEST(a_signal_ends_the_command_too)
{
	static struct outcome o;
	char script[512];
	snprintf(script, sizeof script,
	         INSTALLED " --compare %s sh -c 'touch started && exec %s %s' & it=$!; "
	                   "until [ -e started ]; do sleep 0.01; done; kill $it; wait $it",
	         url, LEGACY, port);
	launch(&o, NULL, "/bin/sh", ARGS("-c", script), NULL);
	cr_expect(exit_status(&o) == 128 + 15, "status %#x: %s", o.status, o.err);
	cr_expect(!somebody_listens(), "it still runs");
}

COMPARE_TEST(a_picture_has_plain_attributes)
{
	static struct outcome o;
	static char svg[65536];
	onewrite(&o, &shells[0], "--compare", url, "--picture", "a picture.svg", LEGACY, port);
	check_ran(&o, "--picture", shells[0].package);
	slurp("a picture.svg", svg, sizeof svg);
	static const char *const said[] = { "nothing comes for 4", "with onewrite", "17 bytes", "280 bytes",
		                            "</svg>\n" };
	expect_said("the picture", svg, said, 5);
	cr_expect(strncmp(svg, "<svg ", 5) == 0 && strstr(svg, "<style") == NULL && strstr(svg, "class=") == NULL &&
	          strstr(svg, "var(") == NULL);
}

/* A viewer that knows no style sheets shows colours, and not black on black. */
static void expect_colours(const char *svg)
{
	static struct outcome o;
	char script[1024];
	int colours = 0, dark = 100;
	snprintf(script, sizeof script,
	         "rsvg-convert -w 240 -o picture.png '%s' && python3 '" SOURCE_DIR
	         "/tests/wrapper/picture/colours.py' picture.png",
	         svg);
	launch(&o, NULL, "/bin/sh", ARGS("-c", script), NULL);
	cr_assert(exit_status(&o) == 0 && sscanf(o.out, "%d %d", &colours, &dark) == 2,
	          "%s (is the package librsvg2-bin installed?): status %#x: %s%s", svg, o.status, o.out, o.err);
	cr_expect(colours >= 4 && dark < 10, "%s: %d colours, %d %% are dark", svg, colours, dark);
}

COMPARE_TEST(a_picture_is_no_black_one)
{
	static struct outcome o;
	onewrite(&o, &shells[0], "--compare", url, "--picture", "a picture.svg", LEGACY, port);
	check_ran(&o, "--picture", shells[0].package);
	expect_colours("a picture.svg");
	expect_colours(SOURCE_DIR "/docs/segments.svg");
}
