/* Lives of p_hosts with messages that are longer than a segment, or than the room in the send buffer. */
#include "hosts.h"

#include <poll.h>
#include <sys/sendfile.h>

/* --- a message that is longer than a segment -------------------------------------------------- */

static const char long_head[] = "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n";
static const char short_message[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* The head and a part of the body are written in one call, which the test makes fail. The program then answers
 * something else. */
static void refuse_whole(int fd, int client)
{
	static char first[100000];

	memset(first, 'b', sizeof first);
	memcpy(first, long_head, sizeof long_head - 1);
	(void)!write(fd, first, sizeof first);
	read_until(client, got, sizeof got, 30);
}

/* The first body write is refused, and the head goes at its deadline. The program then writes the body. */
static void refuse_body(int fd, int client)
{
	ssize_t n, done = 0;

	must(write(fd, long_head, sizeof long_head - 1) == sizeof long_head - 1, "writing a head");
	n = write(fd, large, 100000);
	done += n > 0 ? n : 0;
	must(poll(&(struct pollfd){ client, POLLIN, 0 }, 1, 2000) == 1, "seeing the head");
	while (done < 500000) {
		n = write(fd, large, 500000 - done < 100000 ? (size_t)(500000 - done) : 100000);
		must(n > 0 || errno == EAGAIN, "writing the body");
		done += n > 0 ? n : 0;
		read_until(client, got, sizeof got, 5);
	}
}

/* A call that is refused must leave no cork of the library's behind, which would make the next messages late. */
static void refused(void)
{
	int client, fd = accept_own(&client), late = 0, cork = 0;
	socklen_t size = sizeof cork;

	set_int(fd, IPPROTO_TCP, TCP_NODELAY, is_how("nodelay"));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (is_how("whole"))
		refuse_whole(fd, client);
	else
		refuse_body(fd, client);
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CORK, (long)&cork, (long)&size, 0);
	for (int i = 0; i < 4; i++) {
		(void)!write(client, "GET / HTTP/1.1\r\n\r\n", 18);
		read_until(fd, got, 18, 1000);
		int64_t since = now_ns();
		must(write(fd, short_message, sizeof short_message - 1) > 0, "writing a message");
		late += arrival_ms(client, sizeof short_message - 1, since) >= 100;
	}
	report("TCP_CORK: %d, late: %d\n", cork, late);
}

/* Nothing of a message is held any more when its next pieces come by sendfile. They must not wait for an ACK. */
static void pieces(void)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n",
			  asking[] = "PUT / HTTP/1.1\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n";
	int client, fd = accept_own(&client), file = memfd_create("body", 0), mss = 0, late = 0;
	socklen_t size = sizeof mss;
	off_t at = 0;
	size_t first = 500;

	must(ftruncate(file, 900000) == 0, "memfd");
	set_int(client, IPPROTO_TCP, TCP_QUICKACK, 0);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, is_how("nodelay"));
	if (is_how("asked")) { /* the head went at once, so no deadline of its own covers the body */
		(void)!write(fd, asking, sizeof asking - 1);
		read_until(client, got, sizeof asking - 1, 1000);
		(void)!write(client, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		read_until(fd, got, 25, 1000);
		first = 0;
	} else if (is_how("exact")) { /* what was written fills its segments exactly, so the kernel holds none of it
		                         back */
		getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &size);
		first = 2 * (size_t)mss - (sizeof head - 1);
		(void)!write(fd, head, sizeof head - 1);
		must(sendfile(fd, file, &at, first) == (ssize_t)first, "sendfile");
	} else { /* the ACK in the peer's next request makes the kernel send the beginning of this message */
		(void)!write(client, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", 38);
		read_until(fd, got, 38, 1000);
		(void)!write(fd, short_message, sizeof short_message - 1);
		read_until(client, got, sizeof short_message - 1, 1000);
		(void)!write(fd, head, sizeof head - 1);
		(void)!write(fd, large, first);
		(void)!write(client, "GET /3 HTTP/1.1\r\n\r\n", 19);
	}
	if (first > 0)
		must(read_until(client, got, first + sizeof head - 1, 1000) == first + sizeof head - 1,
		     "reading the first part");
	for (int i = 0; i < 3; i++) {
		sleep_us(30000);
		at = 0;
		int64_t since = now_ns();
		must(sendfile(fd, file, &at, 3000) == 3000, "sendfile");
		late += arrival_ms(client, 3000, since) >= 55;
	}
	report("late: %d\n", late);
}

/* --- a send buffer that sendfile has filled --------------------------------------------------- */

/* Writes a response whose body is a file, until the buffer is full. Returns the count of body bytes sent. */
static size_t send_file(int fd, int file, size_t size)
{
	char head[100];
	int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %08zu\r\n\r\n", size);
	size_t done = 0;
	off_t at = 0;
	ssize_t r;

	must(ftruncate(file, (off_t)size) == 0, "memfd");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)!write(fd, head, (size_t)n);
	while (done < size && (r = sendfile(fd, file, &at, 65536)) > 0)
		done += (size_t)r;
	return done;
}

/* Response 1 ends exactly when the buffer is full; how many bytes that takes is tried on another connection. Then the
 * head of response 2 is written and the connection is closed. If there was room for the head, it must arrive. */
static void full(void)
{
	int client[2], trial = accept_own(&client[0]), fd = accept_own(&client[1]), file = memfd_create("body", 0);
	size_t n = send_file(trial, file, 16 << 20);

	report("fd=%d", fd);
	send_file(fd, file, n);
	ssize_t r = write(fd, HEAD, HEAD_SIZE);
	int64_t since = now_ns();
	close(fd);
	bool waited = now_ns() - since > 100000000;
	n = read_until(client[1], got, sizeof got, 2000);
	bool lost = r > 0 && (n < HEAD_SIZE || memcmp(got + n - HEAD_SIZE, HEAD, HEAD_SIZE) != 0);
	report("close waited: %d, a head that was taken is lost: %d\n", waited, lost);
}

const struct life full_lives[] = {
	{ "refused", refused },
	{ "pieces", pieces },
	{ "full", full },
	{ NULL },
};
