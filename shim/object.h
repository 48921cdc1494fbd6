/* A loaded object (program or library), as its ELF headers show it. */
#ifndef ONEWRITE_OBJECT_H
#define ONEWRITE_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

/* Is this address in it? */
bool object_has(const struct dl_phdr_info *object, const void *address);
/* Is it libc, or one of the libraries that parts of it were in before glibc 2.34? */
bool object_is_libc(const struct dl_phdr_info *object);
/* May a function in it, which has one of libc's names, be about something else? Not in libc itself, nor in what
 * stands in front of libc: that has to look the next one up. */
bool object_is_stranger(const struct dl_phdr_info *object);

#if defined __s390x__ || defined __alpha__
typedef uint64_t object_hash_word; /* of DT_HASH */
#else
typedef uint32_t object_hash_word;
#endif

/* What it offers to others. */
struct object_symbols {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *gnu_hash; /* NULL: none; and then `hash` */
	const object_hash_word *hash;
	const ElfW(Half) * versions;  /* of each symbol; NULL: it has no versions */
	const ElfW(Verdef) * defined; /* the versions' names */
};
struct object_symbols object_symbols(const struct dl_phdr_info *object);
/* Its function of this name, in this version or (NULL) in the newest; NULL: it has none. As dlsym(3) finds it, but for
 * what dlsym may do besides: it allocates memory to say that a name is not there, lives in a library of its own before
 * glibc 2.34, and may be anybody's. */
void *object_find(const struct object_symbols *in, const char *name, const char *version);

#endif
