/* Which symbols an object of the library defines and wants, as nm says. */
#ifndef ONEWRITE_TESTS_SYMBOLS_H
#define ONEWRITE_TESTS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

enum { SYMBOLS_MOST = 1024, SYMBOL_SIZE = 128 };
struct symbols {
	size_t n;
	char name[SYMBOLS_MOST][SYMBOL_SIZE];
};

#define SYMBOLS_DEFINED "--defined-only -g"
#define SYMBOLS_WANTED  "-u"

/* Adds those of build/shim/OBJECT.o to `symbols`. `option` is one of the two above. A test fails where nm does. */
void symbols_read(const char *object, const char *option, struct symbols *symbols);
bool symbols_have(const struct symbols *symbols, const char *name);

#endif
