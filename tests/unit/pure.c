/* Proves that the pure modules know nothing of sockets, time, memory or locale: their objects want memory functions at
 * most. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "symbols.h"

static const char *const modules[] = {
	"http", "framing", "habit", "hold", "options", "request", "settings", "sharing"
};

/* What a pure object may want: a mem* function, another pure object, the sanitizer or stack protector
 * that it was built with. */
static const char *const memory[] = { "memchr", "memcmp", "memcpy", "memmove", "memset" };
static const char *const tools[] = { "__asan_",      "__ubsan_",     "__tsan_",
	                             "__sanitizer_", "__stack_chk_", "_GLOBAL_OFFSET_TABLE_" };

static bool allowed(const char *name)
{
	for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
		if (strcmp(name, memory[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		if (strncmp(name, tools[i], strlen(tools[i])) == 0)
			return true;
	}
	return false;
}

Test(pure, modules_need_nothing_but_memory_functions)
{
	static struct symbols own;
	for (size_t m = 0; m < sizeof(modules) / sizeof(*modules); m++)
		symbols_read(modules[m], SYMBOLS_DEFINED, &own);
	cr_assert(symbols_have(&own, "http_head"), "nm does not list http_head in http.o: this test would see nothing");

	for (size_t m = 0; m < sizeof(modules) / sizeof(*modules); m++) {
		static struct symbols wanted;
		wanted.n = 0;
		symbols_read(modules[m], SYMBOLS_WANTED, &wanted);
		for (size_t i = 0; i < wanted.n; i++)
			cr_expect(allowed(wanted.name[i]) || symbols_have(&own, wanted.name[i]),
			          "%s.o needs %s: a pure module may not", modules[m], wanted.name[i]);
	}
}
