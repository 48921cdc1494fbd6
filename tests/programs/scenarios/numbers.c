/* Scenarios of p_scenarios for a descriptor number that passes to another socket or file while a head is held for
 * it. */
#include "scenarios.h"

#include <sys/wait.h>

/* A held head never reaches the socket that has its descriptor's number next. A close or dup2 by a hook is seen; an
 * unseen one leaves the library with a number that names another socket. */
static void reused(void)
{
	int client[2], fd = accept_own(&client[0]), next;
	char got[400];

	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	if (strcmp(how, "replaced") == 0) {
		next = accept_own(&client[1]);
		unseen(SYS_dup3, next, fd, 0, 0, 0, 0);
		next = fd;
	} else {
		if (strcmp(how, "unseen") == 0)
			unseen(SYS_close, fd, 0, 0, 0, 0, 0);
		else
			close(fd);
		next = accept_own(&client[1]);
	}
	/* accept_own() opens its listener first, so the number may go to the new client's end instead */
	report("the number is reused: %d\n", next == fd || client[1] == fd);
	sleep_us(30000);
	report("bytes on the new connection: %zd and %zd\n", recv(client[1], got, sizeof got, MSG_DONTWAIT),
	       recv(next, got, sizeof got, MSG_DONTWAIT));
	must(write(next, HEAD, HEAD_SIZE) == HEAD_SIZE && write(next, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing");
	shutdown(next, SHUT_RDWR);
	report("its own bytes: %zd\n", recv(client[1], got, sizeof got, MSG_WAITALL));
}

/* The helper does not touch a file that has the number next. If it opened and closed a descriptor of that file, the
 * process would lose its locks on the file (fcntl(2)). */
static void locked(void)
{
	int client, fd = accept_own(&client), status = 0;
	char name[] = "/tmp/p_scenarios.XXXXXX";
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	int file = mkstemp(name);
	must(file >= 0 && unlink(name) == 0, "making a file");
	unseen(SYS_dup3, file, fd, 0, 0, 0, 0);
	close(file);
	must(fcntl(fd, F_SETLK, &whole) == 0, "locking it");
	sleep_us(30000);
	pid_t other = fork();
	if (other == 0)
		_exit(fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type == F_WRLCK);
	must(other > 0 && waitpid(other, &status, 0) == other, "asking from another process");
	report("locked: %d\n", WEXITSTATUS(status));
}

const struct scenario number_scenarios[] = { { "reused", reused }, { "locked", locked }, { NULL, NULL } };
