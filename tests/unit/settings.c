/* Proves that the names of settings are recognised, and that a file of settings is taken apart line by line. Bytes
 * behind the text are never read: the text ends at the end of a page, with room for one byte. */
#include "page.h"
#include "settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct settings_text place(const char *text, size_t n)
{
	char copy[300];
	memcpy(copy, text, n);
	copy[n] = '?';
	char *p = (char *)page_place(copy, n + 1);
	return (struct settings_text){ p, p + n, 0 };
}

static const struct {
	const char *text;
	const char *lines; /* number:name[:value], each behind a blank */
} rows[] = {
	{ "", "" },
	{ "\n", "" },
	{ " \t\r\n\r\n", "" },
	{ "#", "" },
	{ "  # join = header\n", "" },
	{ "a=b", " 1:a:b" },
	{ "a=b\n", " 1:a:b" },
	{ "a = b", " 1:a:b" },
	{ "\ta\t=\tb\t\n", " 1:a:b" },
	{ "a=b\r\nc=d\r\n", " 1:a:b 2:c:d" },
	{ "\n\na=b\n#\nc=d", " 3:a:b 5:c:d" },
	{ "a=b=c", " 1:a:b=c" },
	{ "a==", " 1:a:=" },
	{ "a", " 1:a" },
	{ "a b", " 1:a b" },
	{ "a=", " 1:a:" },
	{ "a= \n", " 1:a:" },
	{ "=b", " 1::b" },
	{ "=", " 1::" },
	{ " = ", " 1::" },
	{ "a = b # c", " 1:a:b" },
	{ "a = b#c", " 1:a:b#c" },
	{ "a = # c", " 1:a:" },
	{ "a # = c", " 1:a" },
	{ "a = b\t#", " 1:a:b" },
	{ "#a = b\nc = d", " 2:c:d" },
	{ "a = b c", " 1:a:b c" },
	{ "a b = c", " 1:a b:c" },
	{ "\xef\xbb\xbf"
	  "a = b",
	  " 1:\xef\xbb\xbf"
	  "a:b" },
};

Test(settings, lines)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct settings_text t = place(rows[i].text, strlen(rows[i].text));
		struct settings_line l;
		char got[200] = "";
		while (settings_next(&t, &l)) {
			snprintf(got + strlen(got), sizeof got - strlen(got), " %u:%.*s%s%s", t.line, (int)l.name_size,
			         l.name, l.value != NULL ? ":" : "", l.value != NULL ? l.value : "");
		}
		cr_expect(strcmp(got, rows[i].lines) == 0, "'%s' is%s, wanted%s", rows[i].text, got, rows[i].lines);
	}
}

/* A string would end at the NUL, so such a line must not become a setting. */
Test(settings, a_line_with_a_nul_is_no_setting)
{
	static const char text[] = "a = b\0c\nd\0 = e\nf = g # \0\nh = i\0";
	static const char *const values[] = { NULL, NULL, "g", NULL };
	struct settings_text t = place(text, sizeof text - 1);
	struct settings_line l;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		cr_assert(settings_next(&t, &l) && t.line == i + 1);
		cr_expect((values[i] == NULL) == (l.value == NULL) &&
		                  (l.value == NULL || strcmp(l.value, values[i]) == 0),
		          "line %zu: '%s'", i + 1, l.value);
	}
	cr_expect(!settings_next(&t, &l));
}

/* Every text of up to seven of these bytes. */
Test(settings, no_text_leads_outside, .timeout = 100)
{
	static const char bytes[] = "a= #\n\0,";
	enum { KINDS = sizeof bytes - 1, MOST = 7 };
	for (size_t n = 0, count = 1; n <= MOST; n++, count *= KINDS)
		for (size_t number = 0; number < count; number++) {
			char text[MOST];
			struct settings_line l;
			size_t rest = number;
			unsigned before = 0;
			for (size_t i = 0; i < n; i++, rest /= KINDS)
				text[i] = bytes[rest % KINDS];
			struct settings_text t = place(text, n);
			const char *const first = t.p, *const end = t.end;
			for (; settings_next(&t, &l); before = t.line) {
				bool inside = l.name >= first && l.name + l.name_size <= end &&
				              (l.value == NULL ||
				               (l.value >= first && l.value + strlen(l.value) <= end));
				if (!inside || t.line <= before || t.line > n || t.p > end)
					cr_assert(false, "text %zu of length %zu, line %u: outside", number, n, t.line);
			}
		}
}

