#include "real.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "object.h"

struct real real;

/* The table of the hooks has no pointers: it is read as it lies in the file, while pointers would have to be set, and
 * their pages copied, in each process that starts. */
static const struct texts {
	char none[1];
#define X(of, name, of_version)     \
	char name##_of[sizeof #of]; \
	char name##_in[sizeof of_version];
	OLD_VERSIONS(X)
#undef X
#define HOOK(name) char name##_is[sizeof #name];
#include "hooks.def"
#undef HOOK
} texts = { "",
#define X(of, name, of_version) #of, of_version,
	    OLD_VERSIONS(X)
#undef X
#define HOOK(name) #name,
#include "hooks.def"
#undef HOOK
};

/* Where a function is, in `struct real` as an array of pointers. Its slot, if there are doors, has the same place among
 * the slots (doors.S). */
#define PLACE(name) (offsetof(struct real, name) / sizeof(void *))

static const struct hook {
	uint16_t name, version; /* in `texts`; version: an older one to call; 0: the newest */
	uint16_t place;
} hooks[] = {
#define X(of, name, of_version) { offsetof(struct texts, name##_of), offsetof(struct texts, name##_in), PLACE(name) },
	OLD_VERSIONS(X)
#undef X
#define HOOK(name) { offsetof(struct texts, name##_is), 0, PLACE(name) },
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
_Static_assert(sizeof real == (1 + ALL) * sizeof(void *), "an array of pointers behind the first member");
_Static_assert(sizeof texts <= UINT16_MAX, "a text has a short number");

static const char *name_of(size_t i)
{
	return (const char *)&texts + hooks[i].name;
}

static void **real_of(size_t i)
{
	return (void **)&real + hooks[i].place;
}

/* NULL: there are no doors. */
static void **slot_of(size_t i)
{
#if DOORS
	extern HIDDEN void *slot_first[];
	return slot_first + hooks[i].place - 1;
#else
	(void)i;
	return NULL;
#endif
}

long real_absent(void)
{
	errno = ENOSYS;
	return -1;
}

/* --- behind us: dl_iterate_phdr() lists objects in the order in which names are looked up ----- */

struct wanted {
	const char *name, *version; /* version: as in the table; NULL: the newest */
	void **where;               /* the function is put here, if nothing is there yet */
};

struct search {
	struct wanted one; /* is looked for; without a name: all hooks are */
	bool behind, in_libc;
};

static struct wanted wanted_by(size_t i)
{
	const char *version = hooks[i].version != 0 ? (const char *)&texts + hooks[i].version : NULL;
	return (struct wanted){ name_of(i), version, real_of(i) };
}

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
	for (size_t i = 0; i < (s->one.name != NULL ? 1 : ALL); i++) {
		struct wanted w = s->one.name != NULL ? s->one : wanted_by(i);
		if (*w.where != NULL)
			continue;
		void *newest = object_find(&in, w.name, NULL);
		void *older = newest != NULL && w.version != NULL ? object_find(&in, w.name, w.version) : NULL;
		__atomic_store_n(w.where, older != NULL ? older : newest, __ATOMIC_RELAXED);
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
		if (hooks[i].version == 0 && strcmp(name_of(i), plain) == 0)
			return *real_of(i);
	return NULL;
}

/* Takes no lock: two threads that come here together store the same addresses. */
__attribute__((cold)) void real_init(void)
{
	dl_iterate_phdr(look_into, &(struct search){ .behind = false });
	for (size_t i = 0; i < ALL; i++) {
		void **where = real_of(i), *other = *where == NULL ? by_plain_name(name_of(i)) : *where;
		__atomic_store_n(where, other != NULL ? other : (void *)real_absent, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&real.ready, true, __ATOMIC_RELEASE);
}

/* All objects are searched, since the caller may be a library that came by dlopen() with libraries of its own, in which
 * dlsym() would not look. */
bool real_found_late(void **where, const char *name)
{
	void *found = NULL;
	dl_iterate_phdr(look_into, &(struct search){ .one = { name, NULL, &found } });
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
		const void *found = *real_of(i);
		if ((uintptr_t)found - span.first >= span.bytes || found == (void *)real_absent ||
		    !object_has(object, found))
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
static bool introduce(size_t i)
{
	void *libcs = NULL, **real_one = real_of(i), **slot = slot_of(i);
	struct search s = { .one = wanted_by(i), .in_libc = true };
	s.one.where = &libcs;
	dl_iterate_phdr(look_into, &s);
	if (libcs != NULL && slot != NULL)
		*slot = *real_one;
	if (libcs != NULL)
		*real_one = libcs;
	return libcs != NULL;
}

__attribute__((cold)) bool real_init_all(void)
{
	bool strangers = false;
	libc();
	dl_iterate_phdr(look_for_strangers, NULL);
	for (size_t i = 0; i < ALL; i++) {
		is_stranger[i] = is_stranger[i] && introduce(i);
		strangers = strangers || is_stranger[i];
	}
	return strangers;
}

void real_stand_aside(void)
{
	for (size_t i = 0; i < ALL; i++)
		if (slot_of(i) != NULL && *real_of(i) != (void *)real_absent && !is_stranger[i])
			*slot_of(i) = *real_of(i);
}
