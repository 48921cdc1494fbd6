/* Proves what onewrite --probe says of servers of each kind, and of what is none; and what --check says of processes.
 */
#include "canned.h"
#include "installed.h"
#include "machine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define HEAD      "HTTP/1.1 200 OK%0d%0aContent-Length: 5%0d%0a%0d%0a"
#define BODY      "hello"
#define HEAD_N(n) "HTTP/1.1 200 OK%0d%0aContent-Length: " #n "%0d%0a%0d%0a"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* --- what is said ----------------------------------------------------------------------------- */

static const struct probed {
	const char *name;
	struct canned server;
	const char *said[4]; /* on standard output, or for a failure in one line on standard error */
	int status;
	const char *option;
	const char *host; /* NULL: 127.0.0.1 */
} probed[] = {
	{ "head and body in two writes, Nagle on",
	  { { HEAD, BODY } },
	  { "segments: 2 per response, 1 is the least", "stall: yes, ", "would gain: no stall, and 1 instead of 2",
	    "onewrite --compare http://" } },
	{ "head and body in two writes, Nagle off",
	  { { HEAD, ".1", BODY }, .nodelay = true },
	  { "segments: 2 per response", "stall: no", "would gain: 1 instead of 2" } },
	{ "one write",
	  { { HEAD BODY } },
	  { "status 200, 43 bytes; 12 requests on one connection", "stall: no", "would not" } },
	{ "a pause of the server's own",
	  { { HEAD, ".60", BODY }, .nodelay = true },
	  { "segments: 2 per response, 1 is the least", "it is the server itself that pauses",
	    "would not: the parts of a response come 5.000 ms and more" } },
	{ "a long body in a write of its own, Nagle off",
	  { { HEAD_N(7000), ".1", "=7000" }, .nodelay = true },
	  { "segments: 6 per response, 5 is the least", "would gain: 5 instead of 6" } },
	{ "chunks in one write",
	  { { "HTTP/1.1 200 OK%0d%0aTransfer-Encoding: chunked%0d%0a%0d%0a5%0d%0ahello%0d%0a0%0d%0a%0d%0a" } },
	  { "segments: 1 per response", "would not" } },
	{ "chunks in three writes, Nagle on",
	  { { "HTTP/1.1 200 OK%0d%0aTransfer-Encoding: chunked%0d%0a%0d%0a", "5%0d%0ahello%0d%0a", "0%0d%0a%0d%0a" } },
	  { "stall: yes", "would gain" } },
	{ "a body to the end of the connection",
	  { { "HTTP/1.1 200 OK%0d%0a%0d%0a" BODY, "close" } },
	  { "12 requests on 12 connections", "segments: 1 per response", "would not" } },
	{ "a connection that ends without notice",
	  { { HEAD BODY, "close" } },
	  { "status 200, 43 bytes; 12 requests on 12 connections", "would not" } },
	{ "HTTP/1.0", { { "HTTP/1.0 200 OK%0d%0a%0d%0a" BODY, "close" } }, { "12 connections", "would not" } },
	{ "an interim response",
	  { { "HTTP/1.1 103 Early Hints%0d%0a%0d%0a" HEAD BODY } },
	  { "status 200, 71 bytes", "would not" } },
	{ "a status of failure",
	  { { "HTTP/1.1 404 No%0d%0aContent-Length: 0%0d%0a%0d%0a" } },
	  { "status 404", "would not" } },
	{ "HEAD", { { HEAD } }, { "HEAD, status 200, 38 bytes", "would not" }, .option = "--head" },
	{ "POST", { { HEAD BODY } }, { "POST, status 200", "would not" }, .option = "--post=script" },
	{ "an address of IPv6", { { HEAD, BODY }, .family = AF_INET6 }, { "stall: yes" }, .host = "[::1]" },
	{ "a name", { { HEAD, BODY } }, { "stall: yes" }, .host = "localhost" },
	{ "an alert of TLS", { { "%15%03%01%00%02%02%46", "close" } }, { "cannot: the server speaks TLS" } },
	{ "no response at all", { { "close" } }, { "closed without a response" }, 1 },
	{ "a response that asks for TLS",
	  { { "HTTP/1.1 400 Bad%0d%0aContent-Length: 41%0d%0a%0d%0a", "plain HTTP request was sent to HTTPS port" } },
	  { "cannot: the server speaks TLS" } },
	{ "HTTP/2", { { "%00%00%00%04%00%00%00%00%00" } }, { "cannot: the server speaks HTTP/2" } },
	{ "no HTTP",
	  { { "close" }, .greeting = "SSH-2.0-OpenSSH_9.2%0d%0a" },
	  { "no HTTP server, it begins with 'SSH-2.0" },
	  1 },
	{ "the end inside a head", { { "HTTP/1.1 200 OK%0d%0a", "close" } }, { "ended inside a head" }, 1 },
	{ "the end inside a body", { { HEAD, "hel", "close" } }, { "ended inside the body" }, 1 },
	{ "chunks that are none",
	  { { "HTTP/1.1 200 OK%0d%0aTransfer-Encoding: chunked%0d%0a%0d%0ahello%0d%0a" } },
	  { "a chunk has no size" },
	  1 },
	{ "a head without end", { { "HTTP/1.1 200 OK%0d%0aX: ", "*" } }, { "the head is too long" }, 1 },
	{ "a body without end", { { "HTTP/1.1 200 OK%0d%0a%0d%0a", "*" } }, { "the response is too long" }, 1 },
	{ "no answer", { { ".1" } }, { "no complete response in time" }, 1 },
};

