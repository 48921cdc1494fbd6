#include "real.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "object.h"

struct real real;

#if DOORS
#define SLOT(name) &slot_##name
#else
#define SLOT(name) NULL
#endif

static const struct hook {
	const char *name, *version; /* version: an older one to call; NULL: the newest */
	void **slot, **real;
} hooks[] = {
#define X(of, name, of_version) { #of, of_version, SLOT(name), (void **)&real.name },
	OLD_VERSIONS(X)
#undef X
#define HOOK(name) { #name, NULL, SLOT(name), (void **)&real.name },
#include "hooks.def"
#undef HOOK
};

/* Numbers of the hooks; those whose names not every libc has come last. */
enum {
#define X(of, name, of_version) NUMBER_##name,
	OLD_VERSIONS(X)
#undef X
#define HOOK(name) NUMBER_##name,
#define IN_EVERY_LIBC
#include "hooks.def"
#undef IN_EVERY_LIBC
#undef HOOK
		IN_EVERY_LIBC,
	ALL = sizeof hooks / sizeof *hooks
};

long real_absent(void)
{
	errno = ENOSYS;
	return -1;
}

/* --- behind us: dl_iterate_phdr() lists objects in the order in which names are looked up ----- */

struct search {
	const struct hook *first, *end;
	bool behind, in_libc;
};

/* A library in front of libc that has no versions offers its function for older versions, too. */
__attribute__((cold)) static int look_into(struct dl_phdr_info *object, size_t size, void *to)
{
	struct search *s = to;
	(void)size;
	if (!s->behind) {
		s->behind = object_has(object, &real);
		return 0;
	}
	if (s->in_libc && !object_is_libc(object))
		return 0;
	struct object_symbols in = object_symbols(object);
	for (const struct hook *h = s->first; h < s->end; h++) {
		if (*h->real != NULL)
			continue;
		void *newest = object_find(&in, h->name, NULL);
		void *older = newest != NULL && h->version != NULL ? object_find(&in, h->name, h->version) : NULL;
		__atomic_store_n(h->real, older != NULL ? older : newest, __ATOMIC_RELAXED);
	}
	return 0;
}

/* The function by its plain name, where this libc has only that: a program that was built with an older musl calls
 * sendfile64. */
static void *by_plain_name(const char *name)
{
	char plain[32];
	size_t n = 0;
	for (const char *p = name + (strncmp(name, "__", 2) == 0 ? 2 : 0); *p != '\0' && n < sizeof plain - 1; p++) {
		if (sizeof(long) == sizeof(off64_t) && strncmp(p, "64", 2) == 0 && ++p)
			continue;
		plain[n++] = *p;
	}
	plain[n] = '\0';
	for (size_t i = 0; i < ALL && strcmp(plain, name) != 0; i++)
		if (hooks[i].version == NULL && strcmp(hooks[i].name, plain) == 0)
			return *hooks[i].real;
	return NULL;
}

/* Takes no lock: two threads that come here together store the same addresses. */
__attribute__((cold)) void real_init(void)
{
	struct search s = { .first = hooks, .end = hooks + ALL };
	dl_iterate_phdr(look_into, &s);
	for (size_t i = 0; i < ALL; i++) {
		void *other = *hooks[i].real == NULL ? by_plain_name(hooks[i].name) : *hooks[i].real;
		__atomic_store_n(hooks[i].real, other != NULL ? other : (void *)real_absent, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&real.ready, true, __ATOMIC_RELEASE);
}

/* All objects are searched, since the caller may be a library that came by dlopen() with libraries of its own, in which
 * dlsym() would not look. */
bool real_found_late(void **where, const char *name)
{
	void *found = NULL;
	struct hook late = { .name = name, .real = &found };
	dl_iterate_phdr(look_into, &(struct search){ .first = &late, .end = &late + 1 });
	if (found != NULL)
		__atomic_store_n(where, found, __ATOMIC_RELAXED);
	return found != NULL;
}

/* --- strangers: functions of the program's libraries that only have the name of a hook -------- */

/* The hooks behind which a stranger is found. Only names that every libc has are judged: a function that libc lacks is
 * what its name says (closefrom() of libbsd). */
static bool is_stranger[ALL];

__attribute__((cold)) static int look_for_strangers(struct dl_phdr_info *object, size_t size, void *unused)
{
	struct object_span span = object_span(object); /* most objects have none of the functions */
	bool judged = false;
	(void)size, (void)unused;
	for (size_t i = 0; i < IN_EVERY_LIBC; i++) {
		if ((uintptr_t)*hooks[i].real - span.first >= span.bytes || *hooks[i].real == (void *)real_absent ||
		    !object_has(object, *hooks[i].real))
			continue;
		if (!judged && !object_is_stranger(object))
			break;
		judged = true;
		is_stranger[i] = true;
	}
	return 0;
}

/* Lets the door lead to the stranger, and our own calls to libc's function. Returns false if this libc has no function
 * of that name, so that the function is no stranger. */
static bool introduce(const struct hook *h)
{
	void *libcs = NULL;
	struct hook own = { .name = h->name, .version = h->version, .real = &libcs };
	dl_iterate_phdr(look_into, &(struct search){ .first = &own, .end = &own + 1, .in_libc = true });
	if (libcs != NULL && h->slot != NULL)
		*h->slot = *h->real;
	if (libcs != NULL)
		*h->real = libcs;
	return libcs != NULL;
}

__attribute__((cold)) bool real_init_all(void)
{
	bool strangers = false;
	libc();
	dl_iterate_phdr(look_for_strangers, NULL);
	for (size_t i = 0; i < ALL; i++) {
		is_stranger[i] = is_stranger[i] && introduce(&hooks[i]);
		strangers = strangers || is_stranger[i];
	}
	return strangers;
}

void real_stand_aside(void)
{
	for (size_t i = 0; i < ALL; i++)
		if (hooks[i].slot != NULL && *hooks[i].real != (void *)real_absent && !is_stranger[i])
			*hooks[i].slot = *hooks[i].real;
}
