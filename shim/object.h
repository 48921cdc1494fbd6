/* A loaded object (program or library), as its ELF headers show it. */
#ifndef ONEWRITE_OBJECT_H
#define ONEWRITE_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

/* Is this address in the object? */
bool object_has(const struct dl_phdr_info *object, const void *address);
/* The addresses between which the object lies. Not each of them is its own. */
struct object_span {
	uintptr_t first, bytes;
};
__attribute__((cold)) struct object_span object_span(const struct dl_phdr_info *object);
/* Is it libc, or one of the libraries that parts of libc were in before glibc 2.34? */
__attribute__((cold)) bool object_is_libc(const struct dl_phdr_info *object);
/* May a function of the object that has one of libc's names be something else than libc's function? Not in libc itself,
 * nor in a library that stands in front of libc, which has to look up the next function of that name. */
bool object_is_stranger(const struct dl_phdr_info *object);

#if defined __s390x__ || defined __alpha__
typedef uint64_t object_hash_word; /* a word of DT_HASH */
#else
typedef uint32_t object_hash_word;
#endif

/* The symbols that the object offers to others. */
struct object_symbols {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *names;
	const uint32_t *gnu_hash; /* NULL: the object has none, and `hash` is used */
	const object_hash_word *hash;
	const ElfW(Half) * versions;  /* the version of each symbol; NULL: there are no versions */
	const ElfW(Verdef) * defined; /* the names of the versions */
};
__attribute__((cold)) struct object_symbols object_symbols(const struct dl_phdr_info *object);
/* Finds the object's function of this name, in this version or (NULL) in the newest; returns NULL if there is none. The
 * result is that of dlsym(3). dlsym itself is not used, because it allocates memory to report that a name is missing,
 * is in a library of its own before glibc 2.34, and may be replaced by any library. */
__attribute__((cold)) void *object_find(const struct object_symbols *in, const char *name, const char *version);

#endif