ROW_TESTS(probe, probed)
{
	const struct probed *p = &probed[*i];
	static struct outcome o;
	char url[64];
	unsigned port = canned_serve(&p->server);
	if (port == 0)
		machine_skip(p->name, "this machine has no addresses of this family");
	snprintf(url, sizeof url, "http://%s:%u/", p->host != NULL ? p->host : "127.0.0.1", port);
	onewrite(&o, &shells[0], "--probe", url, p->option);
	cr_assert(exit_status(&o) == p->status, "%s: status %#x: %s%s", p->name, o.status, o.out, o.err);
	const char *text = p->status == 0 ? o.out : o.err;
	for (size_t j = 0; j < 4 && p->said[j] != NULL; j++)
		cr_expect(strstr(text, p->said[j]) != NULL, "%s: no '%s' in\n%s", p->name, p->said[j], text);
	if (p->status != 0)
		cr_expect(strncmp(o.err, "onewrite: ", 10) == 0 && is_one_line(o.err) && o.out[0] == '\0',
		          "%s: not one line from onewrite: %s%s", p->name, o.out, o.err);
	else
		cr_expect(o.err[0] == '\0', "%s: something on standard error: %s", p->name, o.err);
}

Test(probe, five_lines_under_each_shell, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome o;
	char url[64];
	snprintf(url, sizeof url, "--probe=http://127.0.0.1:%u", canned_serve(&(struct canned){ { HEAD BODY } }));
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, url);
		check_ran(&o, "--probe", sh->package);
		int lines = 0;
		for (const char *p = o.out; (p = strchr(p, '\n')) != NULL; p++)
			lines++;
		cr_expect(lines == 5, "%d lines:\n%s", lines, o.out);
	}
}

Test(probe, nobody_listens, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome o;
	onewrite(&o, &shells[0], "--probe", "http://127.0.0.1:1/");
	cr_expect(exit_status(&o) == 1 && strstr(o.err, "start the server") != NULL, "status %#x: %s", o.status, o.err);
	onewrite(&o, &shells[0], "--probe", "http://no-such-host.invalid/");
	cr_expect(exit_status(&o) == 1 && strstr(o.err, "check its name") != NULL, "status %#x: %s", o.status, o.err);
}

Test(probe, https_is_not_asked, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome o;
	onewrite(&o, &shells[0], "--probe", "https://no-such-host.invalid/");
	check_ran(&o, "https", shells[0].package);
	cr_expect(strstr(o.out, "verdict: cannot: with https") != NULL, "%s", o.out);
}

/* --- processes -------------------------------------------------------------------------------- */

/* Does the process wait in a call, as a program does that has begun? */
static bool sleeps(pid_t pid)
{
	char path[64], state = '?';
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	cr_assert(f != NULL && fscanf(f, "%*d (%*[^)]) %c", &state) == 1, "process %d has ended", pid);
	fclose(f);
	return state == 'S';
}

