/* Lives of p_hosts that hand over memory which cannot be read: such calls must fail with EFAULT and not crash, and
 * memory up to the edge must be written whole. */
#include "hosts.h"

enum { PAGE = 4096, MESSAGES_MAX = 1024 /* UIO_MAXIOV: the kernel looks at no more messages */ };

/* Returns n readable bytes that are followed by memory which cannot be read. */
static char *edge(size_t n)
{
	size_t pages = (n + PAGE - 1) / PAGE * PAGE;
	char *p = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED && mprotect(p + pages, PAGE, PROT_NONE) == 0, "mmap");
	return p + pages - n;
}

/* Programs write to a pipe to ask whether memory can be read; that must fail with EFAULT. Bytes that end at the edge
 * are taken whole. */
static void unreadable(void)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 12, 15, 16, 64 };
	const char *nothing = edge(0);
	int client, ends[2], fd = accept_own(&client), refusals = 0, taken = 0;

	must(pipe(ends) == 0, "pipe");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (sizes[i] < 16)
			refusals += write(ends[1], nothing, sizes[i]) == -1 && errno == EFAULT;
		taken += write(ends[1], edge(sizes[i]), sizes[i]) == (ssize_t)sizes[i];
		taken += write(fd, edge(sizes[i]), sizes[i]) == (ssize_t)sizes[i];
	}
	report("EFAULT: %d of 6, taken: %d of 16\n", refusals, taken);
}

/* The value of TCP_CORK cannot be read. The library must not read it before the kernel has refused it. */
static void no_option(void)
{
	int client, fd = accept_own(&client), refusals = 0;

	for (int i = 0; i < 2; i++) {
		refusals += setsockopt(fd, IPPROTO_TCP, TCP_CORK, (void *)8, sizeof(int)) < 0 && errno == EFAULT;
		refusals += syscall(SYS_setsockopt, fd, IPPROTO_TCP, TCP_CORK, edge(0), sizeof(int)) < 0 &&
		            errno == EFAULT;
		write_head(fd);
	}
	report("EFAULT: %d of 4\n", refusals);
}

/* Messages and control data cannot be read. The messages before them are sent. */
static void no_message(void)
{
	struct mmsghdr *m = (struct mmsghdr *)(void *)edge(2 * sizeof *m);
	struct msghdr h = {
		.msg_iov = &(struct iovec){ large, 1 }, .msg_iovlen = 1, .msg_control = edge(0), .msg_controllen = 64
	};
	int ends[2], refusals = 0;

	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "socketpair");
	for (int i = 0; i < 2; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = h.msg_iov, .msg_iovlen = 1 };
	refusals += sendmsg(ends[0], &h, 0) < 0 && errno == EFAULT;
	refusals += sendmmsg(ends[0], (struct mmsghdr *)8, 1, 0) < 0 && errno == EFAULT;
	refusals += syscall(SYS_sendmsg, ends[0], &h, 0) < 0 && errno == EFAULT;
	report("EFAULT: %d of 3, sent: %d\n", refusals, sendmmsg(ends[0], m, 3, 0));
}

/* The count is larger than the kernel's limit, and behind the messages up to that limit is memory that cannot be
 * read. */
static void many_messages(void)
{
	struct mmsghdr *m = (struct mmsghdr *)(void *)edge(MESSAGES_MAX * sizeof *m);
	struct iovec one = { large, 1 };
	int client, fd = accept_own(&client);

	for (int i = 0; i < MESSAGES_MAX; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1 };
	report("sent: %d\n", sendmmsg(fd, m, 1 << 20, 0));
}

const struct life memory_lives[] = {
	{ "unreadable", unreadable, true },
	{ "many-messages", many_messages, true },
	{ "no-option", no_option, true },
	{ "no-message", no_message, true },
	{ NULL },
};
