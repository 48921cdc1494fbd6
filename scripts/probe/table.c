#include "table.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { BAR = 28, PARTS_MAX = 8 };

static const char *bold = "", *dim = "", *red = "", *green = "", *off = "", *arrow = "->";

/* Characters of a bar: a whole one, and one to seven eighths of it. */
static const char *const blocks[PARTS_MAX] = { "█", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
static const char *const plain[] = { "#" };
static const char *const *marks = plain;
static int parts = 1;

static bool takes_utf8(void)
{
	const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);
		if (value != NULL && *value != '\0')
			return strcasestr(value, "utf8") != NULL || strcasestr(value, "utf-8") != NULL;
	}
	return false;
}

void table_prepare(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	if (isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0)
		bold = "\033[1m", dim = "\033[2m", red = "\033[31m", green = "\033[32m", off = "\033[0m";
	if (takes_utf8())
		marks = blocks, parts = PARTS_MAX, arrow = "→";
}

/* 7.00 -> 7, 2.13 -> 2.1 */
static char *number(double x, bool known)
{
	char *text = known ? format("%.1f", x) : format("-");
	char *end = strstr(text, ".0");
	if (end != NULL)
		*end = '\0';
	return text;
}

char *table_ms(double us)
{
	return us < 1000 ? format("%.3f ms", us / 1000) : format("%.1f ms", us / 1000);
}

void table_head(void)
{
	printf("\n%s  %-15s %6s %10s %12s %16s%s\n", dim, "per response", "writes", "segments", "median time",
	       "99th percentile", off);
}

void table_title(const char *title)
{
	printf("\n%s%s%s\n", bold, title, off);
}

void table_row(const char *label, bool slow, const struct run *r, const struct run *bare)
{
	double part = r->median_us < bare->median_us ? r->median_us / bare->median_us : 1;
	int left = (int)(BAR * parts * part + 0.5);
	printf("  %-15s %6s %10s %12s %16s  %s", label, number(r->writes, r->writes >= 0),
	       number(r->segments, r->segments > 0), table_ms(r->median_us), table_ms(r->p99_us), slow ? red : green);
	for (left = left < 1 ? 1 : left; left >= parts; left -= parts)
		fputs(marks[0], stdout);
	printf("%s%s\n", left > 0 ? marks[left] : "", off);
	fflush(stdout);
}

static char *counted(double x, bool known, const char *thing)
{
	const char *text = number(x, known);
	return known ? format("%s %s%s, ", text, thing, strcmp(text, "1") == 0 ? "" : "s") : format("%s", "");
}

static char *in_words(const struct run *r, bool with_writes)
{
	return format("%s%s%s", counted(r->writes, with_writes, "write"),
	              counted(r->segments, r->segments > 0, "segment"), table_ms(r->median_us));
}

void table_conclusion(const struct run *bare, const struct run *joined)
{
	double ratio = bare->median_us / joined->median_us;
	bool both = bare->writes >= 0 && joined->writes >= 0;
	char *speed;
	bool changed = (both && strcmp(number(bare->writes, true), number(joined->writes, true)) != 0) ||
	               strcmp(number(bare->segments, true), number(joined->segments, true)) != 0;
	if (!changed) /* then times differ by chance, or by what the library costs, which a benchmark has to tell */
		speed = format("nothing is changed");
	else if (ratio >= 1.05)
		speed = format(ratio < 9.95 ? "%.1fx as fast" : "%.0fx as fast", ratio);
	else if (ratio > 0.95)
		speed = format("as fast as before");
	else
		speed = format("takes %.1fx as long", 1 / ratio);
	printf("  %s %s %s: %s%s%s\n", in_words(bare, both), arrow, in_words(joined, both), bold, speed, off);
}
