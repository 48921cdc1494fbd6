/* What an ELF file says about itself, see elf(5). Only files of this machine's word size and byte order are looked
 * into. */
#ifndef ONEWRITE_JUDGE_ELF_H
#define ONEWRITE_JUDGE_ELF_H

#include <stdbool.h>
#include <stddef.h>

struct elf {
	const char *bytes;
	size_t size;
};

/* Maps the file. Returns false, with errno, if it cannot be read. A file that is not regular reads as empty. */
bool elf_read(struct elf *e, const char *path);

/* Is it an ELF file? The functions below may only be asked about one that is. */
bool elf_is(const struct elf *e);

/* Do both have the same word size, as a program and its library must? Do they have the same machine, too? */
bool elf_same_word(const struct elf *a, const struct elf *b);
bool elf_same_machine(const struct elf *a, const struct elf *b);

/* Is the file whole: are its section headers, and all that is to be loaded, there? */
bool elf_whole(const struct elf *e);

/* The loader that a dynamically linked program names; NULL for a static one. */
const char *elf_loader(const struct elf *e);

/* Does a section's name contain this text? */
bool elf_has_section(const struct elf *e, const char *part);

/* The name by which other files need this library (DT_SONAME); NULL: it has none. */
const char *elf_soname(const struct elf *e);

/* The libraries that the file is linked to, one per call; *next is 0 for the first. NULL: no more. */
const char *elf_next_needed(const struct elf *e, size_t *next);

/* Calls tell() for each name that the file wants from libraries. */
void elf_each_wanted(const struct elf *e, void (*tell)(const char *name, void *context), void *context);

#endif
