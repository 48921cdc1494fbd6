#include "traffic.h"
#include "script.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTENS = 10 /* TCP_LISTEN, see include/net/tcp_states.h of Linux */, PORTS_NAMED = 3 };

struct sockets {
	uint64_t *inodes; /* of all sockets of the process */
	size_t count;
	unsigned ports[PORTS_NAMED]; /* the lowest at which it listens, in order */
	size_t listening, connected;
};

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* False: its descriptors may not be looked at. */
static bool read_inodes(struct sockets *s, const char *pid)
{
	DIR *dir = opendir(format("/proc/%s/fd", pid));
	const struct dirent *entry;
	size_t room = 0;
	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		char target[64];
		uint64_t inode;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		if (s->count == room &&
		    (s->inodes = reallocarray(s->inodes, room = 2 * room + 64, sizeof *s->inodes)) == NULL)
			abort();
		s->inodes[s->count++] = inode;
	}
	closedir(dir);
	if (s->count > 0)
		qsort(s->inodes, s->count, sizeof *s->inodes, by_number);
	return true;
}

static void add_port(struct sockets *s, unsigned port)
{
	size_t i = 0, known = s->listening < PORTS_NAMED ? s->listening : PORTS_NAMED;
	while (i < known && s->ports[i] < port)
		i++;
	if (i < known && s->ports[i] == port)
		return; /* by IPv4 and by IPv6, or by several sockets */
	if (i < PORTS_NAMED) {
		memmove(&s->ports[i + 1], &s->ports[i], (PORTS_NAMED - 1 - i) * sizeof *s->ports);
		s->ports[i] = port;
	}
	s->listening++;
}

/* Reads a table of the process's network name space. */
static void read_table(struct sockets *s, const char *pid, const char *name)
{
	FILE *table = fopen(format("/proc/%s/net/%s", pid, name), "re");
	char line[512];
	while (table != NULL && fgets(line, sizeof line, table) != NULL) {
		unsigned port, state;
		uint64_t inode;
		if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64, &port,
		           &state, &inode) != 3 ||
		    s->count == 0 || bsearch(&inode, s->inodes, s->count, sizeof inode, by_number) == NULL)
			continue;
		if (state == LISTENS)
			add_port(s, port);
		else
			s->connected++;
	}
	if (table != NULL)
		fclose(table);
}

char *traffic_of(const char *pid)
{
	struct sockets s = { .inodes = NULL };
	char *text = "";
	if (!read_inodes(&s, pid))
		return text;
	read_table(&s, pid, "tcp");
	read_table(&s, pid, "tcp6");
	free(s.inodes);
	for (size_t i = 0; i < s.listening && i < PORTS_NAMED; i++)
		text = format("%s%s %u", text, i > 0 ? "," : "it listens at TCP port", s.ports[i]);
	if (s.listening > PORTS_NAMED)
		text = format("%s and others", text);
	if (s.listening > 0)
		return format("%s: onewrite --probe http://localhost:%u/ asks what it writes", text, s.ports[0]);
	if (s.connected > 0)
		return format("it has %zu TCP connection%s", s.connected, s.connected > 1 ? "s" : "");
	return "it has no TCP socket now";
}

/* The path is that of a process which may be anybody's: whatever lies there now is not waited for, and a file that is
 * cut short meanwhile raises no signal. */
bool traffic_is_named(const char *file)
{
	enum { PIECE = 1 << 16, MOST = 1 << 28 };
	static const char name[] = "HTTP/1.";
	static char text[sizeof name + PIECE];
	struct stat st;
	size_t kept = 0; /* the end of the piece before, where the name may begin */
	ssize_t n;
	bool found = false;
	int fd = stat(file, &st) == 0 && S_ISREG(st.st_mode) ? open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
	                                                     : -1;
	if (fd < 0)
		return false;
	for (off_t done = 0; !found && done < MOST && (n = read(fd, text + kept, PIECE)) > 0; done += n) {
		size_t have = kept + (size_t)n;
		found = memmem(text, have, name, sizeof name - 1) != NULL;
		kept = have < sizeof name - 2 ? have : sizeof name - 2;
		memmove(text, text + have - kept, kept);
	}
	close(fd);
	return found;
}
