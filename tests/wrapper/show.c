/* Proves what onewrite --show prints of counters: as a table, for Prometheus and its node_exporter, and as JSON. */
#include "counters/counters.h"
#include "installed.h"
#include "machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTED_TEST(suite, name) Test(suite, name, .init = install, .fini = uninstall, .timeout = 60)

static void expect_said(const char *name, const char *text, const char *const said[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect(strstr(text, said[i]) != NULL, "%s: no '%s' in\n%s", name, said[i], text);
}

/* A server that lives (this test), and another process of it that has ended. */
static void make_server(void)
{
	struct counters c;
	prepare("mkdir counted");
	counters_begin(&c, "my-server", getpid(), started_of(getpid()));
	count(&c, COUNT_USUAL_RESPONSES, 870);
	count(&c, COUNT_USUAL_REQUESTS, 6);
	count(&c, COUNT_USUAL_RESPONSES_STALLED, 20);
	count(&c, COUNT_USUAL_REQUESTS_STALLED, 4);
	count(&c, COUNT_RESPONSES, 310);
	count(&c, COUNT_REQUESTS, 30);
	count(&c, COUNT_KEPT, 2110);
	count(&c, COUNT_JOINED, 100);
	count(&c, COUNT_GATHERED, 50);
	count(&c, COUNT_FILLED, 7);
	count(&c, COUNT_ONE_WRITE, 60);
	count(&c, COUNT_ADDED, 300);
	count(&c, COUNT_STALLS, 16);
	count(&c, COUNT_HELD_100_US, 60);
	count(&c, COUNT_HELD_1_MS, 38);
	count(&c, COUNT_HELD_LONGER, 2);
	count(&c, COUNT_HELD_NS, 1234567890);
	count_reason(&c, WHY_NO_BODY, 21);
	count_reason(&c, WHY_DEADLINE, 5);
	count_reason(&c, WHY_AS_SET, 3);
	counters_write(&c, "counted");
	counters_put("counted", "my-server", NO_PROCESS, COUNT_RESPONSES, 2000000);
}

COUNTED_TEST(show, a_table_says_what_was_counted)
{
	static struct outcome o;
	static const char *const said[] = {
		": 1 process lives, 1 ended\n",
		"  messages                     2,001,240  responses 2,001,200, requests 40\n",
		"  joined                           1,000  0.0 % of the messages: ",
		"  gathered                           950  ",
		"  one write already                   60  ",
		"  ended by the deadline                5  ",
		"  sent at once                        21\n    no-body                           21  the head is the "
		"whole",
		"  released                             5\n    deadline                           5  the body did not "
		"come",
		"\n                                          advice: see whether the program computes",
		"  held by the kernel                   3\n    as-set                             3  "
		"ONEWRITE_HOLD=kernel",
		"  write calls saved                2,710  estimated: ",
		"  segments saved                   1,007  estimated: ",
		"  stalls avoided                      40  ",
		"  heads timed (1 in 16)              100  median at most 100 us, 99th percentile more than 5 ms\n",
		"  helper errors                        0\n",
	};
	make_server();
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--show", "counted");
		check_ran(&o, "--show", sh->package);
		cr_expect(strncmp(o.out, "my-server, user ", 16) == 0, "%s", o.out);
		expect_said(sh->package, o.out, said, sizeof said / sizeof *said);
		cr_expect(strstr(o.out, "not looked at") == NULL, "a group of no reason: %s", o.out);
	}
}

COUNTED_TEST(show, what_was_only_observed_is_apart)
{
	static struct outcome o;
	struct counters c;
	make_server();
	counters_begin(&c, "my-server", NO_PROCESS + 1, 1);
	c.head.mode = STATS_OBSERVING;
	count(&c, COUNT_JOINED, 77);
	counters_write(&c, "counted");
	for (int i = 0; i < 2; i++) { /* from its own file, and from its total */
		onewrite(&o, &shells[0], "--show", "counted");
		check_ran(&o, "--show", shells[0].package);
		const char *observed = strstr(o.out, "These processes only observe");
		cr_assert(observed != NULL && strstr(observed, "  joined                              77") != NULL,
		          "%s", o.out);
		cr_expect(strstr(o.out, "  joined                           1,000") != NULL, "%s", o.out);
	}
}

/* Debian's own tool reads it, and has nothing to say about names, types and texts. */
COUNTED_TEST(show, promtool_accepts_it)
{
	static struct outcome o;
	static const char *const said[] = {
		"onewrite_messages_total{program=\"my-server\",user=\"",
		"\",mode=\"active\",kind=\"response\"} 2001200\n",
		"\",mode=\"active\",reason=\"no-body\"} 21\n",
		"\",mode=\"active\",reason=\"http2\"} 0\n",
		"\",mode=\"active\",le=\"0.0001\"} 60\n",
		"\",mode=\"active\",le=\"0.001\"} 98\n",
		"\",mode=\"active\",le=\"+Inf\"} 100\n",
		"onewrite_held_seconds_sum{program=\"my-server\"",
		"\",mode=\"active\"} 1.234567890\n",
		"program=\"odd \\\"name\\\\\"",
	};
	make_server();
	counters_put("counted", "odd \"name\\", NO_PROCESS, COUNT_JOINED, 1);
	onewrite(&o, &shells[0], "--show", "counted", "--format", "prometheus");
	check_ran(&o, "--format prometheus", shells[0].package);
	expect_said("prometheus", o.out, said, sizeof said / sizeof *said);
	launch(&o, NULL, "/bin/sh",
	       ARGS("-c", "command -v promtool >where || { echo 'install the package prometheus' >&2; exit 1; }; "
	                  "cp out metrics; " SHOW " --format prometheus counted | promtool check metrics"),
	       NULL);
	check_ran(&o, "promtool", "sh (package prometheus)");
}

