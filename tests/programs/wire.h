/* What exchange and responder share: a clock, a checksum, and their own reading of heads, which is independent of
 * the shim's on purpose. */
#ifndef ONEWRITE_TESTS_WIRE_H
#define ONEWRITE_TESTS_WIRE_H

#include <linux/tcp.h> /* a tcp_info with tcpi_data_segs_in, which netinet/tcp.h lacks */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define SUM_START 2166136261u /* FNV-1a */

static inline uint32_t sum_more(uint32_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * 16777619u;
	return sum;
}

static inline uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Segments with data that arrived on fd so far. */
static inline unsigned segments_in(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info.tcpi_data_segs_in;
}

static inline void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Before fd connects or listens: the peer is to send segments of at most this size (less 12 bytes for timestamps). On
 * loopback, whose own segments have 64 KB, that is what a network would see. */
static inline void set_mss(int fd, unsigned mss)
{
	int size = (int)mss, room = 1 << 20; /* and a window that cuts no segment short */

	if (mss == 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

/* No single call on fd blocks longer than this. */
static inline void set_patience(int fd, unsigned ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* The size of the head, its empty line included; 0 while that has not come. */
static inline size_t head_size(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	return end ? (size_t)(end - p) + 4 : 0;
}

/* The value of a field, or NULL. It ends at its CR, not at a NUL. */
static inline const char *head_field(const char *head, size_t size, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = head; (line = memmem(line, (size_t)(head + size - line), "\r\n", 2));) {
		line += 2;
		if ((size_t)(head + size - line) > length && line[length] == ':' && !strncasecmp(line, name, length))
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

static inline bool head_field_is(const char *head, size_t size, const char *name, const char *value)
{
	const char *found = head_field(head, size, name);

	return found && !strncasecmp(found, value, strlen(value));
}

/* What Content-Length says; 0 without one. */
static inline uint64_t head_length(const char *head, size_t size)
{
	const char *value = head_field(head, size, "Content-Length");

	return value ? strtoull(value, NULL, 10) : 0;
}

#endif
