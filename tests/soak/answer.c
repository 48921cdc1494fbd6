#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../scripts/probe/measure.h"
#include "answer.h"

int answer_file;

static void say(struct connection *c, enum stage stage)
{
	c->answering = true;
	c->stage = stage;
	c->n = c->done = 0;
}

void answer_continue(struct connection *c)
{
	say(c, CONTINUE);
}

void answer_interim(struct connection *c)
{
	say(c, ONE_INTERIM);
}

void answer_begin(struct connection *c, enum shape shape, uint64_t size, uint64_t seed, bool no_body)
{
	say(c, INTERIMS);
	c->shape = shape;
	c->size = size;
	c->left = soak_sent(shape, size);
	c->at = seed;
	c->ends = c->ends || soak_ends(shape);
	c->no_body = no_body;
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void put(struct connection *c, const char *text)
{
	c->n = strlen(text);
	memcpy(c->out, text, c->n);
}

/* The next bytes of the body behind what is in c->out already. */
static void take_data(struct connection *c, size_t most)
{
	size_t n = c->left < most ? (size_t)c->left : most;

	soak_fill(c->out + c->n, c->at, n);
	c->n += n;
	c->at += n;
	c->left -= n;
}

/* The whole head, or its first line. */
static void begin_head(struct connection *c)
{
	c->head = soak_head(c->out, c->shape, c->size);
	if (c->shape == TO_CLOSE)
		c->head += (size_t)sprintf(c->out + c->head, "Connection: close\r\n");
	c->head += (size_t)sprintf(c->out + c->head, "\r\n");
	c->n = c->shape == IN_LINES ? strlen(STATUS_LINE) : c->head;
	if (c->shape == AT_ONCE && !c->no_body)
		take_data(c, ROOM);
	c->stage = c->shape == IN_LINES ? HEAD_REST : c->no_body ? DONE : DATA;
	if (c->shape == LATE)
		c->resume = now_us() + TIMEOUT_US / 2 + c->at % TIMEOUT_US;
	if (c->shape == LET_GO)
		c->resume = now_us() + TIMEOUT_US - 500 + c->at % 1000;
}

static void begin_chunk(struct connection *c)
{
	size_t most = 1 + c->at % 3000;

	c->chunk = c->left < most ? (size_t)c->left : most;
	c->stage = c->left > 0 ? CHUNK_DATA : LAST_CHUNK;
	c->n = (size_t)sprintf(c->out, "%zx\r\n", c->chunk);
}

/* Puts the next piece into c->out. False: there is none, the answer is complete. */
static bool next_piece(struct connection *c)
{
	c->done = c->n = 0;
	switch (c->stage) {
	case CONTINUE:
		put(c, CONTINUE_HEAD);
		c->stage = DONE;
		return true;
	case ONE_INTERIM:
		put(c, soak_interim(c->interims--));
		c->stage = DONE;
		return true;
	case INTERIMS:
		if (c->interims > 0) {
			put(c, soak_interim(c->interims--));
			return true;
		}
		begin_head(c);
		return true;
	case HEAD_REST:
		c->n = c->head - strlen(STATUS_LINE);
		memmove(c->out, c->out + c->head - c->n, c->n);
		c->stage = c->no_body ? DONE : DATA;
		return true;
	case DATA:
		if (c->shape == CHUNKED) {
			begin_chunk(c);
			return true;
		}
		take_data(c, c->shape == IN_LINES ? 1 + c->at % 5000 : ROOM);
		return c->n > 0;
	case CHUNK_DATA:
		take_data(c, c->chunk);
		c->stage = CHUNK_LINE_END;
		return true;
	case CHUNK_LINE_END:
		put(c, "\r\n");
		c->stage = DATA;
		return true;
	case LAST_CHUNK:
		put(c, "\r\n");
		c->stage = DONE;
		return true;
	case DONE: break;
	}
	return false;
}

/* --- calls ------------------------------------------------------------------------------------ */

static ssize_t write_piece(struct connection *c)
{
	const char *p = c->out + c->done;
	size_t n = c->n - c->done;
	struct iovec iov[2];

	if (c->shape == AT_ONCE && c->done == 0 && c->stage == DATA && n > c->head) {
		iov[0] = (struct iovec){ c->out, c->head };
		iov[1] = (struct iovec){ c->out + c->head, n - c->head };
		return writev(c->fd, iov, 2);
	}
	return c->shape == IN_LINES ? send(c->fd, p, n, MSG_NOSIGNAL) : write(c->fd, p, n);
}

static ssize_t write_file(struct connection *c)
{
	off_t at = (off_t)c->at;
	ssize_t r = sendfile(c->fd, answer_file, &at, (size_t)c->left);

	if (r > 0) {
		c->at += (uint64_t)r;
		c->left -= (uint64_t)r;
	}
	return r;
}

enum written answer_write(struct connection *c)
{
	while (c->answering) {
		bool by_file = c->shape == FROM_FILE && c->stage == DATA && c->done == c->n;
		ssize_t r;
		if (c->resume != 0 && c->done == c->n)
			return PAUSE;
		if (by_file ? c->left == 0 : c->done == c->n && !next_piece(c)) {
			c->answering = false;
			break;
		}
		r = by_file ? write_file(c) : write_piece(c);
		if (r < 0 && errno == EAGAIN)
			return NO_ROOM;
		if (r < 0 && errno != EINTR)
			return BROKEN;
		if (r > 0 && !by_file)
			c->done += (size_t)r;
	}
	return ALL_WRITTEN;
}
