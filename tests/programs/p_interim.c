/* p_interim COUNT LETTERS joined|alone answers one request with COUNT interim responses (1xx), for
 * tests/preload/interim.c.
 *
 * It reads a byte after each of them, as a program does whose client goes on sending. The bytes read are LETTERS, over
 * and over, and must not disturb what the library has learned of the request. Then comes the final head, by itself or
 * with its body, and a second exchange. */
#include "p_common.h"
#include "number.h"

static char request[500];

static void put(int fd, const char *bytes, size_t n)
{
	must(write(fd, bytes, n) == (ssize_t)n, "writing");
	atomic_fetch_add(&shared->written, n);
}

static void get(int fd, const char *bytes, size_t n)
{
	char packet[sizeof request + 1] = ">";

	memcpy(packet + 1, bytes, n);
	report_bytes(packet, n + 1);
	must(read(fd, request, n) == (ssize_t)n && memcmp(request, bytes, n) == 0, "reading");
}

static void answer(int fd, bool alone)
{
	char body[200];

	put(fd, HEAD, sizeof HEAD - 1);
	if (alone) {
		report("all is there: %d\n", peer_has_all());
		return;
	}
	body_fill(shared, body, sizeof body);
	put(fd, body, sizeof body);
}

int main(int argc, char **argv)
{
	static const char interim[] = "HTTP/1.1 102 Processing\r\n\r\n", next[] = "GET /next HTTP/1.1\r\n\r\n";
	int fd, count;

	if (argc != 4)
		return 2;
	count = natural("the count of 102", argv[1]);
	shared = shared_map(SHARED_FD);
	fd = accept_peer();
	must(read(fd, request, sizeof request) > 0, "reading a request");
	for (int i = 0; i < count; i++) {
		put(fd, interim, sizeof interim - 1);
		get(fd, argv[2] + (size_t)i % strlen(argv[2]), 1);
	}
	answer(fd, strcmp(argv[3], "alone") == 0);
	get(fd, next, sizeof next - 1);
	answer(fd, false);
	return 0;
}
