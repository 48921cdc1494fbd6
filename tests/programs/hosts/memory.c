/* Memory that is not there: writes from it are refused, and what lies just before it is taken. */
#include "hosts.h"

enum { PAGE = 4096, MESSAGES_MAX = 1024 /* UIO_MAXIOV: the kernel looks at no more */ };

/* n readable bytes that end where nothing is. */
static char *edge(size_t n)
{
	size_t pages = (n + PAGE - 1) / PAGE * PAGE;
	char *p = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED && mprotect(p + pages, PAGE, PROT_NONE) == 0, "mmap");
	return p + pages - n;
}

/* To a pipe, as programs ask whether memory is there. And what is there is taken, to its last byte. */
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
	{ "unreadable", unreadable, true }, { "many-messages", many_messages, true }, { NULL },
};
