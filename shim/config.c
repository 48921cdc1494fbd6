#include "config.h"

#include <stdio.h>
#include <string.h>

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

bool config_lists(const char *names, const char *name)
{
	size_t n = strlen(name);
	while (*names != '\0') {
		size_t len = strcspn(names, ",");
		if (len == n && memcmp(names, name, n) == 0)
			return true;
		names += len;
		names += *names == ',';
	}
	return false;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

/* A program is known by the name it was called by, by its file's name, and, when it is a script, by the script's name. */
static bool named(const char *names, char **argv, const char *image, bool (*exists)(const char *))
{
	if (argv != NULL && argv[0] != NULL && config_lists(names, base(argv[0])))
		return true;
	if (*image != '\0' && config_lists(names, base(image)))
		return true;
	/* An interpreter: its first operand is the script. What stands behind an option, and is no file, may be its value. */
	bool option = false;
	for (char **a = argv; a != NULL && a[0] != NULL && *++a != NULL; option = (*a)[0] == '-') {
		if ((*a)[0] == '-')
			continue;
		if (config_lists(names, base(*a)))
			return true;
		if (!option || exists(*a))
			return false;
	}
	return false;
}

/* The value of NAME= in envp, or NULL. getenv() may be somebody else's, and the program may have changed its own. */
static const char *setting(char **envp, const char *name)
{
	size_t n = strlen(name);
	for (; envp != NULL && *envp != NULL; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=' && (*envp)[n + 1] != '\0')
			return *envp + n + 1;
	return NULL;
}

static void complain_about(void (*complain)(const char *), const char *name, const char *value, const char *want)
{
	char line[256];
	snprintf(line, sizeof line, "onewrite: %s=%.64s is not %s; using the default", name, value, want);
	complain(line);
}

bool config_read(char **argv, char **envp, const char *image, bool (*exists)(const char *path), void (*complain)(const char *line))
{
	const char *v;
	if ((v = setting(envp, "ONEWRITE_TIMEOUT")) != NULL && !config_duration(v, &config.timeout_ns))
		complain_about(complain, "ONEWRITE_TIMEOUT", v, "a duration from 100us to 1s (500us, 5ms)");
	if ((v = setting(envp, "ONEWRITE_JOIN")) != NULL) {
		if (strcmp(v, "header") == 0)
			config.join = JOIN_HEADER;
		else if (strcmp(v, "message") == 0)
			config.join = JOIN_MESSAGE;
		else
			complain_about(complain, "ONEWRITE_JOIN", v, "'header' or 'message'");
	}
	if ((v = setting(envp, "ONEWRITE_HOLD")) != NULL) {
		if (strcmp(v, "memory") == 0)
			config.place = PLACE_MEMORY;
		else if (strcmp(v, "kernel") == 0)
			config.place = PLACE_KERNEL;
		else
			complain_about(complain, "ONEWRITE_HOLD", v, "'memory' or 'kernel'");
	}
	if ((v = setting(envp, "ONEWRITE_TRACE")) != NULL) {
		static char path[4096]; /* a copy: programs that set their title write over the environment */
		if (snprintf(path, sizeof path, "%s", v) < (int)sizeof path)
			config.trace = path;
	}
	v = setting(envp, "ONEWRITE_ONLY");
	return v == NULL || named(v, argv, image, exists);
}
