#include "picture.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INK   "#1f2328"
#define SOFT  "#59636e"
#define GRID  "#d8dee4"
#define SLOW  "#cf222e"
#define WAIT  "#ffebe9"
#define FAST  "#1a7f37"
#define ASK   "#0969da"
#define FONT  "font-family=\"system-ui, 'Segoe UI', sans-serif\""
#define SMALL "font-size=\"13\""
#define HEAVY "font-weight=\"600\""

enum { LEFT = 170, WIDE = 740, TALL = 196, LABELS = 4 };

static FILE *svg;

void picture_prepare(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	if (fd < 0)
		refuse("--picture '%s' cannot be written (%s): name a file in a directory that is yours", file,
		       strerror(errno));
	close(fd);
}

static void text(double x, double y, const char *attributes, const char *what)
{
	fprintf(svg, "<text x=\"%.1f\" y=\"%.1f\" " FONT " %s>", x, y, attributes);
	for (; *what != '\0'; what++)
		if (*what == '<' || *what == '&' || *what == '>')
			fprintf(svg, "&#%d;", *what);
		else
			putc(*what, svg);
	fputs("</text>\n", svg);
}

static void line(double x1, double y1, double x2, double y2, const char *attributes)
{
	fprintf(svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, attributes);
}

static void block(double x, double y, double width, const char *colour)
{
	fprintf(svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"34\" rx=\"4\" fill=\"%s\"/>\n", x, y - 17,
	        width, colour);
}

static void request(double x, double y)
{
	fprintf(svg, "<path d=\"M%.1f %.1f l-6 -11 h12 z\" fill=\"" ASK "\"/>\n", x, y);
}

static char *duration(double us)
{
	return us < 1000 ? format("%.2f ms", us / 1000) : format("%.0f ms", us / 1000);
}

/* The step between ticks (1, 2 or 5 times a power of ten) with which so many microseconds have five at most. */
static double step_for(double us)
{
	double step = 1;
	for (int i = 0; step * 5 < us; i++)
		step *= i % 3 == 1 ? 2.5 : 2;
	return step;
}

/* A part of the time, drawn between `top` and `top` + TALL. */
struct panel {
	double top, most_us, scale; /* scale: of a microsecond */
};

static void axis(const struct panel *p, double step)
{
	double bottom = p->top + TALL;
	bool short_time = p->most_us < 1000;
	for (int i = 0; i * step <= p->most_us * 1.0001; i++) {
		double x = LEFT + i * step * p->scale;
		line(x, p->top, x, bottom, "stroke=\"" GRID "\"");
		text(x, bottom + 18, SMALL " text-anchor=\"middle\" fill=\"" SOFT "\"",
		     i == 0 ? "0" : format("%g %s", short_time ? i * step : i * step / 1000, short_time ? "us" : "ms"));
	}
}

static void row(const struct panel *p, double y, const char *label, const char *colour, const struct timeline *t)
{
	double free_from = 0; /* so that labels do not cover each other */
	text(LEFT - 22, y + 5, "font-size=\"15\" " HEAVY " text-anchor=\"end\" fill=\"" INK "\"", label);
	line(LEFT, y, LEFT + WIDE, y, "stroke=\"" SOFT "\" stroke-width=\"2\"");
	for (size_t i = 0; i < t->count && (double)t->each[i].us <= p->most_us; i++) {
		double x = LEFT + (double)t->each[i].us * p->scale;
		bool right = x > LEFT + WIDE - 100;
		block(x, y, 7, colour);
		if (x < free_from)
			continue;
		text(x + (right ? 0 : 13), y - 24,
		     right ? SMALL " " HEAVY " text-anchor=\"end\" fill=\"" INK "\""
		           : SMALL " " HEAVY " fill=\"" INK "\"",
		     format("%zu bytes", t->each[i].bytes));
		free_from = x + 100;
	}
	request(LEFT, y - 19);
}

/* The longest pause between two arrivals; returns the later one, or 0. */
static size_t longest_gap(const struct timeline *t)
{
	size_t at = 0;
	for (size_t i = 1; i < t->count; i++)
		if (at == 0 || t->each[i].us - t->each[i - 1].us > t->each[at].us - t->each[at - 1].us)
			at = i;
	return at;
}

