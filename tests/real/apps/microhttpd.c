/* A server made with libmicrohttpd. Arguments: the port, a file. */
#include <fcntl.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../support/number.h"

static const char *file;
static char large[200000];

static ssize_t next_piece(void *pause, uint64_t at, char *into, size_t room)
{
	static const char text[] = "piece %d of a body that comes in pieces, fifty bytes\n";
	int n = (int)(at / (sizeof(text) - 2));

	if (n == 3)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (pause && n > 0)
		usleep(100000);
	return snprintf(into, room, text, n);
}

static struct MHD_Response *of_file(void)
{
	struct stat status;
	int fd = open(file, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) != 0)
		return NULL;
	return MHD_create_response_from_fd((uint64_t)status.st_size, fd);
}

static enum MHD_Result answer(void *closure, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *size, void **seen)
{
	struct MHD_Response *response;
	unsigned status = 200;
	enum MHD_Result result;

	(void)closure, (void)method, (void)version, (void)upload;
	if (!*seen || *size) { /* the request's head, or a part of its body */
		*seen = large;
		*size = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/chunked") == 0)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, next_piece, NULL, NULL);
	else if (strcmp(url, "/stream") == 0)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, next_piece, large, NULL);
	else if (strcmp(url, "/file") == 0)
		response = of_file();
	else
		response = MHD_create_response_from_buffer(strcmp(url, "/large") ? 200 : sizeof(large), large,
		                                           MHD_RESPMEM_PERSISTENT);
	if (strcmp(url, "/fresh") == 0)
		status = 304;
	if (strcmp(url, "/moved") == 0) {
		status = 302;
		MHD_add_response_header(response, "Location", "/small");
	}
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 1;
	file = argv[2];
	memset(large, 'x', sizeof(large));
	if (!MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)number("PORT", argv[1], 1, UINT16_MAX), NULL,
	                      NULL, answer, NULL, MHD_OPTION_END))
		return 1;
	for (;;)
		pause();
}
