#include "ask.h"
#include "measure.h"
#include "say.h"
#include "sockets.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the request ------------------------------------------------------------------------------ */

static char *read_body(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		refuse("--post '%s' cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > BODY_MAX)
		refuse("--post '%s' is no file, or one of more than 16 MiB: name a smaller one", path);
	char *body = malloc((size_t)st.st_size + 1);
	ssize_t n = 0;
	if (body == NULL)
		refuse("there is no memory for --post '%s': name a smaller file", path);
	for (*size = 0; *size < (size_t)st.st_size; *size += (size_t)n)
		if ((n = read(fd, body + *size, (size_t)st.st_size - *size)) <= 0)
			refuse("--post '%s' cannot be read to its end: name a file that does not change", path);
	close(fd);
	return body;
}

void asker_prepare(struct asker *a, const struct url *url, bool head, const char *post)
{
	size_t body_size = 0, head_size;
	char *body = NULL, *fields = "";
	a->url = *url;
	a->method = head ? "HEAD" : post != NULL ? "POST" : "GET";
	a->client.fd = -1;
	a->client.patience_ms = PATIENCE_S * 1000;
	a->client.body_max = BODY_MAX;
	if (post != NULL) {
		body = read_body(post, &body_size);
		fields = format("Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n", body_size);
	}
	char *text = format("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: onewrite\r\nAccept: */*\r\n%s\r\n", a->method,
	                    url->target, url->authority, fields);
	head_size = strlen(text);
	a->request_size = head_size + body_size;
	if ((a->request = realloc(text, a->request_size + 1)) == NULL)
		refuse("there is no memory for the request: name a smaller file");
	if (body != NULL)
		memcpy(a->request + head_size, body, body_size);
	free(body);
}

/* --- the connection --------------------------------------------------------------------------- */

/* The server's segments have at most so many bytes: as many as we asked for, less the timestamps, and as fit where ours
 * go. */
static unsigned segment_size(int fd)
{
	struct tcp_info info = tcp_info_of(fd);
	return info.tcpi_snd_mss > 0 && info.tcpi_snd_mss < info.tcpi_advmss ? info.tcpi_snd_mss : info.tcpi_advmss;
}

static bool connect_to(struct asker *a, const struct addrinfo *address)
{
	int fd = a->client.fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	set_patience(fd, a->client.patience_ms);
	set_mss(fd, ETHERNET_MSS);
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
		close(fd);
		a->client.fd = -1;
		errno = error;
		return false;
	}
	set_nodelay(fd);
	set_reset(fd);
	a->client.used = a->client.have = 0;
	a->served = 0;
	a->connections++;
	a->mss = segment_size(fd);
	return true;
}

bool asker_connect(struct asker *a)
{
	if (a->address == NULL)
		a->address = url_find(&a->url, false);
	if (a->connections > 0)
		return connect_to(a, a->address);
	for (struct addrinfo *each = a->address; each != NULL; each = each->ai_next)
		if (connect_to(a, each)) {
			a->address = each;
			return true;
		}
	return false;
}

void asker_hang_up(struct asker *a)
{
	if (a->client.fd >= 0)
		close(a->client.fd);
	a->client.fd = -1;
}

/* --- one exchange ----------------------------------------------------------------------------- */

/* Only what the connection counts for this response is of interest. */
static bool exchange(struct asker *a, struct answer *answer)
{
	struct response *r = &answer->response;
	unsigned before = tcp_info_of(a->client.fd).tcpi_data_segs_in;
	*r = (struct response){ .started_us = now_us() };
	answer->arrivals.count = 0;
	a->client.log = &answer->arrivals;
	if (a->client.acks_at_once)
		set_acks_at_once(a->client.fd);
	if (!send_all(a->client.fd, a->request, a->request_size) && errno != EPIPE && errno != ECONNRESET)
		r->failure = errno == EAGAIN ? "the server does not read the request" : strerror(errno);
	if (r->failure != NULL || !client_response(&a->client, a->method, r))
		return false;
	answer->last_us = now_us() - r->started_us;
	answer->bytes = r->interim + r->head + r->wire;
	answer->segments = tcp_info_of(a->client.fd).tcpi_data_segs_in - before;
	return true;
}

bool asker_ask(struct asker *a, struct answer *answer)
{
	for (;;) {
		bool kept = a->client.fd >= 0 && a->served > 0;
		memset(&answer->response, 0, sizeof answer->response);
		if (a->client.fd < 0 && !asker_connect(a)) {
			answer->response.failure = strerror(errno);
			return false;
		}
		if (exchange(a, answer)) {
			a->served++;
			if (!answer->response.keeps)
				asker_hang_up(a);
			return true;
		}
		if (!kept || answer->response.failure != NULL || answer->arrivals.count > 0)
			return false;
		asker_hang_up(a);
	}
}

void asker_must(struct asker *a, struct answer *answer)
{
	if (asker_ask(a, answer))
		return;
	const char *why = answer->response.failure;
	if (why == NULL)
		why = "the server closed the connection before a response";
	fail("%s: %s; at most %d s and %d MiB are waited for", a->url.text, why, PATIENCE_S, BODY_MAX >> 20);
}

/* --- what it was ------------------------------------------------------------------------------ */

uint64_t longest_pause(const struct answer *a)
{
	uint64_t longest = 0;
	for (size_t i = 1; i < a->arrivals.count; i++)
		if (a->arrivals.each[i].us - a->arrivals.each[i - 1].us > longest)
			longest = a->arrivals.each[i].us - a->arrivals.each[i - 1].us;
	return longest;
}

static unsigned segments_of(size_t bytes, unsigned mss)
{
	return (unsigned)((bytes + mss - 1) / mss);
}

unsigned least_segments(const struct answer *a, unsigned mss, uint64_t pause_us)
{
	unsigned least = 0;
	size_t part = 0;
	for (size_t i = 0; i < a->arrivals.count; i++) {
		const struct arrival *now = &a->arrivals.each[i];
		if (i > 0 && now->us - now[-1].us >= pause_us) {
			least += segments_of(part, mss);
			part = 0;
		}
		part += now->bytes;
	}
	return least + segments_of(part, mss);
}
