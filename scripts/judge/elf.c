#include "elf.h"

#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool elf_read(struct elf *e, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* does not wait for the writer of a FIFO */
	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	e->size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	e->bytes = e->size > 0 ? mmap(NULL, e->size, PROT_READ, MAP_PRIVATE, fd, 0) : "";
	close(fd);
	return e->bytes != MAP_FAILED;
}

/* `size` bytes of the file at `offset`; NULL if they are not all there. */
static const void *at(const struct elf *e, uint64_t offset, uint64_t size)
{
	return offset <= e->size && size <= e->size - offset ? e->bytes + offset : NULL;
}

static const ElfW(Ehdr) * header(const struct elf *e)
{
	return at(e, 0, sizeof(ElfW(Ehdr)));
}

/* A file for another machine may be shorter than our header. The bytes that are compared come first in every header. */
enum { COMPARED = 20 };

bool elf_is(const struct elf *e)
{
	return at(e, 0, COMPARED) != NULL && memcmp(e->bytes, ELFMAG, SELFMAG) == 0;
}

bool elf_same_word(const struct elf *a, const struct elf *b)
{
	return a->bytes[EI_CLASS] == b->bytes[EI_CLASS];
}

bool elf_same_machine(const struct elf *a, const struct elf *b)
{
	return elf_same_word(a, b) && a->bytes[EI_DATA] == b->bytes[EI_DATA] &&
	       memcmp(a->bytes + offsetof(ElfW(Ehdr), e_machine), b->bytes + offsetof(ElfW(Ehdr), e_machine), 2) == 0;
}

static const ElfW(Phdr) * segment(const struct elf *e, size_t i)
{
	const ElfW(Ehdr) *h = header(e);
	if (h == NULL || i >= h->e_phnum)
		return NULL;
	return at(e, h->e_phoff + i * (uint64_t)h->e_phentsize, sizeof(ElfW(Phdr)));
}

/* The next program header of this type; NULL: no more. */
static const ElfW(Phdr) * find(const struct elf *e, uint32_t type, size_t *next)
{
	const ElfW(Phdr) * p;
	while ((p = segment(e, (*next)++)) != NULL)
		if (p->p_type == type)
			return p;
	return NULL;
}

bool elf_whole(const struct elf *e)
{
	const ElfW(Ehdr) *h = header(e);
	const ElfW(Phdr) * p;
	size_t next = 0, loaded = 0;
	if (h == NULL || !elf_is(e) || at(e, h->e_shoff, (uint64_t)h->e_shnum * h->e_shentsize) == NULL)
		return false;
	while ((p = find(e, PT_LOAD, &next)) != NULL) {
		if (at(e, p->p_offset, p->p_filesz) == NULL)
			return false;
		loaded++;
	}
	return loaded > 0;
}

const char *elf_loader(const struct elf *e)
{
	size_t next = 0;
	const ElfW(Phdr) *p = find(e, PT_INTERP, &next);
	const char *name = p != NULL && p->p_filesz > 0 ? at(e, p->p_offset, p->p_filesz) : NULL;
	return name != NULL && name[p->p_filesz - 1] == '\0' ? name : NULL;
}

bool elf_has_section(const struct elf *e, const char *part)
{
	const ElfW(Ehdr) *h = header(e);
	const ElfW(Shdr) *names = h == NULL || h->e_shnum == 0
	                                  ? NULL
	                                  : at(e, h->e_shoff + h->e_shstrndx * (uint64_t)h->e_shentsize, sizeof *names);
	const char *text = names != NULL ? at(e, names->sh_offset, names->sh_size) : NULL;
	return text != NULL && memmem(text, names->sh_size, part, strlen(part)) != NULL;
}

/* --- what the loader reads -------------------------------------------------------------------- */

/* What lies at an address once the file is loaded; *follows is how many bytes of the file follow there. */
static const void *loaded(const struct elf *e, uint64_t address, uint64_t size, uint64_t *follows)
{
	const ElfW(Phdr) * p;
	size_t next = 0;
	while ((p = find(e, PT_LOAD, &next)) != NULL) {
		uint64_t within = address - p->p_vaddr;
		if (address < p->p_vaddr || within >= p->p_filesz || size > p->p_filesz - within)
			continue;
		if (follows != NULL)
			*follows = p->p_filesz - within;
		return at(e, p->p_offset, p->p_filesz) != NULL ? e->bytes + p->p_offset + within : NULL;
	}
	return NULL;
}