Test(settings, names)
{
	for (enum setting s = 0; s < SETTINGS; s++) {
		const char *file = settings_name(s, IN_FILE), *variable = settings_name(s, IN_ENVIRONMENT);
		size_t n = strlen(file);
		cr_expect(strlen(variable) == n + strlen(SETTINGS_PREFIX) &&
		          strncmp(variable, SETTINGS_PREFIX, strlen(SETTINGS_PREFIX)) == 0);
		variable += strlen(SETTINGS_PREFIX);
		cr_expect(strncasecmp(file, variable, n) == 0, "%s is %s", file, variable);
		cr_expect(settings_find(file, n, IN_FILE) == s && settings_find(variable, n, IN_ENVIRONMENT) == s,
		          "%s is not found", file);
		cr_expect(settings_find(file, n, IN_ENVIRONMENT) == SETTINGS &&
		          settings_find(variable, n, IN_FILE) == SETTINGS);
		cr_expect(settings_find(file, n - 1, IN_FILE) == SETTINGS &&
		          settings_find(file, 0, IN_FILE) == SETTINGS);
		cr_expect(settings_nearest(file, n) == s && settings_nearest(variable, n) == s, "%s is near to another",
		          file);
	}
}

Test(settings, what_was_meant)
{
	static const struct {
		const char *name;
		enum setting near;
	} words[] = {
		{ "timeuot", SETTING_TIMEOUT },
		{ "time", SETTING_TIMEOUT },
		{ "TimeOut", SETTING_TIMEOUT },
		{ "time-out", SETTING_TIMEOUT },
		{ "timeout_us", SETTING_TIMEOUT },
		{ "jion", SETTING_JOIN },
		{ "joins", SETTING_JOIN },
		{ "held", SETTING_HOLD },
		{ "onnly", SETTING_ONLY },
		{ "tracing", SETTINGS },
		{ "tarce", SETTING_TRACE },
		{ "tarces", SETTING_TRACE },
		{ "traces", SETTING_TRACE },
		{ "", SETTINGS },
		{ "t", SETTINGS },
		{ "log", SETTINGS },
		{ "enabled", SETTINGS },
		{ "timeouttimeout", SETTINGS },
		{ "timeout for each head that is held", SETTINGS },
		{ "programs", SETTINGS },
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i].name);
		enum setting near = settings_nearest(page_place(words[i].name, n), n);
		cr_expect(near == words[i].near, "'%s' is near to %d", words[i].name, near);
	}
}

Test(settings, lists)
{
	static const struct {
		const char *list;
		bool is;
		const char *of, *not_of;
	} lists[] = {
		{ "a", true, "a", "b" },       { "aa,b", true, "b", "a" },      { " a , b ", true, "b", " b" },
		{ "a b,c", true, "a b", "b" }, { "a,\tb\r", true, "b", "a,b" }, { "", false, NULL, "a" },
		{ " ", false, NULL, "a" },     { ",", false, NULL, "a" },       { "a,", false, "a", "b" },
		{ ",a", false, "a", "b" },     { "a,,b", false, "b", "c" },     { "a, ,b", false, "b", "c" },
		{ "/a", false, "/a", "a" },    { "a,b/c", false, "b/c", "c" },
	};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const char *list = page_place(lists[i].list, strlen(lists[i].list) + 1), *of = lists[i].of;
		cr_expect(settings_is_list(list) == lists[i].is, "'%s' is %sa list", list, lists[i].is ? "no " : "");
		cr_expect(of == NULL || settings_lists(list, of, strlen(of)), "'%s' has no '%s'", list, of);
		cr_expect(!settings_lists(list, lists[i].not_of, strlen(lists[i].not_of)), "'%s' has '%s'", list,
		          lists[i].not_of);
	}
}
