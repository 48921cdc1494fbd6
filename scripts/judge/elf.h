/* What an ELF file says about itself, see elf(5): of this machine's word size and byte order, as all that is asked
 * about here is. */
#ifndef ONEWRITE_JUDGE_ELF_H
#define ONEWRITE_JUDGE_ELF_H

#include <stdbool.h>
#include <stddef.h>

struct elf {
	const char *bytes;
	size_t size;
};

/* Fails, with errno, where the file cannot be read. */
bool elf_read(struct elf *e, const char *path);

/* Nothing below asks about a file that is not one of these. */
bool elf_is(const struct elf *e);

/* What a program and a library must have in common. */
bool elf_same_word(const struct elf *a, const struct elf *b);
bool elf_same_machine(const struct elf *a, const struct elf *b);

/* Is the end there, and all that is to be loaded? */
bool elf_whole(const struct elf *e);

/* The loader that a dynamically linked program names; NULL for a static one. */
const char *elf_loader(const struct elf *e);

/* Is this part of a section's name? */
bool elf_has_section(const struct elf *e, const char *part);

/* The library's name for others; NULL if it has none. */
const char *elf_soname(const struct elf *e);

/* One after the other: the libraries that it is linked to. NULL: no more. */
const char *elf_next_needed(const struct elf *e, size_t *next);

/* The names that it wants from other libraries. */
void elf_each_wanted(const struct elf *e, void (*tell)(const char *name, void *context), void *context);

#endif
