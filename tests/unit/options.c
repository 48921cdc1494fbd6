/* Proves that the table of socket options has the numbers of the headers, and that docs/design.md has the same rows. */
#include <criterion/criterion.h>
#include <linux/in6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

struct row {
	const char *name;
	int level, number;
	enum option_effect set, asked;
};

static const struct row rows[] = {
#define OPTION(level, name, number, set, asked) { #name, level, number, set, asked },
#include "options.def"
#undef OPTION
};
enum { ROWS = sizeof rows / sizeof *rows };

static const struct row *row_of(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

Test(options, each_row_is_what_the_functions_say)
{
	for (size_t i = 0; i < ROWS; i++) {
		cr_expect(option_set(rows[i].level, rows[i].number) == rows[i].set, "setting %s", rows[i].name);
		cr_expect(option_asked(rows[i].level, rows[i].number) == rows[i].asked, "asking for %s", rows[i].name);
		cr_expect(row_of(rows[i].name) == &rows[i], "%s is there twice", rows[i].name);
	}
}

Test(options, what_has_no_row_releases)
{
	static const int none[][2] = { { SOL_SOCKET, 0 },    { SOL_SOCKET, -1 },          { SOL_SOCKET, 9999 },
		                       { IPPROTO_TCP, 15 },  { IPPROTO_TCP, 1000 },       { IPPROTO_IP, 64 },
		                       { IPPROTO_IPV6, 79 }, { 0x7fffffff, TCP_NODELAY }, { -1, TCP_NODELAY } };

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		cr_expect(option_set(none[i][0], none[i][1]) == RELEASES, "setting %d of level %d", none[i][1],
		          none[i][0]);
		cr_expect(option_asked(none[i][0], none[i][1]) == RELEASES, "asking for %d of level %d", none[i][1],
		          none[i][0]);
	}
}

/* The constants of the headers, compared with the numbers in the table. */
Test(options, numbers_are_those_of_the_headers)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
#define KNOWN(name) { #name, name }
		KNOWN(TCP_NODELAY),
		KNOWN(TCP_MAXSEG),
		KNOWN(TCP_CORK),
		KNOWN(TCP_KEEPIDLE),
		KNOWN(TCP_KEEPINTVL),
		KNOWN(TCP_KEEPCNT),
		KNOWN(TCP_SYNCNT),
		KNOWN(TCP_LINGER2),
		KNOWN(TCP_DEFER_ACCEPT),
		KNOWN(TCP_WINDOW_CLAMP),
		KNOWN(TCP_INFO),
		KNOWN(TCP_QUICKACK),
		KNOWN(TCP_CONGESTION),
		KNOWN(TCP_MD5SIG),
		KNOWN(TCP_THIN_LINEAR_TIMEOUTS),
		KNOWN(TCP_THIN_DUPACK),
		KNOWN(TCP_USER_TIMEOUT),
		KNOWN(TCP_REPAIR),
		KNOWN(TCP_REPAIR_QUEUE),
		KNOWN(TCP_QUEUE_SEQ),
		KNOWN(TCP_REPAIR_OPTIONS),
		KNOWN(TCP_FASTOPEN),
		KNOWN(TCP_TIMESTAMP),
		KNOWN(TCP_NOTSENT_LOWAT),
		KNOWN(TCP_CC_INFO),
		KNOWN(TCP_SAVE_SYN),
		KNOWN(TCP_SAVED_SYN),
		KNOWN(TCP_REPAIR_WINDOW),
		KNOWN(TCP_FASTOPEN_CONNECT),
		KNOWN(TCP_ULP),
		KNOWN(TCP_MD5SIG_EXT),
		KNOWN(TCP_FASTOPEN_KEY),
		KNOWN(TCP_FASTOPEN_NO_COOKIE),
		KNOWN(TCP_ZEROCOPY_RECEIVE),
		KNOWN(TCP_INQ),
		KNOWN(IP_TOS),
		KNOWN(IP_TTL),
		KNOWN(IP_OPTIONS),
		KNOWN(IP_PKTINFO),
		KNOWN(IP_MTU_DISCOVER),
		KNOWN(IP_RECVERR),
		KNOWN(IP_TRANSPARENT),
		KNOWN(IP_MINTTL),
		KNOWN(IP_MULTICAST_IF),
		KNOWN(IP_UNICAST_IF),
		KNOWN(IPV6_ADDRFORM),
		KNOWN(IPV6_UNICAST_HOPS),
		KNOWN(IPV6_MTU),
		KNOWN(IPV6_V6ONLY),
		KNOWN(IPV6_RECVPKTINFO),
		KNOWN(IPV6_TCLASS),
		KNOWN(IPV6_FREEBIND),
		KNOWN(SO_TIMESTAMPING_OLD),
		KNOWN(SO_TIMESTAMPING_NEW),
		KNOWN(SO_TXTIME),
		KNOWN(SO_MEMINFO),
#undef KNOWN
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct row *row = row_of(known[i].name);
		cr_expect(row != NULL && row->number == known[i].number, "%s is %d", known[i].name, known[i].number);
	}
}

/* The line that has the word `name`, in the table of `text` that begins with `table`; "" if there is none. Valid until
 * the next call. */
static const char *line_of(const char *text, const char *name, const char *table)
{
	static char line[16384];
	const char *at = strstr(text, table), *end;
	size_t n = strlen(name);

	for (at = at != NULL ? strchr(at, '\n') : NULL; at != NULL && at[1] == '|'; at = end) {
		end = strchr(at + 1, '\n');
		for (const char *p = at; end != NULL && (p = memmem(p, (size_t)(end - p), name, n)) != NULL; p += n)
			if (strchr(" ,", p[-1]) != NULL && strchr(" ,:", p[n]) != NULL) {
				snprintf(line, sizeof line, "%.*s", (int)(end - at - 1), at + 1);
				return line;
			}
	}
	return "";
}

Test(options, design_says_the_same)
{
	static const char *const set[] = { "| releases |", "| harmless |", "| switches off |",
		                           "| the program's cork |" };
	static char text[1 << 18];
	FILE *design = fopen(SOURCE_DIR "/docs/design.md", "r");

	cr_assert(design != NULL && fread(text, 1, sizeof text - 1, design) > 0, "cannot read docs/design.md");
	fclose(design);
	for (size_t i = 0; i < ROWS; i++) {
		const char *line = line_of(text, rows[i].name, "| setting |"), *asking;

		cr_expect(strncmp(line, set[rows[i].set], strlen(set[rows[i].set])) == 0, "setting %s is in \"%.40s\"",
		          rows[i].name, line);
		asking = line_of(text, rows[i].name, "| asking |");
		cr_expect((*asking != '\0') == (rows[i].asked == RELEASES), "asking for %s is in \"%.40s\"",
		          rows[i].name, asking);
	}
}
