#include "real.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "object.h"

extern __typeof__(dlvsym) dlvsym __attribute__((weak)); /* musl has none, and no versions */

struct real real;

#if DOORS
#define SLOT(name) &slot_##name
#else
#define SLOT(name) NULL
#endif

static const struct hook {
	const char *name, *version; /* version: an older one; NULL: the newest */
	void **slot, **real;
} hooks[] = {
#define X(of, name, of_version) { #of, of_version, SLOT(name), (void **)&real.name },
	OLD_VERSIONS(X)
#undef X
#define HOOK(name) { #name, NULL, SLOT(name), (void **)&real.name },
#include "hooks.def"
#undef HOOK
};

/* What is not in every libc comes last. */
enum {
#define X(of, name, of_version) NUMBER_##name,
	OLD_VERSIONS(X)
#undef X
#define HOOK(name) NUMBER_##name,
#define IN_EVERY_LIBC
#include "hooks.def"
#undef IN_EVERY_LIBC
#undef HOOK
	IN_EVERY_LIBC, ALL = sizeof hooks / sizeof *hooks
};

static bool share_object(const void *a, const void *b)
{
	Dl_info of_a, of_b;
	return dladdr(a, &of_a) != 0 && dladdr(b, &of_b) != 0 && of_a.dli_fbase == of_b.dli_fbase;
}

/* Who stands in front of libc without versions is found by whoever wants an older one, too; dlvsym() passes it over. */
static void *find(const struct hook *h)
{
	void *next = dlsym(RTLD_NEXT, h->name);
	void *older = h->version != NULL && dlvsym != NULL ? dlvsym(RTLD_NEXT, h->name, h->version) : NULL;
	return older != NULL && share_object(next, older) ? older : next;
}

static void find_some(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		__atomic_store_n(hooks[i].real, find(&hooks[i]), __ATOMIC_RELAXED);
}

/* No lock: two threads that get here together store the same addresses. */
void real_init(void)
{
	int saved = errno;
	find_some(0, IN_EVERY_LIBC);
	__atomic_store_n(&real.ready, true, __ATOMIC_RELEASE);
	errno = saved;
}

/* The path of the object that comes after `left` others, if it may be asked: not the program, nor ourselves. */
struct nth {
	size_t left;
	char path[512];
};

static int take_nth(struct dl_phdr_info *object, size_t size, void *to)
{
	struct nth *n = to;
	(void)size;
	if (n->left-- > 0)
		return 0;
	n->path[0] = '\0';
	if (strlen(object->dlpi_name) < sizeof n->path && !object_has(object, &real))
		strcpy(n->path, object->dlpi_name);
	return 1;
}

static void *find_in(const char *path, const char *name)
{
	void *found = NULL, *handle = *path != '\0' ? real.dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	if (handle != NULL) {
		found = dlsym(handle, name);
		dlclose(handle);
	}
	return found;
}

/* The caller may be a library that has come by dlopen(), and has its own libraries where nobody else looks. */
bool real_found_late(void **where, const char *name)
{
	int saved = errno;
	void *found = dlsym(RTLD_NEXT, name);
	for (size_t i = 0; found == NULL; i++) {
		struct nth object = { .left = i };
		if (dl_iterate_phdr(take_nth, &object) == 0)
			break;
		found = find_in(object.path, name);
	}
	__atomic_store_n(where, found, __ATOMIC_RELAXED);
	errno = saved;
	return found != NULL;
}

/* --- strangers ---------------------------------------------------------------------------------------------------- */

/* Of names that every libc has. The others, where libc lacks them, are what they are called: libbsd's closefrom(). */
static bool is_stranger[ALL];

static int look_for_strangers(struct dl_phdr_info *object, size_t size, void *count)
{
	bool judged = false;
	(void)size;
	for (size_t i = 0; i < IN_EVERY_LIBC; i++) {
		if (*hooks[i].real == NULL || !object_has(object, *hooks[i].real))
			continue;
		if (!judged && !object_is_stranger(object))
			break;
		judged = true;
		is_stranger[i] = true;
		++*(int *)count;
	}
	return 0;
}

static void introduce(const struct hook *h, void *libc_itself)
{
	void *own = libc_itself != NULL ? dlsym(libc_itself, h->name) : NULL;
	if (h->slot != NULL)
		*h->slot = *h->real;
	if (own != NULL)
		*h->real = own;
}

bool real_init_all(void)
{
	int strangers = 0;
	find_some(0, ALL);
	__atomic_store_n(&real.ready, true, __ATOMIC_RELEASE);
	dl_iterate_phdr(look_for_strangers, &strangers);
	void *libc_itself = strangers > 0 ? real.dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD) : NULL;
	for (size_t i = 0; i < ALL && strangers > 0; i++)
		if (is_stranger[i])
			introduce(&hooks[i], libc_itself);
	return strangers > 0;
}

void real_stand_aside(void)
{
	for (size_t i = 0; i < ALL; i++)
		if (hooks[i].slot != NULL && *hooks[i].real != NULL && !is_stranger[i])
			*hooks[i].slot = *hooks[i].real;
}
