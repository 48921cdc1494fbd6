#include "environment.h"
#include "script.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A word is '+' and a variable, or '-' and the name of one that was not there, or '.' and more of the variable before:
 * the kernel accepts no argument that is longer than 128 KiB. */
enum { WORD_MAX = 96 * 1024 };

/* The length of the variable's name. There are names that begin with '='. */
static size_t name_length(const char *variable)
{
	return *variable == '\0' ? 0 : 1 + strcspn(variable + 1, "=");
}

static bool same_name(const char *a, const char *b)
{
	return name_length(a) == name_length(b) && strncmp(a, b, name_length(a)) == 0;
}

static char **find(char **variables, const char *variable, bool by_name)
{
	for (; *variables != NULL; variables++)
		if (by_name ? same_name(*variables, variable) : strcmp(*variables, variable) == 0)
			return variables;
	return NULL;
}

static void print_word(char sign, const char *text, size_t size)
{
	putchar(sign);
	for (size_t i = 0, length = 1; i < size; i++, length += 3) {
		if (length >= WORD_MAX) {
			printf("\n.");
			length = 1;
		}
		printf(isalnum((unsigned char)text[i]) && isascii(text[i]) ? "%c" : "%%%02x", (unsigned char)text[i]);
	}
	putchar('\n');
}

void environment_print(const char *variable)
{
	print_word('+', variable, strlen(variable));
}

/* The environment that the process was given, as a NULL-terminated list; NULL if it cannot be read. */
static char **given_to(const char *pid)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = fopen(format("/proc/%s/environ", pid), "re");
	FILE *all = open_memstream(&text, &size);
	if (f == NULL || all == NULL)
		return NULL;
	for (int c; (c = getc_unlocked(f)) != EOF;)
		putc_unlocked(c, all);
	bool failed = ferror(f) || fclose(all) != 0;
	fclose(f);
	size_t count = 0, n = 0;
	for (size_t i = 0; i < size; i++)
		count += text[i] == '\0';
	if (failed || size == 0 || text[size - 1] != '\0')
		return NULL;
	char **list = calloc(count + 1, sizeof *list);
	if (list == NULL)
		return NULL;
	for (char *p = text; n < count; p += strlen(p) + 1)
		list[n++] = p;
	return list;
}

void environment_compare(const char *pid)
{
	char **given = given_to(pid);
	if (given == NULL)
		return;
	for (char **v = environ; *v != NULL; v++)
		if (find(given, *v, true) == NULL)
			print_word('-', *v, name_length(*v));
	for (char **v = given; *v != NULL; v++)
		if (find(environ, *v, false) == NULL && find(given, *v, true) == v)
			environment_print(*v);
	environ = given; /* from here on look-ups see what the command will see */
}

static char *decode(char *word)
{
	char *end = word;
	for (const char *p = word; *p != '\0'; p++) {
		unsigned byte = (unsigned char)*p;
		if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1)
			p += 2;
		*end++ = (char)byte;
	}
	*end = '\0';
	return word;
}

static void take_away(const char *variable)
{
	for (char **v; (v = find(environ, variable, true)) != NULL;)
		do
			v[0] = v[1];
		while (*v++ != NULL);
}

static char **last(void)
{
	char **v = environ;
	while (v[1] != NULL)
		v++;
	return v;
}

char **environment_restore(char **words)
{
	size_t count = 0, more = 0;
	while (environ[count] != NULL)
		count++;
	while (words[more] != NULL)
		more++;
	char **list = calloc(count + more + 1, sizeof *list);
	if (list == NULL)
		abort();
	memcpy(list, environ, count * sizeof *list);
	environ = list;
	for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
		char sign = **words, *text = strchr("+-.", sign) != NULL ? decode(*words + 1) : *words;
		if (sign == '.') {
			*last() = format("%s%s", *last(), text);
			continue;
		}
		take_away(text);
		for (count = 0; environ[count] != NULL;)
			count++;
		if (sign != '-')
			environ[count] = text;
	}
	return *words != NULL ? words + 1 : words;
}