/* Starts the command, and returns its number when it runs the file. */
static pid_t running(const char *file, const char *const *command)
{
	char path[64], target[256];
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(*command, (char **)command);
		_exit(127);
	}
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	for (int left = 1000; left > 0; left--, usleep(10000)) {
		ssize_t n = readlink(path, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, file) != NULL)
			break;
	}
	while (!sleeps(pid)) /* then its libraries are loaded */
		usleep(1000);
	return pid;
}

static const struct checked {
	const char *name, *file, *prepare;
	const char *command[5];
	int status;
	const char *said[2];
} processes[] = {
	{ "a process with the library",
	  "/it",
	  "cp \"$(command -v sleep)\" it",
	  { INSTALLED, "./it", "60" },
	  0,
	  { "yes: process ", "/libonewrite.so; it has no TCP socket now\n" } },
	{ "a library that was replaced",
	  "/it",
	  "cp \"$(command -v sleep)\" it",
	  { INSTALLED, "./it", "60" },
	  0,
	  { "which has been replaced since" } },
	{ "a server without it",
	  "/legacy",
	  "true",
	  { BUILD_DIR "/tests/programs/legacy" },
	  0,
	  { "has not loaded the library: ",
	    "joins what it writes to TCP by write: start it again by onewrite; it looks "
	    "as if it wrote HTTP, for the text of a head is in legacy; it listens" } },
	{ "a server that listens at several ports",
	  "/python",
	  "cp \"$(readlink -f \"$(command -v python3)\")\" python",
	  { "./python", "-c",
	    "import socket, time; s = [socket.create_server(('', 0)) for i in range(5)]; time.sleep(60)" },
	  0,
	  { "; it listens at TCP port ", " and others: onewrite --probe http://localhost:" } },
	{ "a client",
	  "/python",
	  "cp \"$(readlink -f \"$(command -v python3)\")\" python",
	  { "./python", "-c",
	    "import socket, time; s = socket.create_server(('127.0.0.1', 0)); c = "
	    "socket.create_connection(s.getsockname()); a = s.accept(); s.close(); time.sleep(60)" },
	  0,
	  { "; it has 2 TCP connections\n" } },
	{ "a program that writes nothing",
	  "/it",
	  "echo 'int pause(void); int main(void) { return pause(); }' >it.c; cc -o it it.c",
	  { "./it" },
	  1,
	  { "no: process ", "makes none of the calls" } },
	{ "a static program",
	  "/it",
	  "echo 'int pause(void); int main(void) { return pause(); }' >it.c; cc -static -o it it.c",
	  { "./it" },
	  1,
	  { "no: process ", "is statically linked" } },
};

ROW_TESTS(probe, processes)
{
	const struct checked *c = &processes[*i];
	static struct outcome o;
	char number[16];
	prepare("%s", c->prepare);
	pid_t pid = running(c->file, c->command);
	if (strstr(c->said[0], "replaced") != NULL)
		prepare("rm prefix/lib/onewrite/libonewrite.so; cp '%s/libonewrite.so' prefix/lib/onewrite", BUILD_DIR);
	snprintf(number, sizeof number, "%d", pid);
	onewrite(&o, &shells[0], "--check", number);
	kill(pid, SIGKILL);
	cr_assert(exit_status(&o) == c->status && is_one_line(o.out), "%s: status %#x: %s%s", c->name, o.status, o.out,
	          o.err);
	for (size_t j = 0; j < 2 && c->said[j] != NULL; j++)
		cr_expect(strstr(o.out, c->said[j]) != NULL, "%s: no '%s' in %s", c->name, c->said[j], o.out);
}

Test(probe, a_kernel_thread_is_no_program, .init = install, .fini = uninstall, .timeout = 60)
{
	static struct outcome o;
	char comm[32];
	if (access("/proc/2/comm", R_OK) != 0 ||
	    (slurp("/proc/2/comm", comm, sizeof comm), strcmp(comm, "kthreadd\n")) != 0)
		machine_skip("--check 2", "no thread of the kernel is seen here");
	onewrite(&o, &shells[0], "--check", "2");
	cr_expect(exit_status(&o) == 2 && is_one_line(o.err), "status %#x: %s%s", o.status, o.out, o.err);
}
