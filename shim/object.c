#include "object.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

bool object_has(const struct dl_phdr_info *object, const void *address)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (uintptr_t)address - (object->dlpi_addr + p->p_vaddr) < p->p_memsz)
			return true;
	}
	return false;
}

/* libc, and the libraries that parts of it were in before glibc 2.34. */
static bool is_libc(const char *path)
{
	static const char *const names[] = { "libc.", "libc-", "ld-", "libpthread", "libdl.", "libdl-", "librt.",
	                                     "librt-", "libutil" };
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static const ElfW(Dyn) *dynamic_section(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
	return NULL;
}

/* What the dynamic section says for this tag, as an address: some loaders have added where the object lies, some
 * have not. */
static const void *table(const struct dl_phdr_info *object, int tag)
{
	const ElfW(Dyn) *d = dynamic_section(object);
	while (d != NULL && d->d_tag != DT_NULL && d->d_tag != tag)
		d++;
	if (d == NULL || d->d_tag == DT_NULL)
		return NULL;
	return (const void *)(d->d_un.d_ptr + (d->d_un.d_ptr < object->dlpi_addr ? object->dlpi_addr : 0));
}

/* Does it use dlsym? The symbols that an object wants come before those that it has. */
static bool looks_up(const struct dl_phdr_info *object)
{
	const ElfW(Sym) *symbols = table(object, DT_SYMTAB);
	const char *names = table(object, DT_STRTAB);
	const uint32_t *gnu_hash = table(object, DT_GNU_HASH), *hash = table(object, DT_HASH);
	uint32_t n = gnu_hash != NULL ? gnu_hash[1] : hash != NULL ? hash[1] : 0;
	if (symbols == NULL || names == NULL)
		return false;
	for (uint32_t i = 1; i < n; i++) {
		const char *name = names + symbols[i].st_name;
		if (symbols[i].st_shndx == SHN_UNDEF && (strcmp(name, "dlsym") == 0 || strcmp(name, "dlvsym") == 0))
			return true;
	}
	return false;
}

bool object_is_stranger(const struct dl_phdr_info *object)
{
	return !is_libc(object->dlpi_name) && !looks_up(object);
}