/* The next entry of the dynamic section with this tag; NULL: no more. */
static const ElfW(Dyn) * entry(const struct elf *e, int64_t tag, size_t *next)
{
	size_t first = 0;
	const ElfW(Phdr) *p = find(e, PT_DYNAMIC, &first);
	const ElfW(Dyn) *d = p != NULL ? at(e, p->p_offset, p->p_filesz) : NULL;
	size_t count = d != NULL ? p->p_filesz / sizeof *d : 0;
	while (*next < count && d[*next].d_tag != DT_NULL) {
		const ElfW(Dyn) *found = &d[(*next)++];
		if (found->d_tag == tag)
			return found;
	}
	return NULL;
}

static uint64_t value(const struct elf *e, int64_t tag)
{
	size_t next = 0;
	const ElfW(Dyn) *d = entry(e, tag, &next);
	return d != NULL ? d->d_un.d_val : 0;
}

/* A name of the string table; NULL if it is not in the file. */
static const char *string(const struct elf *e, uint64_t offset)
{
	uint64_t follows = 0;
	const char *s = loaded(e, value(e, DT_STRTAB) + offset, 1, &follows);
	return s != NULL && memchr(s, '\0', follows) != NULL ? s : NULL;
}

static const char *next_string(const struct elf *e, int64_t tag, size_t *next)
{
	const ElfW(Dyn) *d = entry(e, tag, next);
	return d != NULL ? string(e, d->d_un.d_val) : NULL;
}

const char *elf_soname(const struct elf *e)
{
	size_t next = 0;
	return next_string(e, DT_SONAME, &next);
}

const char *elf_next_needed(const struct elf *e, size_t *next)
{
	return next_string(e, DT_NEEDED, next);
}

/* The number of symbols, which only the hash tables tell. In GNU's, symbols that cannot be found by it come first.
 * Where it has no others, GNU's linker leaves the number out, but it puts the names right behind the symbols. */
static uint64_t symbols(const struct elf *e)
{
	uint64_t table = value(e, DT_GNU_HASH), last = 0;
	const uint32_t *h = loaded(e, table, 4 * sizeof *h, NULL);
	if (table == 0)
		return (h = loaded(e, value(e, DT_HASH), 2 * sizeof *h, NULL)) != NULL ? h[1] : 0;
	if (h == NULL)
		return 0;
	uint32_t count = h[0], first = h[1];
	table += 4 * sizeof *h + h[2] * (uint64_t)sizeof(ElfW(Addr));
	if ((h = loaded(e, table, count * (uint64_t)sizeof *h, NULL)) == NULL)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		last = h[i] > last ? h[i] : last;
	if (last == 0 && value(e, DT_STRTAB) > value(e, DT_SYMTAB))
		return (value(e, DT_STRTAB) - value(e, DT_SYMTAB)) / sizeof(ElfW(Sym));
	if (last < first)
		return first;
	table += count * (uint64_t)sizeof *h;
	do
		h = loaded(e, table + (last++ - first) * sizeof *h, sizeof *h, NULL);
	while (h != NULL && (*h & 1) == 0);
	return last;
}

void elf_each_wanted(const struct elf *e, void (*tell)(const char *name, void *context), void *context)
{
	uint64_t follows = 0, strings = 0, count = symbols(e);
	const ElfW(Sym) *symbol = loaded(e, value(e, DT_SYMTAB), sizeof *symbol, &follows);
	const char *names = loaded(e, value(e, DT_STRTAB), 1, &strings);
	for (uint64_t i = 0; symbol != NULL && names != NULL && i < count && i < follows / sizeof *symbol; i++)
		if (symbol[i].st_shndx == SHN_UNDEF && symbol[i].st_name < strings &&
		    memchr(names + symbol[i].st_name, '\0', strings - symbol[i].st_name) != NULL)
			tell(names + symbol[i].st_name, context);
}
