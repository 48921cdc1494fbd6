/* Proves what docs/deploy.md says to an operator: what takes effect when, how to upgrade and switch off, what a trace
 * reveals, what is watched; and that the page says truly which of its recipes a test runs. */
#include "machine.h"
#include "recipes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- what the page says of itself ------------------------------------------------------------- */

/* Before each block the page says whether a test runs the block. A block with no text before it goes with the one
 * above. */
RECIPE_TEST(page_says_what_is_run)
{
	static char suites[2][1 << 16];
	char quoted[64], name[48], said[16] = "";
	int blocks = 0;
	slurp(SOURCE_DIR "/tests/wrapper/deploy.c", suites[0], sizeof suites[0]);
	slurp(SOURCE_DIR "/tests/wrapper/operate.c", suites[1], sizeof suites[1]);
	for (char *p = page, *fence; (fence = strstr(p, "\n```")) != NULL;) {
		*fence = '\0';
		for (char *q = p; *q != '\0'; q++)
			if (strncmp(q, "run by a test", 13) == 0 || strncmp(q, "not run here", 12) == 0)
				snprintf(said, sizeof said, "%.3s", q);
		cr_assert(sscanf(fence + 1, "```%*s %47s", name) == 1, "a block without a name: %.60s", fence + 1);
		snprintf(quoted, sizeof quoted, "take_recipe(\"%s\"", name);
		bool is_run = strcmp(name, "not-run") != 0;
		cr_expect_str_eq(said, is_run ? "run" : "not", "the page says otherwise of %s (block %d)", name,
		                 blocks);
		cr_expect(!is_run || strstr(suites[0], quoted) != NULL || strstr(suites[1], quoted) != NULL,
		          "no test runs the block %s", name);
		p = strstr(fence + 1, "\n```\n");
		cr_assert_not_null(p);
		p += 5;
		blocks++;
	}
	cr_expect(blocks > 25, "only %d blocks", blocks);
}

/* --- what takes effect when ------------------------------------------------------------------- */

static void use_conf(const char *block)
{
	if (geteuid() != 0)
		machine_skip(block, "only root can make a file that is root's");
	check("cp '" BUILD_DIR "/conf/libonewrite.so' conf.so && chmod 644 onewrite.conf");
}

#define PYTHON(library) \
	"LD_PRELOAD=$PWD/" library " exec python3 -m http.server --bind 127.0.0.1 --directory www $PORT >log 2>&1"

RECIPE_TEST(conf)
{
	take_recipe("onewrite.conf", "onewrite.conf");
	use_conf("onewrite.conf");
	serve(PYTHON("conf.so"));
	check(JOINED);
}

RECIPE_TEST(conf_off)
{
	take_recipe("onewrite.conf-off", "onewrite.conf");
	use_conf("onewrite.conf-off");
	serve(PYTHON("conf.so"));
	check("! grep -qs ' join ' trace; rm onewrite.conf; curl -s -o got http://127.0.0.1:$PORT/; "
	      "! grep -qs ' join ' trace || exit 1");
	check("grep -q /conf.so /proc/$SERVER/maps");
	stop_server();
	serve(PYTHON("conf.so"));
	check(JOINED);
}

RECIPE_TEST(switch_off)
{
	take_recipe("switch-off", "switch-off");
	check(": >onewrite.conf");
	use_conf("switch-off");
	serve(PYTHON("conf.so"));
	check(JOINED);
	check("grep -q ' /etc/onewrite.off' switch-off && sed 's, /etc/, ,' switch-off | sh && sleep 1.1 && for i in 1 "
	      "2 3; "
	      "do curl -s -o got http://127.0.0.1:$PORT/; sleep 0.2; done; : >trace; "
	      "curl -s -o got http://127.0.0.1:$PORT/ && cmp got www/index.html && ! grep -qs ' keep ' trace || exit "
	      "1");
}

/* A running process keeps the old file and goes on; the next one gets the new file. */
RECIPE_TEST(upgrade)
{
	take_recipe("upgrade", "upgrade");
	take_recipe("who-has-it", "who");
	take_recipe("who-has-the-old", "who-old");
	check("mkdir build && cp $LIB build/libonewrite.so");
	serve(PYTHON("$LIB"));
	check("maps=/proc/$SERVER/maps\n"
	      "sh ./who 2>/dev/null | grep -qx $maps && ! sh ./who-old 2>/dev/null | grep -qx $maps || exit 1\n"
	      ": >trace; sh -e ./upgrade && sh ./who-old 2>/dev/null | grep -qx $maps || exit 1\n"
	      "curl -s -o got http://127.0.0.1:$PORT/ && cmp got www/index.html && " JOINED "\n"
	      "LD_PRELOAD=$PWD/$LIB cat /proc/self/maps | grep libonewrite >said && ! grep deleted said");
}

/* --- what is watched and reported ------------------------------------------------------------- */

/* No line of a trace has anything but the words of the manual, and numbers. */
RECIPE_TEST(trace_and_report)
{
	take_recipe("report", "report");
	must_have("strace", "strace");
	serve(PYTHON("$LIB"));
	check("PID=$SERVER sh ./report 2>said & tracer=$!\n"
	      "for i in $(seq 100); do grep -q attached said 2>/dev/null && break; sleep 0.1; done\n"
	      "curl -s -o got 'http://127.0.0.1:'$PORT'/index.html?secret=page'; kill $SERVER; wait $tracer\n"
	      " grep -q 'writev(.*) *= ' calls && ! grep -e page -e HTTP -e secret calls trace || exit "
	      "1\n"
	      "! grep -Evx '[0-9]+[.][0-9]{6} pid=[0-9]+ fd=-?[0-9]+( [a-z-]+){4} bytes=[0-9]+' trace && " JOINED);
}

/* Ten responses on one connection are ten segments. */
RECIPE_TEST(watch)
{
	must_have("ss", "iproute2");
	take_recipe("watch", "watch");
	serve("LD_PRELOAD=$PWD/$LIB exec python3 -m http.server --protocol HTTP/1.1 --bind 127.0.0.1 --directory www "
	      "$PORT >log 2>&1");
	check("cat >ask.py <<'END'\nimport http.client, os, subprocess\n"
	      "c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']))\n"
	      "for i in range(10):\n    c.request('GET', '/')\n    assert c.getresponse().read() == b'a page\\n'\n"
	      "print(subprocess.run(['sh', '-e', './watch'], capture_output=True, text=True, "
	      "check=True).stdout)\nEND\n"
	      "NSTAT_HISTORY=$PWD/history python3 ask.py >said && grep -qw data_segs_out:10 said && "
	      "grep -q ^TcpOutSegs said || { cat said; exit 1; }");
}
