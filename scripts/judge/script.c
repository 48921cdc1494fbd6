#include "script.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *format(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

static bool is_executable(const char *path)
{
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The first file in PATH that is executable, or else the first that is there. A name may begin with a dash, so the path
 * always has a slash before it. */
static char *in_path(const char *command)
{
	const char *p = getenv("PATH");
	char *found = NULL;
	if (p == NULL)
		p = "/bin:/usr/bin"; /* as execvp(3) does */
	for (;; p++) {
		int n = (int)strcspn(p, ":");
		char *candidate = format("%s%.*s%s%s", *p == '/' || *p == '.' ? "" : "./", n, p, n > 0 ? "/" : "",
		                         command);
		if (is_file(candidate)) {
			if (is_executable(candidate))
				return candidate;
			found = found != NULL ? found : candidate;
		}
		p += n;
		if (*p == '\0')
			return found;
	}
}

char *locate(const char *command, char **trouble)
{
	bool given = strchr(command, '/') != NULL;
	char *path = *command == '\0' ? NULL
	             : !given         ? in_path(command)
	                              : format("%s%s", *command == '/' || *command == '.' ? "" : "./", command);
	struct stat st;
	if (path == NULL)
		*trouble = strchr(command, ' ') != NULL
		                   ? format("there is no command '%s': write the command and its arguments as separate "
		                            "words",
		                            command)
		                   : format("there is no command '%s' in PATH: check its name, or give its path",
		                            command);
	else if (stat(path, &st) != 0)
		*trouble = format("there is no file '%s': check its path", command);
	else if (S_ISDIR(st.st_mode))
		*trouble = format("'%s' is a directory: name a program in it", command);
	else if (!S_ISREG(st.st_mode))
		*trouble = format("'%s' is no regular file: name a program", command);
	else if (!is_executable(path))
		*trouble = format("'%s' is not executable, or on a file system mounted noexec: chmod +x it, "
		                  "or name its interpreter first",
		                  command);
	else
		return path;
	return NULL;
}

/* --- the #! line ------------------------------------------------------------------------------ */

/* Is the word in the list? An entry that ends in '*' stands for all words that begin so. */
static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++) {
		size_t n = strcspn(*list, "*");
		if ((*list)[n] == '*' ? strncmp(word, *list, n) == 0 : strcmp(word, *list) == 0)
			return true;
	}
	return false;
}
#define ONE_OF(word, ...) is_one_of(word, (const char *const[]){ __VA_ARGS__, NULL })

/* The command that env(1) starts if it is called with these words; NULL if that cannot be told, or is refused
 * (found). */
static const char *env_command(char **words, struct interpreter *found)
{
	const char *option = "";
	bool moved = false;
	for (; *words != NULL; words++) {
		char *word = format("%s%s", option, *words);
		option = "";
again:
		found->unsure = strpbrk(word, "'\"\\$") != NULL || ONE_OF(word, "-uPATH", "--unset=PATH", "PATH=*");
		if (found->unsure)
			return NULL;
		if (ONE_OF(word, "-", "-i*", "--ignore-environment"))
			found->reason =
				"is a script whose #! line clears the environment, the library's settings with it";
		else if (ONE_OF(word, "-uLD_PRELOAD", "--unset=LD_PRELOAD", "LD_PRELOAD=*"))
			found->reason = "is a script whose #! line takes LD_PRELOAD away, the library with it";
		if (found->reason != NULL)
			return NULL;
		if (ONE_OF(word, "-u", "-C", "-a")) {
			option = word;
		} else if (ONE_OF(word, "--unset", "--chdir", "--argv0")) {
			option = format("%s=", word);
		} else if (ONE_OF(word, "-C*", "--chdir=*")) {
			moved = true;
		} else if (ONE_OF(word, "-S*", "--split-string=*") && word[2] != '\0') {
			word = word[1] == 'S' ? word + 2 : strchr(word, '=') + 1;
			goto again;
		} else if (ONE_OF(word, "-v*", "-0*") && word[2] != '\0') {
			*++word = '-';
			goto again;
		} else if (!ONE_OF(word, "-u*", "-a*", "-S", "-v", "-0", "--unset=*", "--argv0=*", "--split-string",
		                   "--debug", "--null", "--default-signal*", "--ignore-signal*", "--block-signal*",
		                   "--")) {
			found->unsure = *word == '-' || (moved && *word != '/' && strchr(word, '/') != NULL);
			if (found->unsure)
				return NULL;
			if (strchr(word, '=') == NULL)
				return word;
		}
	}
	return "";
}

enum { LINE_MAX_BYTES = 256, WORDS_MAX = LINE_MAX_BYTES / 2 + 1 }; /* as much as the kernel reads */

struct interpreter interpreter_of(const char *script)
{
	static const char blanks[] = " \t";
	struct interpreter found = { .cure = "name its interpreter first" };
	char *line = format("%*s", LINE_MAX_BYTES, ""), *words[WORDS_MAX + 1], *rest = NULL;
	size_t n = 0;
	int fd = open(script, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, line, LINE_MAX_BYTES - 1);
	if (fd >= 0)
		close(fd);
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "#!", 2) == 0)
		for (char *w = strtok_r(line + 2, blanks, &rest); w != NULL; w = strtok_r(NULL, blanks, &rest))
			words[n++] = w;
	if (n == 0)
		words[n++] = "/bin/sh"; /* what execvp(3) and the shells do if the kernel refuses the file */
	words[n] = NULL;
	const char *slash = strrchr(words[0], '/'), *command = words[0];
	if (slash == NULL)
		command = format("./%s", words[0]);
	else if (strcmp(slash, "/env") == 0)
		command = env_command(words + 1, &found);
	if (command != NULL)
		found.path = locate(command, &found.trouble);
	return found;
}
