#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rarely.h"

struct config config = {
	.timeout_ns = TIMEOUT_DEFAULT_NS,
	.join = JOIN_MESSAGE,
	.place = PLACE_MEMORY,
};

bool config_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	uint64_t value = 0;
	const char *p = text;
	while (*p >= '0' && *p <= '9' && value <= TIMEOUT_MAX_NS)
		value = value * 10 + (uint64_t)(*p++ - '0');
	if (p == text)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(p, units[i].name) != 0 || value > TIMEOUT_MAX_NS)
			continue;
		value *= units[i].ns;
		if (value < TIMEOUT_MIN_NS || value > TIMEOUT_MAX_NS)
			return false;
		*ns = value;
		return true;
	}
	return false;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static bool lists(const char *names, const char *path)
{
	return settings_lists(names, base(path), strlen(base(path)));
}

/* Is this program in the list of names? Its names are the one that it was called by, the one of its file and, for a
 * script, the one of the script's file. */
static bool named(const char *names, char **argv, const char *image, bool (*exists)(const char *))
{
	if (*image != '\0' && lists(names, image))
		return true;
	if (argv == NULL || argv[0] == NULL)
		return false;
	if (lists(names, argv[0]))
		return true;
	/* An interpreter: its first operand is the script. What stands behind an option, and is no file, may be the
	 * value of that option. */
	for (char **a = argv + 1; *a != NULL; a++) {
		bool behind_option = a > argv + 1 && a[-1][0] == '-';
		if ((*a)[0] == '-')
			continue;
		if (lists(names, *a))
			return true;
		if (!behind_option || exists(*a))
			return false;
	}
	return false;
}

/* The name by which counters and reports call the process: of its file, and of the script that it interprets. The first
 * operand of an interpreter is its script; of another program it may be any file. */
static void name_program(char **argv, const char *image, bool (*exists)(const char *))
{
	static const char *const interpreters[] = { "python", "perl", "ruby", "node", "php", "tclsh", "lua", "java" };
	const char *file = base(*image != '\0' || argv == NULL || argv[0] == NULL ? image : argv[0]), *script = NULL;
	for (size_t i = 0; argv != NULL && argv[0] != NULL && i < sizeof interpreters / sizeof *interpreters; i++)
		if (strncmp(file, interpreters[i], strlen(interpreters[i])) == 0)
			for (char **a = argv + 1; *a != NULL && script == NULL; a++)
				script = (*a)[0] != '-' && exists(*a) ? base(*a) : NULL;
	snprintf(config.program, sizeof config.program, "%s%s%s", *file != '\0' ? file : "unknown",
	         script != NULL ? " " : "", script != NULL ? script : "");
}

/* A copy of a path, since programs that set their title write over the environment. NULL: it is too long. */
static const char *copy_of(const char *v)
{
	RARELY static char paths[3][4096];
	static unsigned used;
	char *path = paths[used];
	if (used >= sizeof paths / sizeof *paths || snprintf(path, sizeof *paths, "%s", v) >= (int)sizeof *paths)
		return NULL;
	used++;
	return path;
}

/* Take the value of a setting. Returns NULL, or words for what the value should have been. */
static const char *take(enum setting s, const char *v)
{
	switch (s) {
	case SETTING_TIMEOUT:
		return config_duration(v, &config.timeout_ns) ? NULL : "a duration from 100us to 1s (500us, 5ms)";
	case SETTING_JOIN:
		if (strcmp(v, "header") == 0)
			config.join = JOIN_HEADER;
		else if (strcmp(v, "message") == 0)
			config.join = JOIN_MESSAGE;
		else
			return "'header' or 'message'";
		return NULL;
	case SETTING_HOLD:
		if (strcmp(v, "memory") == 0)
			config.place = PLACE_MEMORY;
		else if (strcmp(v, "kernel") == 0)
			config.place = PLACE_KERNEL;
		else
			return "'memory' or 'kernel'";
		return NULL;
	case SETTING_OBSERVE:
		if (strcmp(v, "0") != 0 && strcmp(v, "1") != 0)
			return "0 or 1";
		config.observe = *v == '1';
		return NULL;
	case SETTING_TRACE: config.trace = copy_of(v); return NULL;
	case SETTING_STATS: config.stats = copy_of(v); return NULL;
	case SETTING_REPORT: config.report = strcmp(v, "1") == 0 ? "" : copy_of(v); return NULL;
	default: /* ONEWRITE_ONLY: config_read() has looked at it already */ return NULL;
	}
}

/* What one source, the environment or the file, says of each setting. */
struct given {
	const char *value[SETTINGS]; /* NULL: it is not set there */
	unsigned line[SETTINGS];     /* the line of the file that sets it; 0 for the environment */
};

typedef void say(const char *line);

static void __attribute__((format(printf, 3, 4))) complain_of(say *complain, unsigned line, const char *format, ...)
{
	char text[480];
	va_list args;
	int n = line == 0 ? snprintf(text, sizeof text, "onewrite: ")
	                  : snprintf(text, sizeof text, "onewrite: %.200s:%u: ", ONEWRITE_CONF, line);
	va_start(args, format);
	vsnprintf(text + n, sizeof text - (size_t)n, format, args);
	va_end(args);
	complain(text);
}

/* --- the environment -------------------------------------------------------------------------- */

