/* Proves what the file of settings does in programs into which the library is preloaded without their asking, and what
 * the library says on stderr before the program begins.
 *
 * This suite uses a library that looks for the file in its current directory; each test has a directory of its own. */
#include "harness.h"
#include "library.h"
#include "machine.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define JOINED     "writev iov=2 bytes=300 = 300"
#define BY_KERNEL  "send bytes=100 flags=MSG_MORE = 100, write bytes=200 = 200"
#define LEFT_ALONE "write bytes=100 = 100, write bytes=200 = 200"

static char directory[] = "/tmp/onewrite-conf-XXXXXX";

static void use_library(void)
{
	setenv("LIBRARY_UNDER_TEST", BUILD_DIR "/conf/libonewrite.so", 1);
	setenv("ASAN_OPTIONS", ASAN_SETTINGS, 1);
}

static void open_directory(void)
{
	if (geteuid() != 0)
		machine_skip("the file of settings", "only root can make a file that is root's");
	cr_assert(mkdtemp(directory) != NULL && chdir(directory) == 0 && chmod(directory, 0755) == 0);
	use_library();
}

static void remove_directory(void)
{
	char command[100];
	snprintf(command, sizeof command, "cd / && rm -rf '%s'", directory);
	cr_assert(chdir("/") == 0 && system(command) == 0);
}

static void prepare(const char *command)
{
	cr_assert(system(command) == 0, "cannot prepare: %s", command);
}

#define SAYS(text)  "onewrite: ./onewrite.conf" text "; nothing is done in any program\n"
#define WITH(lines) "printf '" lines "' >onewrite.conf"

static const struct row {
	const char *name, *prepare;
	const char *calls, *said;
	const char *hold, *only; /* settings from the environment; NULL: none */
	const char *fault;       /* a fault that strace injects into a system call on the file */
} table[] = {
	{ "no file", "true", JOINED, "" },
	{ "an empty file", WITH(""), JOINED, "" },
	{ "a setting", WITH("hold = kernel\\n"), BY_KERNEL, "" },
	{ "a setting that the environment has as well", WITH("hold = kernel\\n"), JOINED, "", .hold = "memory" },
	{ "a bad value", WITH("# all\\nhold = disk\\n"), JOINED,
	  "onewrite: ./onewrite.conf:2: hold=disk is not 'memory' or 'kernel'; using the default\n" },
	{ "a list with the program", WITH("only = nginx, p_steps\\n"), JOINED, "" },
	{ "a list without the program", WITH("only = nginx\\n"), LEFT_ALONE, "" },
	{ "a list without the program, which the environment names", WITH("only = nginx\\n"), JOINED, "",
	  .only = "p_steps" },
	{ "a list with the program, and another in the environment", WITH("only = p_steps\\n"), LEFT_ALONE, "",
	  .only = "nginx" },
	{ "what may have been the list", WITH("onyl = p_steps\\n"), LEFT_ALONE,
	  SAYS(":1: onyl is no setting (did you mean only?)") },
	{ "one that the group may write", WITH("hold = kernel\\n") "; chmod 664 onewrite.conf", LEFT_ALONE,
	  SAYS(" can be written by others than root*") },
	{ "one that all may write", WITH("hold = kernel\\n") "; chmod 646 onewrite.conf", LEFT_ALONE,
	  SAYS(" can be written by others than root*") },
	{ "somebody's", WITH("hold = kernel\\n") "; chown 1 onewrite.conf", LEFT_ALONE,
	  SAYS(" can be written by others than root*") },
	{ "nobody's", WITH("hold = kernel\\n") "; chown 65534 onewrite.conf", LEFT_ALONE, "" },
	{ "a group's that may read it", WITH("hold = kernel\\n") "; chown 0:1 onewrite.conf; chmod 640 onewrite.conf",
	  BY_KERNEL, "" },
	{ "a link", "echo hold = kernel >a; ln -s a onewrite.conf", LEFT_ALONE, SAYS(" is a symbolic link*") },
	{ "a link to nothing", "ln -s a onewrite.conf", LEFT_ALONE, SAYS(" is a symbolic link*") },
	{ "a directory", "mkdir onewrite.conf", LEFT_ALONE, SAYS(" is no regular file") },
	{ "a FIFO", "mkfifo onewrite.conf", LEFT_ALONE, SAYS(" is no regular file") },
	{ "switched off", WITH("") "; touch onewrite.off", LEFT_ALONE, "" },
	{ "switched off by somebody else", WITH("") "; touch onewrite.off; chown 1 onewrite.off", JOINED, "" },
	{ "switched off, and no file of settings", "touch onewrite.off", JOINED, "" },
	{ "4095 bytes",
	  "{ printf 'hold = kernel\\n#'; head -c 4080 /dev/zero | tr '\\0' x; } >onewrite.conf; test $(wc -c "
	  "<onewrite.conf) = 4095",
	  BY_KERNEL, "" },
	{ "4096 bytes",
	  "{ printf 'hold = kernel\\n#'; head -c 4081 /dev/zero | tr '\\0' x; } >onewrite.conf; test $(wc -c "
	  "<onewrite.conf) = 4096",
	  LEFT_ALONE, SAYS(" cannot be read, or is longer than 4095 bytes") },
#ifndef UNDER_TSAN /* Under TSan the library would be preloaded into strace, which was not built with TSan. */
	{ "no number left for it", WITH("hold = kernel\\n"), LEFT_ALONE, "", .fault = "openat:error=EMFILE" },
	{ "no number left, and no file", "true", JOINED, "", .fault = "openat:error=EMFILE" },
	{ "one that may not be opened", WITH("hold = kernel\\n"), LEFT_ALONE, SAYS(" cannot be read: chmod go+r"),
	  .fault = "openat:error=EACCES" },
	{ "one that cannot be examined", WITH("hold = kernel\\n"), LEFT_ALONE, SAYS(" cannot be examined*"),
	  .fault = "statx:error=ENOSYS" },
	{ "one that cannot be read", WITH("hold = kernel\\n"), LEFT_ALONE, SAYS(" cannot be read*"),
	  .fault = "read:error=EIO" },
	{ "one that is read in pieces", WITH("hold = kernel\\n"), BY_KERNEL, "", .fault = "read:retval=0:when=2" },
#endif
};

