#include "process.h"
#include "preload.h"
#include "script.h"
#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE " (deleted)"

bool process_runs(const char *word)
{
	return *word != '\0' && word[strspn(word, "0123456789")] == '\0' &&
	       access(format("/proc/%s/stat", word), F_OK) == 0;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), size = strlen(end);
	return n >= size && strcmp(text + n - size, end) == 0;
}

static bool is_tls(const char *name)
{
	static const char *const tls[] = { "libssl.",     "libssl3.",    "libgnutls.",
		                           "libmbedtls.", "libwolfssl.", "libnspr4." };
	for (size_t i = 0; i < sizeof tls / sizeof *tls; i++)
		if (strncmp(name, tls[i], strlen(tls[i])) == 0)
			return true;
	return false;
}

/* Libraries whose text names HTTP whatever the program does. */
static bool names_http_anyway(const char *name)
{
	return is_tls(name) || strncmp(name, "libcrypto.", 10) == 0 ||
	       strncmp(name, PRELOAD_SONAME, strlen(PRELOAD_SONAME)) == 0;
}

static void add(char **list, const char *name)
{
	if (strstr(*list, name) == NULL)
		*list = format("%s%s%s", *list, **list != '\0' ? ", " : "", name);
}

/* Is it a program or library? The second word is its rights: rwxp. */
static bool is_code(const char *line)
{
	const char *rights = strchr(line, ' ');
	return rights != NULL && strlen(rights) > 3 && rights[3] == 'x';
}

/* One line of maps: the path is the sixth word. */
static void look_at_mapping(struct process *p, const char *line)
{
	const char *path = strchr(line, '/'), *name = path != NULL ? strrchr(path, '/') + 1 : NULL;
	if (path == NULL)
		return;
	bool gone = ends_in(name, GONE);
	size_t length = strlen(name) - (gone ? strlen(GONE) : 0);
	if (length == strlen(PRELOAD_SONAME) && strncmp(name, PRELOAD_SONAME, length) == 0) {
		p->loaded = format("%.*s", (int)(name - path + (long)length), path);
		p->replaced = gone;
	}
	if (is_tls(name))
		add(&p->tls, name);
	if (is_code(line) && !gone && !names_http_anyway(name) && traffic_is_named(path))
		add(&p->http, name);
}

static bool read_maps(struct process *p, const char *pid)
{
	FILE *maps = fopen(format("/proc/%s/maps", pid), "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	if (maps == NULL)
		return false;
	p->tls = p->http = "";
	while ((n = getline(&line, &room, maps)) > 0) {
		line[n - (line[n - 1] == '\n')] = '\0';
		look_at_mapping(p, line);
	}
	bool whole = !ferror(maps);
	free(line);
	fclose(maps);
	return whole;
}

/* The number of its filters of system calls; before Linux 5.9 only whether there is one. */
static int filters(const char *pid)
{
	FILE *status = fopen(format("/proc/%s/status", pid), "re");
	char line[256];
	int number = 0;
	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, "Seccomp:", 8) == 0)
			number = atoi(line + 8) != 0;
		else if (strncmp(line, "Seccomp_filters:", 16) == 0)
			number = atoi(line + 16);
	if (status != NULL)
		fclose(status);
	return number;
}

/* The words by which it was started, for a loader that was called by its name. */
static void read_command(struct process *p, const char *pid)
{
	static char text[65536];
	FILE *file = fopen(format("/proc/%s/cmdline", pid), "re");
	size_t n = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0, words = 1;
	if (file != NULL)
		fclose(file);
	for (size_t i = 0; i < n; i++)
		words += text[i] == '\0';
	p->command = calloc(words + 2, sizeof *p->command);
	if (p->command == NULL)
		abort();
	size_t word = 0;
	for (char *at = text; at < text + n; at += strlen(at) + 1)
		p->command[word++] = at;
	p->command[0] = p->path;
}

char *process_read(struct process *p, const char *pid)
{
	char *exe = format("/proc/%s/exe", pid), target[4096];
	struct stat now, then;
	*p = (struct process){ .file = NULL };
	ssize_t n = readlink(exe, target, sizeof target - 1);
	if (n < 0 && errno == ENOENT)
		return format("process %s has no program: it has ended, or is a thread of the kernel; name another one",
		              pid);
	if (n >= 0)
		target[n] = '\0';
	if (n < 0 || access(exe, R_OK) != 0 || !read_maps(p, pid))
		return format("process %s may not be looked at (%s): ask as its user or as root", pid, strerror(errno));
	p->file = format("%s", target);
	bool same = stat(exe, &then) == 0 && stat(target, &now) == 0 && then.st_dev == now.st_dev &&
	            then.st_ino == now.st_ino;
	p->path = same ? p->file : exe;
	p->sandboxed = filters(pid) > filters("self");
	p->traffic = traffic_of(pid);
	read_command(p, pid);
	return NULL;
}
