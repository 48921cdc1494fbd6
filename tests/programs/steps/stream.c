/* Steps of p_steps that write through a stdio stream made of the connection. */
#include "steps.h"

FILE *stream;

static long do_fdopen(const struct step *s)
{
	(void)s;
	stream = fdopen(fd, "w");
	return stream != NULL ? 0 : -1;
}

/* Reopens the stream as /dev/null. That closes the connection's descriptor inside libc. */
static long do_freopen(const struct step *s)
{
	FILE *was = stream;

	(void)s;
	fd = -1;
	stream = freopen("/dev/null", "w", was);
	return stream != NULL ? 0 : -1;
}

static long do_fprintf(const struct step *s)
{
	return fprintf(stream, "%s", s->bytes);
}

static long do_fwrite(const struct step *s)
{
	long r = (long)fwrite(s->bytes, 1, s->size, stream);

	return fflush(stream) == 0 ? r : -1;
}

const struct verb stream_verbs[] = {
	{ "fdopen", do_fdopen, 0 },
	{ "freopen", do_freopen, 0 },
	{ "fprintf", do_fprintf, BYTES },
	{ "fwrite", do_fwrite, BYTES },
	{ NULL, NULL, 0 },
};