#define STRACE "/usr/bin/strace"

/* strace itself may say that it resolved the path; that line is left out. */
static const char *said_by_program(const struct run *r)
{
	return strncmp(r->said.p, STRACE ": Requested path", strlen(STRACE ": Requested path")) != 0
	               ? r->said.p
	               : strchr(r->said.p, '\n') + 1;
}

EACH_TEST(conf, table, ROWS(table), 30)
{
	const struct row *row = &table[*i];
	char inject[64];
	struct setup setup = { .args = { STEPS, "write=" HEAD, "write=*200" },
		               .hold = row->hold != NULL ? row->hold : "" };
	const struct setup traced = { .args = { STRACE, "-qq", "-o", "/dev/null", "-P", "./onewrite.conf", "-e", inject,
		                                STEPS, "write=" HEAD, "write=*200" },
		                      .hold = setup.hold };

	open_directory();
	prepare(row->prepare);
	if (row->only != NULL)
		setenv("ONEWRITE_ONLY", row->only, 1);
	snprintf(inject, sizeof inject, "inject=%s", row->fault != NULL ? row->fault : "none");
	struct run *r = run(row->fault != NULL ? &traced : &setup, SHIM);
	char *calls = calls_of(r, NULL);
	cr_expect(strcmp(calls, row->calls) == 0, "%s: the calls are %s", row->name, calls);
	cr_expect(fnmatch(row->said, said_by_program(r), 0) == 0, "%s: said \"%s\"", row->name, r->said.p);
	cr_expect(r->status == 0, "%s: wait status %#x", row->name, (unsigned)r->status);
	free(calls);
	run_free(r);
	remove_directory();
}

/* The helper looks once a second at most, and while messages are held: so one more may be held after that second. */
Test(conf, running_program_is_switched_off, .timeout = 30)
{
	const struct setup setup = { .args = { STEPS, "write=" HEAD, "write=*200", "await", "make=onewrite.off",
		                               "sleep=1100", "write=" HEAD, "write=*200", "await", "sleep=1000",
		                               "write=" HEAD, "write=*200" } };

	open_directory();
	prepare(WITH(""));
	struct run *r = run(&setup, SHIM);
	char *calls = calls_of(r, NULL);
	cr_expect(fnmatch(JOINED ", *, " LEFT_ALONE, calls, 0) == 0, "the calls are %s", calls);
	cr_expect(r->status == 0, "wait status %#x", (unsigned)r->status);
	free(calls);
	run_free(r);
	remove_directory();
}

#ifndef UNDER_TSAN /* the library would have to be linked to a program that was built with TSan */

/* --- other programs --------------------------------------------------------------------------- */

/* Makes a root directory for /bin/true and the library, but for the library itself. */
#define ROOT                                                                                     \
	"mkdir root; for file in /bin/true $(ldd /bin/true " BUILD_DIR "/conf/libonewrite.so | " \
	"grep -o '\t/[^ :]*\\|=> /[^ ]*' | tr -d '\t=> ' | sort -u); do cp -L --parents $file root; done; "

