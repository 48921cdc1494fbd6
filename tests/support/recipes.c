/* Takes recipes out of docs/deploy.md, and runs the servers that they start. */
#include "recipes.h"
#include "text.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

char page[PAGE_SIZE];

static char port[8];
static pid_t server; /* the leader of the process group that serve() has started; 0: none */

/* --- the page --------------------------------------------------------------------------------- */

/* Finds the block whose first line is "```LANGUAGE NAME". Returns its text, and its length in *n. */
static const char *find_block(const char *name, size_t *n)
{
	char fence[64];
	snprintf(fence, sizeof fence, " %s\n", name);
	for (const char *p = page; (p = strstr(p, "\n```")) != NULL; p += 4) {
		const char *info = p + 4 + strcspn(p + 4, " \n");
		if (strncmp(info, fence, strlen(fence)) != 0)
			continue;
		const char *block = info + strlen(fence), *last = strstr(block, "\n```\n");
		cr_assert_not_null(last, "the block %s has no end", name);
		*n = (size_t)(last + 1 - block);
		return block;
	}
	cr_assert_fail("docs/deploy.md has no block %s", name);
	return NULL;
}

void check(const char *command)
{
	cr_assert(system(command) == 0, "this fails: %s", command);
}

void take_recipe(const char *name, const char *file)
{
	static const char *const theirs[] = { "/usr/local/", "/srv/www", "/run/php/", "/var/log/web/", "8080" };
	char own[5][64];
	snprintf(own[0], sizeof own[0], "%s/prefix/", dir);
	snprintf(own[1], sizeof own[1], "%s/www", dir);
	snprintf(own[2], sizeof own[2], "%s/", dir);
	snprintf(own[3], sizeof own[3], "%s/", dir);
	snprintf(own[4], sizeof own[4], "%s", port);
	size_t n;
	struct text t = { NULL, 0, 0 };
	for (const char *p = find_block(name, &n), *last = p + n; p < last;) {
		size_t i = 0, size = 1;
		while (i < 5 && strncmp(p, theirs[i], strlen(theirs[i])) != 0)
			i++;
		if (i < 5) {
			size = strlen(theirs[i]);
			text_add_string(&t, own[i]);
		} else
			text_add(&t, p, 1);
		p += size;
	}
	FILE *f = fopen(file, "w");
	cr_assert(f != NULL && fputs(t.p, f) >= 0 && fclose(f) == 0, "cannot write %s", file);
	free(t.p);
}

/* --- servers ---------------------------------------------------------------------------------- */

void recipes_begin(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 &&
	          getsockname(fd, (struct sockaddr *)&at, &size) == 0);
	close(fd);
	snprintf(port, sizeof port, "%u", ntohs(at.sin_port));
	slurp(SOURCE_DIR "/docs/deploy.md", page, sizeof page);
	cr_assert(strlen(page) < sizeof page - 1, "the page is too long for this test");
	install();
	char trace[64];
	snprintf(trace, sizeof trace, "%s/trace", dir);
	setenv("ONEWRITE_TRACE", trace, 1);
	setenv("ONEWRITE_TIMEOUT", "1s", 1); /* on a busy machine a body may come late */
	setenv("LIB", "prefix/lib/onewrite/libonewrite.so", 1);
	setenv("PORT", port, 1);
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1); /* Debian's programs */
	unsetenv("LD_PRELOAD");
	/* A server that gives up its privileges appends to the trace, too. */
	check("mkdir www && echo 'a page' >www/index.html && : >trace && chmod 666 trace && chmod -R a+rX .");
}

void stop_server(void)
{
	if (server == 0)
		return;
	kill(-server, SIGTERM);
	for (int i = 0; i < 100 && waitpid(server, NULL, WNOHANG) == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	kill(-server, SIGKILL);
	server = 0;
}

void recipes_end(void)
{
	stop_server();
	uninstall();
}

void start_server(const char *command)
{
	server = fork();
	cr_assert(server >= 0);
	if (server == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	setpgid(server, server);
	char pid[16];
	snprintf(pid, sizeof pid, "%d", server);
	setenv("SERVER", pid, 1);
}

void serve(const char *command)
{
	start_server(command);
	check("for i in $(seq 200); do\n"
	      "curl -s -o got http://127.0.0.1:$PORT/index.html && exec cmp got www/index.html; sleep 0.1; done; "
	      "exit 1");
}

void must_have_file(const char *file, const char *package)
{
	cr_assert(access(file, F_OK) == 0, "there is no %s: install the package %s", file, package);
}

void must_have(const char *program, const char *package)
{
	char command[100];
	snprintf(command, sizeof command, "command -v %s >/dev/null", program);
	cr_assert(system(command) == 0, "there is no %s: install the package %s", program, package);
}
