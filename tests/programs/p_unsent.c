/* p_unsent system|unseen reports how much CPU time a thread costs that waits for room while the peer does not read, for
 * tests/preload/room.c.
 *
 * system: the sysctl tcp_notsent_lowat limits how much a socket may have unsent. The program executes itself again in a
 * network namespace of its own, where it may set that. unseen: the buffer is filled by system calls that no hook sees
 * while a head is held. */
#include "p_pairs.h"

#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>

enum { LITTLE = 16384, MESSAGES = 10000, LOOK_MS = 1000, MOST_MS = 20 };

static void put_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	must(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(file);
}

static void move_to_own_network(char **argv)
{
	int s;
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	char number[16];

	must(unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0, "unshare");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	must(ioctl(s, SIOCSIFFLAGS, &lo) == 0, "SIOCSIFFLAGS");
	close(s);
	snprintf(number, sizeof number, "%d", LITTLE);
	put_file("/proc/sys/net/ipv4/tcp_notsent_lowat", number);
	execl(argv[0], argv[0], "there", (char *)NULL);
	must(false, "execl");
}

static void *write_messages(void *argument)
{
	int fd = *(int *)argument;
	char body[BODY_SIZE] = "";

	for (int i = 0; i < MESSAGES; i++) {
		write_head(fd);
		write_whole(fd, body, sizeof body);
	}
	return NULL;
}

static void *write_when_full(void *argument)
{
	static char filler[1000];
	int fd = *(int *)argument;
	char body[BODY_SIZE] = "";

	write_head(fd);
	while (send_unseen(fd, filler, sizeof filler, MSG_DONTWAIT) > 0)
		;
	write_whole(fd, body, sizeof body);
	return NULL;
}

int main(int argc, char **argv)
{
	bool unseen_filler = argc == 2 && strcmp(argv[1], "unseen") == 0;
	struct pair p;
	pthread_t thread;
	int64_t before;

	shared = shared_map(SHARED_FD);
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "system") == 0)
		move_to_own_network(argv);
	p = pair_of(listen_here(), 4096);
	set_int(p.fd, SOL_SOCKET, SO_SNDBUF, 1 << 17);
	pthread_create(&thread, NULL, unseen_filler ? write_when_full : write_messages, &p.fd);
	sleep_us(300000);
	before = cpu_ms();
	sleep_us(LOOK_MS * 1000);
	report("waits in peace: %d\n", cpu_ms() - before < MOST_MS);
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}