static const struct {
	const char *name, *command, *said; /* on stdout and stderr */
} commands[] = {
	{ "no descriptor is left", WITH("hold = kernel\\n") "; preloaded ls -l /proc/self/fd | grep -c /onewrite",
	  "0\n" },
	{ "none is left of one that is not trusted",
	  "mkfifo onewrite.conf; preloaded ls -l /proc/self/fd 2>/dev/null | grep -c /onewrite", "0\n" },
	{ "a program of a user that may not read it",
	  WITH("hold = kernel\\n") "; chmod 600 onewrite.conf; preloaded setpriv --reuid 1 /bin/true",
	  SAYS(" cannot be read: chmod go+r") },
	{ "a misspelt variable", "ONEWRITE_TIMEUOT=1ms; export ONEWRITE_TIMEUOT; preloaded /bin/true",
	  "onewrite: ONEWRITE_TIMEUOT is no setting; did you mean ONEWRITE_TIMEOUT?\n" },
	{ "a misspelt variable, and a program that is left alone",
	  "export ONEWRITE_ONLY=java ONEWRITE_TIMEUOT=1ms; preloaded /bin/true", "" },
#ifndef UNDER_SANITIZER /* a sanitizer asks /proc, which is not there */
	{ "another root directory has another file",
	  ROOT "cp --parents " BUILD_DIR "/conf/libonewrite.so root; echo only >root/onewrite.conf; "
	       "preloaded chroot root /bin/true; echo $?",
	  SAYS(":1: 'only' is not name = value") "0\n" },
	{ "another root directory has no library", ROOT "preloaded chroot root /bin/true; echo $?",
	  "ERROR: ld.so: object '*' from LD_PRELOAD cannot be preloaded *: ignored.\n0\n" },
#endif
#ifdef WITH_MUSL
#define MUSL "export ONEWRITE_TRACE=$PWD/trace; preloaded " BUILD_DIR "/tests/programs/musl_exchange >/dev/null; "
	{ "a program with musl", WITH("only = musl_exchange\\n") "; " MUSL "grep -c -m 1 ' join ' trace", "1\n" },
	{ "a program with musl that is left alone",
	  WITH("only = nginx\\n") "; touch trace; " MUSL
	                          "grep -c ' process load inactive not-listed ' trace; grep -vc load trace",
	  "1\n0\n" },
#endif
};

/* The exit status is not compared, because that of grep -c says nothing here. */
EACH_TEST(conf, commands, ROWS(commands), 30)
{
	char command[1024], said[1024] = "";

	open_directory();
	snprintf(command, sizeof command, "exec 2>&1; preloaded() { LD_PRELOAD=%s \"$@\"; }; %s", library_under_test(),
	         commands[*i].command);
	FILE *f = popen(command, "r");
	cr_assert(f != NULL);
	said[fread(said, 1, sizeof said - 1, f)] = '\0';
	pclose(f);
	cr_expect(fnmatch(commands[*i].said, said, 0) == 0, "%s: said \"%s\"", commands[*i].name, said);
	remove_directory();
}

/* --- what stderr may be ----------------------------------------------------------------------- */

/* Starts a program with `fd` as its stderr; a bad setting makes the library write a message there. Returns the wait
 * status. */
static int status_with_stderr(int fd)
{
	int status;
	use_library();
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		setenv("ONEWRITE_TIMEOUT", "soon", 1);
		setenv("LD_PRELOAD", library_under_test(), 1);
		dup2(fd, 2);
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/* What has arrived on `fd` so far; does not wait. */
static const char *came(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

#define LINE "onewrite: ONEWRITE_TIMEOUT=soon is not a duration from 100us to 1s (500us, 5ms); using the default\n"

Test(conf, a_pipe_that_nobody_reads_is_no_end, .timeout = 20)
{
	int ends[2];
	cr_assert(pipe(ends) == 0 && close(ends[0]) == 0);
	cr_expect(status_with_stderr(ends[1]) == 0);
}

Test(conf, a_full_pipe_is_not_waited_for, .timeout = 20)
{
	int ends[2];
	cr_assert(pipe(ends) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	while (write(ends[1], "x", 1) == 1) {}
	cr_assert(fcntl(ends[1], F_SETFL, 0) == 0);
	cr_expect(status_with_stderr(ends[1]) == 0);
}

/* A service manager gives its services a local socket as stderr. */
Test(conf, a_local_socket_is_told, .timeout = 20)
{
	int ends[2];
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	cr_expect(status_with_stderr(ends[1]) == 0);
	cr_expect_str_eq(came(ends[0]), LINE);
}

/* inetd gives its servers the connection as stderr; a message there would be part of what the peer reads. */
Test(conf, a_connection_is_not_told, .timeout = 20)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), fd;

	cr_assert(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 1) == 0 &&
	          getsockname(listener, (struct sockaddr *)&at, &size) == 0 &&
	          connect(client, (struct sockaddr *)&at, size) == 0);
	fd = accept(listener, NULL, NULL);
	cr_expect(fd >= 0 && status_with_stderr(fd) == 0);
	cr_expect(close(fd) == 0 && recv(client, &size, sizeof size, 0) == 0);
}
#endif