/* The name of a setting behind the prefix ONEWRITE_, and its length. NULL: this is another variable, or it is empty. */
static const char *name_of_ours(const char *variable, size_t *n)
{
	const size_t prefix = sizeof SETTINGS_PREFIX - 1;
	if (strncmp(variable, SETTINGS_PREFIX, prefix) != 0)
		return NULL;
	*n = strcspn(variable + prefix, "=");
	return variable[prefix + *n] == '\0' || variable[prefix + *n + 1] == '\0' ? NULL : variable + prefix;
}

bool config_is_given(char **envp)
{
	size_t n;
	while (envp != NULL && *envp != NULL && name_of_ours(*envp, &n) == NULL)
		envp++;
	return envp != NULL && *envp != NULL;
}

/* Reads the variables that the constructor was given. getenv() may be another library's function, and a constructor
 * that ran earlier may have changed `environ`. */
static void read_environment(char **envp, struct given *g)
{
	size_t n;
	for (; envp != NULL && *envp != NULL; envp++) {
		const char *name = name_of_ours(*envp, &n);
		enum setting s = name != NULL ? settings_find(name, n, IN_ENVIRONMENT) : SETTINGS;
		if (s != SETTINGS && g->value[s] == NULL)
			g->value[s] = name + n + 1;
	}
}

static void complain_of_strangers(char **envp, say *complain)
{
	size_t n;
	for (; envp != NULL && *envp != NULL; envp++) {
		const char *name = name_of_ours(*envp, &n);
		if (name == NULL || settings_find(name, n, IN_ENVIRONMENT) != SETTINGS)
			continue;
		enum setting near = settings_nearest(name, n);
		if (near != SETTINGS)
			complain_of(complain, 0, SETTINGS_PREFIX "%.*s is no setting; did you mean %s?",
			            n < 64 ? (int)n : 64, name, settings_name(near, IN_ENVIRONMENT));
		else
			complain_of(complain, 0, SETTINGS_PREFIX "%.*s is no setting; there are %s",
			            n < 64 ? (int)n : 64, name, settings_all(IN_ENVIRONMENT));
	}
}

/* --- the file --------------------------------------------------------------------------------- */

#define NOTHING_DONE "nothing is done in any program"

/* Returns whether all lines of the file are understood. */
static bool read_file(struct settings_text *file, struct given *g, say *complain)
{
	struct settings_line l;
	bool clear = true;
	while (file != NULL && settings_next(file, &l)) {
		enum setting s = settings_find(l.name, l.name_size, IN_FILE),
			     near = settings_nearest(l.name, l.name_size);
		int n = l.name_size < 64 ? (int)l.name_size : 64;
		bool was_clear = clear;
		clear = false;
		if (l.value == NULL)
			complain_of(complain, file->line, "'%.*s' is not name = value; " NOTHING_DONE, n, l.name);
		else if (s == SETTINGS && near != SETTINGS)
			complain_of(complain, file->line, "%.*s is no setting (did you mean %s?); " NOTHING_DONE, n,
			            l.name, settings_name(near, IN_FILE));
		else if (s == SETTINGS)
			complain_of(complain, file->line, "%.*s is no setting (there are %s); " NOTHING_DONE, n, l.name,
			            settings_all(IN_FILE));
		else if (g->value[s] != NULL)
			complain_of(complain, file->line, "%s was set in line %u; " NOTHING_DONE,
			            settings_name(s, IN_FILE), g->line[s]);
		else if (s == SETTING_ONLY && !settings_is_list(l.value))
			complain_of(complain, file->line,
			            "only=%.64s is not a list of program names (nginx, java); " NOTHING_DONE, l.value);
		else
			clear = was_clear;
		if (s != SETTINGS && g->value[s] == NULL) {
			g->value[s] = l.value;
			g->line[s] = file->line;
		}
	}
	return clear;
}

bool config_read(char **argv, char **envp, struct settings_text *file, const char *image,
                 bool (*exists)(const char *path), say *complain)
{
	struct given env = { .line = { 0 } }, conf = { .line = { 0 } };
	read_environment(envp, &env);
	if (!read_file(file, &conf, complain))
		return false;
	const char *only = env.value[SETTING_ONLY] != NULL ? env.value[SETTING_ONLY] : conf.value[SETTING_ONLY];
	if (only != NULL && !named(only, argv, image, exists)) {
		if (env.value[SETTING_TRACE] != NULL)
			config.trace = copy_of(env.value[SETTING_TRACE]);
		return false;
	}
	complain_of_strangers(envp, complain);
	name_program(argv, image, exists);
	const struct given *const in_order[] = { &conf, &env };
	for (size_t i = 0; i < 2; i++)
		for (enum setting s = 0; s < SETTINGS; s++) {
			const char *v = in_order[i]->value[s];
			/* Only the environment can name a file to be written: one that is named for all programs would
			 * be opened for writing by every program, whoever runs it. */
			bool here = i == 1 || (s != SETTING_TRACE && s != SETTING_REPORT);
			const char *want = v == NULL ? NULL
			                   : here    ? take(s, v)
			                             : "for this file: set it in the environment";
			if (want != NULL)
				complain_of(complain, in_order[i]->line[s], "%s=%.64s is not %s; using the default",
				            settings_name(s, i == 0 ? IN_FILE : IN_ENVIRONMENT), v, want);
		}
	config.counts = config.stats != NULL || config.report != NULL;
	config.notes = config.counts || config.trace != NULL;
	return true;
}
