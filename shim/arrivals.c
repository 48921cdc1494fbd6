#include "arrivals.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "config.h"
#include "names.h"
#include "real.h"

/* Another process may have read from this connection already, so what is read next need not begin a request. */
static void await_request(struct conn *c)
{
	conn_set(c, CONN_NAMES);
	request_begin(&c->request, false);
}

/* The entry of fd, made if need be; NULL: fd is no TCP socket, or nothing may be noted about it in this process. */
static struct conn *known(int fd)
{
	return fd >= 0 && config.active && conn_is_tcp(fd) && !process_is_borrowed() ? conn_make(fd) : NULL;
}

void arrivals_one(int fd)
{
	int saved = errno;
	struct conn *c = known(fd);
	if (c != NULL) {
		await_request(c);
		names_enter(c);
	}
	errno = saved;
}

/* Is this a TCP connection, as far as is known? */
static bool is_connection(const struct conn *c)
{
	enum conn_kind kind = atomic_load_explicit(&c->kind, memory_order_relaxed);
	return kind == CONN_TCP || kind == CONN_PASSED_OVER || conn_has(c, CONN_NAMES);
}

void arrivals_leave(int fd)
{
	struct conn *c = conn_find(fd);
	if (c != NULL && config.active && is_connection(c) && !process_is_borrowed())
		names_enter(c);
}

void arrivals_same(int fd, int other)
{
	struct conn *c = conn_find(fd), *o = conn_find(other);
	if (c != NULL && o != NULL && conn_has(c, CONN_NAMES) && is_connection(o))
		names_meet(o, c);
}

int arrivals_second(int from, int to)
{
	struct conn *c = conn_find(from), *second;
	int saved = errno;
	if (c != NULL && to >= 0 && to != from && config.active && is_connection(c) && !process_is_borrowed() &&
	    (second = conn_make(to)) != NULL) {
		names_enter(c);
		await_request(second);
		names_enter(second);
	}
	errno = saved;
	return to;
}

/* --- inherited by exec ------------------------------------------------------------------------ */

/* The kernel gives out the lowest free number. After this many free numbers in a row the search ends. */
enum { FREE_IN_A_ROW = 32 };

/* Are all these numbers free? One question about all of them. False also where it is refused. */
static bool are_free(int from)
{
	struct pollfd each[FREE_IN_A_ROW];
	for (int i = 0; i < FREE_IN_A_ROW; i++)
		each[i] = (struct pollfd){ .fd = from + i };
	if (own()->poll(each, FREE_IN_A_ROW, 0) != FREE_IN_A_ROW)
		return false;
	for (int i = 0; i < FREE_IN_A_ROW; i++)
		if (each[i].revents != POLLNVAL)
			return false;
	return true;
}

/* Each open number is first asked by fstat() only. The dynamic loader makes that call for each library, so a sandbox
 * that was set up before the program started allows it, and perhaps no other. Two numbers of one socket are not
 * recognised here, but when one of them is first read or written (names.h). */
void arrivals_at_start(void)
{
	struct stat s;
	for (int fd = 0, open = -1; fd - open <= FREE_IN_A_ROW; fd++) {
		if (own_fstat(fd, &s) != 0) {
			if (fd == open + 1 && are_free(fd))
				break;
			continue;
		}
		open = fd;
		struct conn *c = S_ISSOCK(s.st_mode) ? known(fd) : NULL;
		if (c != NULL)
			await_request(c);
	}
}

/* --- inherited by fork ------------------------------------------------------------------------ */

/* What is known of one of the parent's connections. */
struct packed {
	int number;
	uint8_t kind;
	struct request request;
};
/* The list that this thread has packed for the child that it is about to fork. It lies in pages that the kernel copies;
 * the library's tables lie in pages that the kernel wipes in a child (pool.h). */
static _Thread_local struct {
	struct packed *list;
	size_t count, size;
} luggage __attribute__((tls_model("initial-exec")));

/* `luggage` is set last, so that a signal handler that forks meanwhile finds either no list or a complete one. */
void arrivals_pack(void)
{
	size_t count = 0, most = 0;
	for (int fd = conn_next(0); fd >= 0; fd = conn_next((unsigned)fd + 1))
		most += is_connection(conn_find(fd));
	arrivals_drop();
	if (most == 0)
		return;
	int saved = errno;
	struct packed *list = mmap(NULL, most * sizeof *list, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	                           0);
	errno = saved;
	if (list == MAP_FAILED)
		return;
	for (int fd = conn_next(0); fd >= 0 && count < most; fd = conn_next((unsigned)fd + 1)) {
		const struct conn *c = conn_find(fd);
		if (!is_connection(c))
			continue;
		list[count].number = fd;
		list[count].kind = atomic_load_explicit(&c->kind, memory_order_relaxed);
		request_tell(&c->request, &list[count++].request);
	}
	luggage.size = most * sizeof *list;
	luggage.count = count;
	luggage.list = list;
}

void arrivals_drop(void)
{
	struct packed *list = luggage.list;
	int saved = errno;
	luggage.count = 0;
	luggage.list = NULL;
	if (list != NULL)
		munmap(list, luggage.size);
	errno = saved;
}

void arrivals_unpack(void)
{
	if (luggage.list != NULL)
		names_forget_all();
	for (size_t i = 0; luggage.list != NULL && i < luggage.count; i++) {
		const struct packed *p = &luggage.list[i];
		struct conn *c = conn_make(p->number);
		if (c == NULL)
			break;
		conn_set(c, CONN_NAMES);
		request_tell(&p->request, &c->request);
		if (p->kind == CONN_PASSED_OVER)
			atomic_store_explicit(&c->kind, CONN_PASSED_OVER, memory_order_relaxed);
	}
	arrivals_drop();
}
