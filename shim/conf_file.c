#include "conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "headers.h"
#include "own.h"

/* The user number that the kernel shows where a file's owner has none in this user namespace. */
enum { NOBODY_HERE = 65534 };

static bool distrust(const char *why, void (*complain)(const char *line))
{
	char line[400];
	snprintf(line, sizeof line, "onewrite: %.200s %s; nothing is done in any program", ONEWRITE_CONF, why);
	complain(line);
	return false;
}

static bool is_absent(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

/* Is there such a file? Asked when open() has failed because no descriptor is free: this call needs none. */
static bool is_there(void)
{
	return own()->syscall(SYS_faccessat, AT_FDCWD, ONEWRITE_CONF, F_OK) == 0;
}

static bool read_text(int fd, struct settings_text *text, char *room)
{
	size_t size = 0;
	for (long n; size < CONF_FILE_ROOM; size += (size_t)n)
		if ((n = own()->syscall(SYS_read, fd, room + size, CONF_FILE_ROOM - size)) <= 0) {
			*text = (struct settings_text){ room, room + size, 0 };
			return n == 0;
		}
	return false; /* no room for the byte that settings_next() writes behind the text */
}

static bool read_trusted(int fd, struct settings_text *text, char *room, void (*complain)(const char *line))
{
	struct statx s;
	if (own()->syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_UID, &s) != 0)
		return distrust("cannot be examined: statx(2) is refused", complain);
	if ((s.stx_mode & S_IFMT) != S_IFREG)
		return distrust("is no regular file", complain);
	if (s.stx_uid == NOBODY_HERE)
		return false;
	if (s.stx_uid != 0 || (s.stx_mode & (S_IWGRP | S_IWOTH)) != 0)
		return distrust("can be written by others than root: chown root, chmod go-w", complain);
	return read_text(fd, text, room) || distrust("cannot be read, or is longer than 4095 bytes", complain);
}

bool conf_file_read(struct settings_text *text, char room[CONF_FILE_ROOM], void (*complain)(const char *line))
{
	text->p = NULL;
	int fd = (int)own()->syscall(SYS_openat, AT_FDCWD, ONEWRITE_CONF,
	                             O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && is_absent(errno))
		return true;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return !is_there();
	if (fd < 0)
		return distrust(errno == ELOOP ? "is a symbolic link: put the file itself there"
		                               : "cannot be read: chmod go+r",
		                complain);
	bool read = read_trusted(fd, text, room, complain);
	own()->syscall(SYS_close, fd);
	return read;
}

bool conf_file_says_off(void)
{
	struct own_file file;
	return own_file(ONEWRITE_OFF, &file) && file.owner == 0;
}