static void gap(const struct panel *p, double y, const struct timeline *t)
{
	size_t at = longest_gap(t);
	if (at == 0)
		return;
	double from = (double)t->each[at - 1].us, to = (double)t->each[at].us, left = LEFT + from * p->scale + 7;
	bool whole = to <= p->most_us;
	double width = LEFT + (whole ? to : p->most_us) * p->scale - left;
	if (width < 40)
		return;
	fprintf(svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"34\" fill=\"" WAIT "\"/>\n", left, y - 17,
	        width);
	if (whole && width > 200)
		text(left + width / 2, y - 7, "font-size=\"15\" " HEAVY " text-anchor=\"middle\" fill=\"" SLOW "\"",
		     format("nothing comes for %s", duration(to - from)));
}

static void both_rows(const struct panel *p, double step, const struct timeline *bare, const struct timeline *joined)
{
	axis(p, step);
	gap(p, p->top + 50, bare);
	row(p, p->top + 50, "as it is", SLOW, bare);
	row(p, p->top + 140, "with onewrite", FAST, joined);
}

static void legend(double y)
{
	request(40, y);
	text(54, y + 1, SMALL " fill=\"" SOFT "\"", "the request is sent");
	block(206, y - 5, 7, SLOW);
	block(222, y - 5, 7, FAST);
	text(238, y + 1, SMALL " fill=\"" SOFT "\"", "a part of the response comes");
}

static void draw(const char *url, const struct timeline *bare, const struct timeline *joined)
{
	double end = (double)(bare->last_us > joined->last_us ? bare->last_us : joined->last_us);
	double near = (double)joined->last_us * 1.2, first = bare->count > 0 ? (double)bare->each[0].us * 1.2 : 0;
	double step = step_for(end * 1.05 + 1), near_step = step_for((near > first ? near : first) + 1);
	bool magnified = near_step * 5 < end / 5;
	int height = magnified ? 640 : 370;
	struct panel whole = { .top = 100, .most_us = 5 * step, .scale = WIDE / (5 * step) };
	struct panel beginning = { .top = 372, .most_us = 5 * near_step, .scale = WIDE / (5 * near_step) };
	fprintf(svg,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 %d\" width=\"960\" height=\"%d\" "
	        "role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">One response, before and after</title>\n"
	        "<desc id=\"d\">As it is: %zu parts, the last one %s after the request. With onewrite: %zu, "
	        "%s.</desc>\n"
	        "<rect width=\"960\" height=\"%d\" rx=\"8\" fill=\"#ffffff\"/>\n",
	        height, height, bare->count, duration((double)bare->last_us), joined->count,
	        duration((double)joined->last_us), height);
	text(28, 44, "font-size=\"22\" " HEAVY " fill=\"" INK "\"", "One response, as its bytes came");
	text(28, 68, SMALL " fill=\"" SOFT "\"",
	     format("%.90s: of each look the response that took the median time.", url));
	both_rows(&whole, step, bare, joined);
	if (magnified) {
		double from = LEFT + beginning.most_us * whole.scale;
		fprintf(svg,
		        "<path d=\"M%d 318 L%d 372 M%.1f 318 L%d 372\" stroke=\"" SOFT
		        "\" stroke-dasharray=\"3 4\" fill=\"none\"/>\n",
		        LEFT, LEFT, from + 1, LEFT + WIDE);
		text(LEFT + WIDE, 340, SMALL " text-anchor=\"end\" fill=\"" SOFT "\"",
		     format("the first %s", duration(beginning.most_us)));
		both_rows(&beginning, near_step, bare, joined);
	}
	legend(height - 22);
	fputs("</svg>\n", svg);
}

void picture_draw(const char *file, const char *url, const struct timeline *bare, const struct timeline *joined)
{
	svg = fopen(file, "we");
	if (svg != NULL)
		draw(url, bare, joined);
	if (svg == NULL || ferror(svg) || fclose(svg) != 0)
		fail("--picture '%s' could not be written: %s", file, strerror(errno));
}
