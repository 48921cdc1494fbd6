/* A program is told that its head is written only where the kernel has room for it: whatever filled the send buffer meanwhile. */
#include "harness.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_room"

static const char *const ways[] = { "little", "capitals", "heads", "SYS_sendto", "pwritev2" };
static const char *const joins[] = { "header", "message" };

EACH_TEST(room, a_head_is_refused_where_the_buffer_is_full, ROWS(ways) * ROWS(joins), 30)
{
	const char *way = ways[*i % ROWS(ways)];
	struct setup setup = { .args = { PROGRAM, way }, .join = joins[*i / ROWS(ways)] };
	struct run *r = check_same(way, &setup);

	cr_expect(strstr(r->results.p, "a head = -1, errno EAGAIN") != NULL, "%s: the buffer was not full: %s", way, r->results.p);
	run_free(r);
}
