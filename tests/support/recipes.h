/* The recipes of docs/deploy.md, for the tests that use them.
 *
 * A recipe is a block whose first line has a name behind the language ("```ini systemd-drop-in"). Each test has a
 * directory with an installed copy of scripts/onewrite (installed.h), a page in www, and a file trace that all servers
 * append to. Shell commands find there: $PORT, a free port; $LIB, the library; $SERVER, the process that start_server()
 * has started. */
#ifndef ONEWRITE_TESTS_RECIPES_H
#define ONEWRITE_TESTS_RECIPES_H

#include "installed.h"

enum { PAGE_SIZE = 1 << 16 };
extern char page[PAGE_SIZE]; /* docs/deploy.md */

void recipes_begin(void);
void recipes_end(void);
#define RECIPE_TEST(name) Test(recipes, name, .init = recipes_begin, .fini = recipes_end, .timeout = 120)

/* Writes the recipe of this name to a file in the directory of the test, with paths and the port of the test. */
void take_recipe(const char *name, const char *file);

/* Runs a shell command in the directory of the test; it has to succeed. */
void check(const char *command);

/* Starts a server by a shell command, in a process group of its own. */
void start_server(const char *command);
/* The same, and asks it for the page until it answers. */
void serve(const char *command);
void stop_server(void);

/* A shell command: has the head of a response, or of a request, left together with its body? */
#define JOINED "grep -Eq ' body [a-z-]+ (join|lead) ' trace"

/* Fail where this file, or this program, of a package is missing. */
void must_have_file(const char *file, const char *package);
void must_have(const char *program, const char *package);

#endif
