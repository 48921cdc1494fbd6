/* Proves what is counted of a real server, from the wrapper's options to what is shown: a server that forks for each
 * connection, for how long heads were held, and reports in a file. */
#include "installed.h"

#include <stdio.h>
#include <string.h>

/* serve.py KIND REQUESTS PAUSE_MS: a server that writes the body PAUSE_MS after the head, and in another thread its
 * client. "forking" has a process and a connection for each request, "single" one process and one connection. */
static const char serve_py[] =
	"import http.client, http.server, socketserver, sys, threading, time\n"
	"kind, requests, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) / 1000\n"
	"class Handler(http.server.BaseHTTPRequestHandler):\n"
	"    protocol_version = 'HTTP/1.1'\n"
	"    def do_GET(self):\n"
	"        self.send_response(200)\n"
	"        self.send_header('Content-Length', '200')\n"
	"        self.end_headers()\n"
	"        time.sleep(pause)\n"
	"        self.wfile.write(b'x' * 200)\n"
	"    def log_message(self, *args):\n"
	"        pass\n"
	"class Forking(socketserver.ForkingMixIn, http.server.HTTPServer):\n"
	"    pass\n"
	"server = (Forking if kind == 'forking' else http.server.HTTPServer)(('127.0.0.1', 0), Handler)\n"
	"thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)\n"
	"thread.start()\n"
	"client = http.client.HTTPConnection('127.0.0.1', server.server_address[1])\n"
	"for _ in range(requests):\n"
	"    # a child has a copy of the client's descriptor, so the end of the connection does not end it\n"
	"    client.request('GET', '/', headers={'Connection': 'close'} if kind == 'forking' else {})\n"
	"    assert client.getresponse().read() == b'x' * 200\n"
	"    if kind == 'forking':\n"
	"        client.close()\n"
	"client.close()\n"
	"server.shutdown()\n"
	"thread.join()\n"
	"server.server_close()\n";

static void prepare_server(void)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/serve.py", dir);
	FILE *f = fopen(path, "w");
	cr_assert(f != NULL && fputs(serve_py, f) >= 0 && fclose(f) == 0, "%s cannot be written", path);
}

/* Runs the server to its end, and counts in the directory `counted`. No head meets a deadline of a second. */
static void count_of(const char *kind, const char *requests, const char *pause_ms)
{
	static struct outcome o;
	prepare_server();
	prepare("mkdir counted");
	onewrite(&o, &shells[0], "--stats=counted", "--timeout=1s", "--", "/usr/bin/python3", "serve.py", kind,
	         requests, pause_ms);
	check_ran(&o, kind, shells[0].package);
}

/* This Python expression must be true of what is shown of `counted`, where `s` is the program's object. */
static void expect_shown(const char *expression)
{
	static struct outcome o;
	static char check[2048];
	onewrite(&o, &shells[0], "--show", "counted", "--format", "json", "--output=it.json");
	check_ran(&o, "--show", shells[0].package);
	snprintf(check, sizeof check,
	         "import json\ns, = json.load(open('it.json'))['programs']\nassert %s, json.dumps(s, indent=1)",
	         expression);
	launch(&o, NULL, "/usr/bin/python3", ARGS("-c", check), NULL);
	check_ran(&o, expression, "python3");
}

#define COUNTING_TEST(name) Test(counting, name, .init = install, .fini = uninstall, .timeout = 60)

/* Each child counts for itself. One file is left of all of them. */
COUNTING_TEST(forking_server_leaves_one_total)
{
	count_of("forking", "20", "0");
	expect_shown("s['processes'] == {'living': 0, 'ended': 21} and s['messages']['responses'] == 20 and "
	             "s['messages']['requests'] == 20 and s['joined'] == 20 and s['at_once']['no-body'] == 20");
	prepare("ls counted >files; [ \"$(wc -l <files)\" = 1 ] && grep -q '\\.total$' files");
}

/* One head in 16 is timed. */
COUNTING_TEST(time_that_heads_are_held)
{
	count_of("single", "40", "3");
	expect_shown("s['joined'] == 40 and 1 <= s['held']['heads'] <= 4 and "
	             "s['held']['seconds'] >= 0.0025 * s['held']['heads'] and "
	             "sum(b['heads'] for b in s['held']['buckets']) == s['held']['heads'] and "
	             "sum(b['heads'] for b in s['held']['buckets'][:5]) == 0");
}

/* Reports come one behind the other, and nothing is said on standard error. */
COUNTING_TEST(report_goes_to_a_file)
{
	static struct outcome o;
	static char said[4096];
	prepare_server();
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--report=said", "--timeout=1s", "--", "/usr/bin/python3", "serve.py", "single", "2",
		         "0");
		check_ran(&o, "--report=said", sh->package);
		cr_expect_str_eq(o.err, "", "%s: %s", sh->package, o.err);
	}
	said[slurp("said", said, sizeof said - 1)] = '\0';
	size_t reports = 0;
	for (const char *p = said; (p = strstr(p, ": 2 responses, 2 requests: 2 joined, ")) != NULL; p++)
		reports++;
	cr_expect(reports == sizeof shells / sizeof *shells, "said\n%s", said);
}
