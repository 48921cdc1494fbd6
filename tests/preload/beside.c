/* Proves that the library works together with other preloads, in front of them and behind them: the program has the
 * same bytes and results as with the other preload alone, and its messages are joined. */
#include "harness.h"

#include <bsd/string.h>

#define ONE_WRITEV "writev iov=2 bytes=300 = 300"
#define POST                                                         \
	"POST /form HTTP/1.1\r\n"                                    \
	"Server: a name that fills this line up to one hundred.\r\n" \
	"Content-Length: 200\r\n\r\n"

static const struct neighbour {
	const char *package;
	/* A word of LD_PRELOAD, where a last '*' stands for the newest version number; NULL: the compiler is asked for
	 * the path. */
	const char *library;
	const char *variable, *value; /* the variable that configures it; its value may be the text of a file */
	bool in_file;
	/* This preload finds libc's functions by itself, so the library does not see what it creates for the program,
	 * and the kernel holds. */
	bool past;
} neighbours[] = {
	{ "libjemalloc2", "libjemalloc.so.2" },
	{ "libtcmalloc-minimal4", "libtcmalloc_minimal.so.4" },
	{ "libmimalloc2.0", "libmimalloc.so.*" },
	{ "libeatmydata1", "libeatmydata.so" },
	{ "libfaketime", "/usr/$LIB/faketime/libfaketime.so.1", "FAKETIME", "-1d" },
	{ "libfaketime", "/usr/$LIB/faketime/libfaketimeMT.so.1", "FAKETIME", "+1d x2" },
	{ "torsocks", "/usr/$LIB/torsocks/libtorsocks.so", "TORSOCKS_CONF_FILE",
	  "AllowInbound 1\nAllowOutboundLocalhost 1\n", true, true },
	{ "libproxychains4", "libproxychains.so.4", "PROXYCHAINS_CONF_FILE",
	  "strict_chain\nquiet_mode\nlocalnet 127.0.0.0/255.0.0.0\n[ProxyList]\nsocks4 127.0.0.1 9\n", true },
	{ "gcc", NULL }, /* AddressSanitizer's library */
};
enum { NEIGHBOURS = sizeof neighbours / sizeof *neighbours };

static const struct exchange {
	const char *name;
	struct setup setup;
	const char *call; /* the call by which a whole message reaches libc, if there is one */
} exchanges[] = {
	{ "a response", { .args = { STEPS, "write=" HEAD, "write=*200" } }, ONE_WRITEV },
	{ "a response by send", { .args = { STEPS, "send=" HEAD, "send=*200" }, .join = "message" }, ONE_WRITEV },
	{ "a request", { .args = { STEPS, "connect", "write=" POST, "write=*200" }, .clients = -1 }, ONE_WRITEV },
	{ "a response in pieces",
	  { .args = { STEPS, "write=" HEAD, "write=*100", "write=*60", "write=*40" }, .join = "message" } },
	{ "a response that the kernel holds", { .args = { STEPS, "write=" HEAD, "write=*200" }, .hold = "kernel" } },
};
enum { EXCHANGES = sizeof exchanges / sizeof *exchanges };

static char settings[] = "/tmp/onewrite-beside-XXXXXX", library[512];

static void prepare(const struct neighbour *n)
{
	strlcpy(library, n->library != NULL ? n->library : "", sizeof library);
	char *any = strrchr(library, '*');
	if (any != NULL) {
		char command[600], number[16] = "";
		FILE *known;
		snprintf(command, sizeof command,
		         "ldconfig -p | sed -n 's/^.*%.*s\\([0-9]*\\) .*/\\1/p' | sort -n | tail -n 1",
		         (int)(any - library), library);
		known = popen(command, "r");
		cr_assert(known != NULL && fgets(number, sizeof number, known) != NULL,
		          "ldconfig knows no %s: install the package %s", library, n->package);
		pclose(known);
		memcpy(any, number, strcspn(number, "\n") + 1);
		any[strcspn(number, "\n")] = '\0';
	}
	if (n->library == NULL) {
		FILE *compiler = popen("cc -print-file-name=libasan.so", "r");
		cr_assert(compiler != NULL && fgets(library, sizeof library, compiler) != NULL && *library == '/',
		          "cc knows no libasan.so: install the package %s", n->package);
		pclose(compiler);
		library[strcspn(library, "\n")] = '\0';
	}
	if (n->variable == NULL)
		return;
	setenv(n->variable, n->value, 1);
	if (n->in_file) {
		int fd = mkstemp(settings);
		cr_assert(fd >= 0 && write(fd, n->value, strlen(n->value)) == (ssize_t)strlen(n->value));
		close(fd);
		setenv(n->variable, settings, 1);
	}
}

static void tidy(void)
{
	unlink(settings);
}

/* A sanitizer has an allocator of its own and wants its library to be the first one loaded, so it does not go with
 * other preloads. */
#ifndef UNDER_SANITIZER
ParameterizedTestParameters(beside, exchanges)
{
	static size_t index[NEIGHBOURS * EXCHANGES * 2];
	for (size_t i = 0; i < NEIGHBOURS * EXCHANGES * 2; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, NEIGHBOURS * EXCHANGES * 2);
}

ParameterizedTest(size_t *i, beside, exchanges, .timeout = 60, .fini = tidy)
{
	const struct neighbour *n = &neighbours[*i / (2 * EXCHANGES)];
	const struct exchange *e = &exchanges[*i / 2 % EXCHANGES];
	struct setup setup = e->setup;
	char name[640];

	prepare(n);
	*(*i % 2 ? &setup.front : &setup.behind) = library;
	snprintf(name, sizeof name, "%s, %s %s", e->name, *i % 2 ? "behind" : "before", library);
	struct run *bare = run(&setup, BARE), *shim = run(&setup, SHIM);
	cr_assert(strstr(bare->said.p, "cannot be preloaded") == NULL, "%s: install the package %s", bare->said.p,
	          n->package);
	cr_expect(bare->status == 0 && bare->bytes[0].n == 300,
	          "%s: the bare run ended with wait status %#x and %zu bytes, and said: %s", name,
	          (unsigned)bare->status, bare->bytes[0].n, bare->said.p);
	compare_runs(name, bare, shim, NULL);
	cr_expect(shim->segments == 1 && bare->segments > 1, "%s: %u segments, bare %u; calls:\n%s", name,
	          shim->segments, bare->segments, shim->calls.p);
	bool seen = !(n->past && *i % 2 && setup.clients < 0);
	cr_expect(e->call == NULL || !seen || calls_like(shim, e->call) == 1, "%s: not joined in one call:\n%s", name,
	          shim->calls.p);
	run_free(bare);
	run_free(shim);
}
#endif
