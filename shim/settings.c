#include "settings.h"

#include <string.h>

#define PREFIX (sizeof SETTINGS_PREFIX - 1)

static const struct {
	const char *file, *environment;
	size_t n;
} names[SETTINGS] = {
/* clang-format off */
#define SETTING(name, NAME, ...) { #name, SETTINGS_PREFIX #NAME, sizeof #name - 1 },
/* clang-format on */
#include "settings.def"
};

#define FILE_TOO(name)         ", " name
#define ENVIRONMENT_ONLY(name) ""

static const char in_file[] =
#define SETTING(name, NAME, in, ...) in(#name)
#include "settings.def"
	;
static const char in_environment[] =
#define SETTING(name, NAME, ...) ", " SETTINGS_PREFIX #NAME
#include "settings.def"
	;

const char *settings_all(enum settings_source in)
{
	return (in == IN_FILE ? in_file : in_environment) + 2;
}

const char *settings_name(enum setting s, enum settings_source in)
{
	return in == IN_FILE ? names[s].file : names[s].environment;
}

enum setting settings_find(const char *name, size_t n, enum settings_source in)
{
	enum setting s = 0;
	while (s < SETTINGS &&
	       (names[s].n != n || memcmp(in == IN_FILE ? names[s].file : names[s].environment + PREFIX, name, n) != 0))
		s++;
	return s;
}

/* --- what was meant --------------------------------------------------------------------------- */

enum { LONGEST = 7, MOST = 16 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The number of letters to add, leave out, change, or exchange with the next one. n <= MOST, m <= LONGEST. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[MOST + 1][LONGEST + 1];
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j - 1] + (lower(a[i - 1]) != b[j - 1]),
			                least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == b[j - 2] && lower(a[i - 2]) == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}

enum setting settings_nearest(const char *name, size_t n)
{
	enum setting nearest = SETTINGS;
	size_t shortest = MOST;
	for (enum setting s = 0; n <= MOST && s < SETTINGS; s++) {
		size_t here = distance(name, n, names[s].file, names[s].n);
		if (here <= names[s].n / 2 && here < shortest) {
			nearest = s;
			shortest = here;
		}
	}
	return nearest;
}

/* --- a file ----------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static char *skip_blanks(char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static char *without_blanks(const char *p, char *end)
{
	while (end > p && is_blank(end[-1]))
		end--;
	return end;
}

/* A comment begins at a # that is not inside a word. */
static char *end_of(char *p, char *end)
{
	for (char *c = p; c < end; c++)
		if (*c == '#' && (c == p || is_blank(c[-1])))
			return c;
	return end;
}

bool settings_next(struct settings_text *t, struct settings_line *line)
{
	while (t->p < t->end) {
		char *newline = memchr(t->p, '\n', (size_t)(t->end - t->p)),
		     *next = newline != NULL ? newline + 1 : t->end;
		char *p = t->p, *end = end_of(p, newline != NULL ? newline : t->end);
		t->p = next;
		t->line++;
		p = skip_blanks(p, end);
		end = without_blanks(p, end);
		if (p == end)
			continue;
		char *equals = memchr(p, '=', (size_t)(end - p));
		char *name_end = without_blanks(p, equals != NULL ? equals : end);
		line->name = p;
		line->name_size = (size_t)(name_end - p);
		line->value = NULL;
		if (equals != NULL && memchr(p, '\0', (size_t)(end - p)) == NULL)
			line->value = skip_blanks(equals + 1, end);
		*end = '\0'; /* behind everything that is read later */
		return true;
	}
	return false;
}

/* --- a list ----------------------------------------------------------------------------------- */

bool settings_is_list(const char *list)
{
	bool has_name = false;
	for (;; list++)
		if (*list == '/')
			return false;
		else if (*list != ',' && *list != '\0')
			has_name = has_name || !is_blank(*list);
		else if (!has_name || *list == '\0')
			return has_name;
		else
			has_name = false;
}

bool settings_lists(const char *list, const char *name, size_t n)
{
	for (const char *p = list, *end;; p = end + 1) {
		while (is_blank(*p))
			p++;
		for (end = p; *end != ',' && *end != '\0';)
			end++;
		const char *last = end;
		while (last > p && is_blank(last[-1]))
			last--;
		if ((size_t)(last - p) == n && memcmp(p, name, n) == 0)
			return true;
		if (*end == '\0')
			return false;
	}
}