static unsigned free_port(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(fd, (struct sockaddr *)&here, size) == 0);
	getsockname(fd, (struct sockaddr *)&here, &size);
	close(fd);
	return ntohs(here.sin_port);
}

/* Starts the exporter on this port; it ends with the test. */
static void start_exporter(unsigned port)
{
	char address[64];
	snprintf(address, sizeof address, "--web.listen-address=127.0.0.1:%u", port);
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int log = open("exporter.log", O_WRONLY | O_CREAT, 0666);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execlp("prometheus-node-exporter", "prometheus-node-exporter", address, "--collector.disable-defaults",
	       "--collector.textfile", "--collector.textfile.directory=textfiles", "--web.disable-exporter-metrics",
	       NULL);
	dprintf(STDERR_FILENO, "install the package prometheus-node-exporter\n");
	_exit(127);
}

COUNTED_TEST(show, node_exporter_serves_it)
{
	static struct outcome o;
	char script[1024];
	unsigned port = free_port();
	make_server();
	prepare("mkdir textfiles");
	onewrite(&o, &shells[0], "--show", "counted", "--format=prometheus", "--output", "textfiles/onewrite.prom");
	check_ran(&o, "--output", shells[0].package);
	cr_expect(o.out[0] == '\0', "%s", o.out);
	prepare("test \"$(ls -A textfiles)\" = onewrite.prom && test \"$(stat -c %%a textfiles/onewrite.prom)\" = 644");
	start_exporter(port);
	snprintf(script, sizeof script,
	         "for i in $(seq 300); do curl -sf http://127.0.0.1:%u/metrics >got && break; sleep 0.1; done; "
	         "cat exporter.log; grep onewrite_ got; grep node_textfile_scrape_error got",
	         port);
	launch(&o, NULL, "/bin/sh", ARGS("-c", script), NULL);
	static const char *const said[] = {
		"onewrite_messages_total{kind=\"response\",mode=\"active\",program=\"my-server\",user=\"",
		"\"} 2.0012e+06\n",
		"onewrite_held_seconds_bucket{mode=\"active\",program=\"my-server\",user=\"",
		"node_textfile_scrape_error 0\n",
	};
	expect_said("node_exporter", o.out, said, sizeof said / sizeof *said);
}

COUNTED_TEST(show, json_is_json)
{
	static struct outcome o;
	make_server();
	counters_put("counted", "odd \"name\\", NO_PROCESS, COUNT_JOINED, 1);
	counters_put("counted", "odd \"name\\", NO_PROCESS + 1, COUNT_REQUESTS, UINT64_MAX);
	onewrite(&o, &shells[0], "--show", "counted", "--format", "json", "--output=it.json");
	check_ran(&o, "--format json", shells[0].package);
	launch(&o, NULL, "/usr/bin/python3",
	       ARGS("-c", "import json; s, odd = json.load(open('it.json'))['programs']; "
	                  "assert s['program'] == 'my-server' and s['processes'] == {'living': 1, 'ended': 1}; "
	                  "assert s['messages'] == {'responses': 2001200, 'requests': 40}; "
	                  "assert s['write_calls'] == {'kept': 3010, 'added': 300, 'saved': 2710}; "
	                  "assert s['at_once']['no-body'] == 21 and s['released']['deadline'] == 5; "
	                  "assert s['held']['heads'] == 100 and s['held']['seconds'] == 1.23456789; "
	                  "assert sum(b['heads'] for b in s['held']['buckets']) == 100; "
	                  "assert odd['program'] == 'odd \"name\\\\' and odd['messages']['requests'] == 2**64 - 1"),
	       NULL);
	check_ran(&o, "json", "python3");
}

/* A row that would go round stays where it is. */
COUNTED_TEST(show, sums_stay_at_their_largest_value)
{
	prepare("mkdir counted");
	counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, UINT64_MAX - 1);
	counters_put("counted", "it", NO_PROCESS + 1, COUNT_JOINED, 5);
	for (int i = 0; i < 2; i++)
		cr_expect(shown("counted", "joined") == UINT64_MAX);
}

COUNTED_TEST(show, nothing_to_show)
{
	static struct outcome o;
	prepare("mkdir counted");
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--show", "counted");
		cr_expect(exit_status(&o) == 1 && is_one_line(o.err) && o.out[0] == '\0' &&
		                  strstr(o.err, "start programs with ONEWRITE_STATS=counted") != NULL,
		          "status %#x: %s%s", o.status, o.out, o.err);
	}
	onewrite(&o, &shells[0], "--show", "counted", "--format", "json");
	cr_expect(exit_status(&o) == 1 && is_one_line(o.err), "status %#x: %s%s", o.status, o.out, o.err);
	cr_expect_str_eq(o.out, "{\"programs\":[\n]}\n");
}

/* The table comes again, with rates, until SIGINT. */
COUNTED_TEST(show, watched)
{
	static struct outcome o;
	make_server();
	launch(&o, NULL, "/bin/sh",
	       ARGS("-c",
	            "set -m; " INSTALLED " --show counted --watch=0.2 >seen & "
	            "until grep -q /s seen; do sleep 0.05; done; kill -INT $!; wait $!; echo status $?; cat seen"),
	       NULL);
	static const char *const said[] = { "status 0\n", "\n\nmy-server, user ",
		                            "  helper errors                        0        0.0/s\n" };
	expect_said("--watch", o.out, said, 3);
}
