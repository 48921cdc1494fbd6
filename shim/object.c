#include "object.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

bool object_has(const struct dl_phdr_info *object, const void *address)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (uintptr_t)address - (object->dlpi_addr + p->p_vaddr) < p->p_memsz)
			return true;
	}
	return false;
}

struct object_span object_span(const struct dl_phdr_info *object)
{
	uintptr_t first = UINTPTR_MAX, end = 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t at = object->dlpi_addr + p->p_vaddr;
		if (p->p_type != PT_LOAD)
			continue;
		first = at < first ? at : first;
		end = at + p->p_memsz > end ? at + p->p_memsz : end;
	}
	return (struct object_span){ first, end > first ? end - first : 0 };
}

bool object_is_libc(const struct dl_phdr_info *object)
{
	static const char *const names[] = { "libc.",      "libpthread.so", "libdl.so", "librt.so",
		                             "libutil.so", "ld-",           "ld64.so",  "ld.so" };
	const char *slash = strrchr(object->dlpi_name, '/'), *name = slash != NULL ? slash + 1 : object->dlpi_name;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static const ElfW(Dyn) * dynamic_section(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
	return NULL;
}

struct object_symbols object_symbols(const struct dl_phdr_info *object)
{
	struct object_symbols in = { .base = object->dlpi_addr };
	for (const ElfW(Dyn) *d = dynamic_section(object); d != NULL && d->d_tag != DT_NULL; d++) {
		/* Some loaders have added the object's base to it, some have not. */
		const void *table = (const void *)(d->d_un.d_ptr + (d->d_un.d_ptr < in.base ? in.base : 0));
		switch (d->d_tag) {
		case DT_SYMTAB: in.symbols = table; break;
		case DT_STRTAB: in.names = table; break;
		case DT_GNU_HASH: in.gnu_hash = table; break;
		case DT_HASH: in.hash = table; break;
		case DT_VERSYM: in.versions = table; break;
		case DT_VERDEF: in.defined = table; break;
		}
	}
	return in;
}

/* Does the object use dlsym? The symbols that an object wants come before those that it offers. */
static bool looks_up(const struct dl_phdr_info *object)
{
	struct object_symbols in = object_symbols(object);
	object_hash_word n = in.gnu_hash != NULL ? in.gnu_hash[1] : in.hash != NULL ? in.hash[1] : 0;
	if (in.symbols == NULL || in.names == NULL)
		return false;
	for (object_hash_word i = 1; i < n; i++) {
		const char *name = in.names + in.symbols[i].st_name;
		if (in.symbols[i].st_shndx == SHN_UNDEF && (strcmp(name, "dlsym") == 0 || strcmp(name, "dlvsym") == 0))
			return true;
	}
	return false;
}

bool object_is_stranger(const struct dl_phdr_info *object)
{
	return !object_is_libc(object) && !looks_up(object);
}

/* --- what it offers --------------------------------------------------------------------------- */

static bool has_version(const struct object_symbols *in, size_t i, const char *version)
{
	enum { HIDDEN_VERSION = 0x8000 }; /* an older version, which has to be asked for by name */
	if (version == NULL)
		return in->versions == NULL || !(in->versions[i] & HIDDEN_VERSION);
	if (in->versions == NULL || in->defined == NULL)
		return false;
	for (const char *at = (const char *)in->defined;;) {
		const ElfW(Verdef) *v = (const ElfW(Verdef) *)at;
		if (v->vd_ndx == (in->versions[i] & ~HIDDEN_VERSION))
			return strcmp(in->names + ((const ElfW(Verdaux) *)(at + v->vd_aux))->vda_name, version) == 0;
		if (v->vd_next == 0)
			return false;
		at += v->vd_next;
	}
}

/* The symbol's address, if it is this function. A symbol that chooses its function (IFUNC) is called, as the loader
 * does. */
static void *function(const struct object_symbols *in, size_t i, const char *name, const char *version)
{
	const ElfW(Sym) *s = &in->symbols[i];
	unsigned type = s->st_info & 0xf, binding = s->st_info >> 4; /* the same in both ELF classes */
	if (s->st_shndx == SHN_UNDEF || s->st_value == 0 || binding == STB_LOCAL ||
	    (type != STT_FUNC && type != STT_NOTYPE && type != STT_GNU_IFUNC) ||
	    strcmp(in->names + s->st_name, name) != 0 || !has_version(in, i, version))
		return NULL;
	uintptr_t address = in->base + s->st_value;
	return type == STT_GNU_IFUNC ? ((void *(*)(unsigned long))address)(getauxval(AT_HWCAP)) : (void *)address;
}

static void *find_by_gnu_hash(const struct object_symbols *in, const char *name, const char *version)
{
	enum { BITS = 8 * sizeof(ElfW(Addr)) };
	uint32_t buckets = in->gnu_hash[0], first = in->gnu_hash[1], words = in->gnu_hash[2], shift = in->gnu_hash[3],
		 h = 5381;
	const ElfW(Addr) *bloom = (const ElfW(Addr) *)(in->gnu_hash + 4);
	const uint32_t *bucket = (const uint32_t *)(bloom + words), *chain = bucket + buckets;
	for (const char *p = name; *p != '\0'; p++)
		h = h * 33 + (unsigned char)*p;
	ElfW(Addr) word = bloom[h / BITS % words];
	if (!(word >> h % BITS & word >> (h >> shift) % BITS & 1))
		return NULL;
	for (uint32_t i = bucket[h % buckets]; i >= first; i++) {
		void *found = ((chain[i - first] ^ h) & ~1u) == 0 ? function(in, i, name, version) : NULL;
		if (found != NULL || chain[i - first] & 1)
			return found;
	}
	return NULL;
}

static void *find_by_hash(const struct object_symbols *in, const char *name, const char *version)
{
	object_hash_word buckets = in->hash[0];
	const object_hash_word *bucket = in->hash + 2, *chain = bucket + buckets;
	uint32_t h = 0;
	for (const char *p = name; *p != '\0'; p++) {
		h = (h << 4) + (unsigned char)*p;
		h = (h ^ (h >> 24 & 0xf0)) & 0x0fffffff;
	}
	void *found = NULL;
	for (object_hash_word i = bucket[h % buckets]; found == NULL && i != STN_UNDEF; i = chain[i])
		found = function(in, i, name, version);
	return found;
}

void *object_find(const struct object_symbols *in, const char *name, const char *version)
{
	if (in->symbols == NULL || in->names == NULL)
		return NULL;
	if (in->gnu_hash != NULL)
		return find_by_gnu_hash(in, name, version);
	return in->hash != NULL ? find_by_hash(in, name, version) : NULL;
}
