/* Proves, for every socket option that is set or asked for between a head and its body, that the head is treated as
 * options.def says, wherever it is held. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_every_option"

/* There is no bare run to compare with, because no head is held there. */
static void check_mode(const char *what, const struct mode *m)
{
	struct setup setup = { .args = { PROGRAM, what, m->hold }, .hold = m->hold, .join = m->join };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && r->said.n == 0 && r->results.n == 0,
	          "%s, hold %s, join %s: wait status %#x, said \"%s\"; not as their rows say:\n%s", what, m->hold,
	          m->join, (unsigned)r->status, r->said.p, r->results.p);
	run_free(r);
}

EACH_TEST(every_option, that_is_set_does_what_its_row_says, MODES, 120)
{
	check_mode("set", &every_mode[*i]);
}

EACH_TEST(every_option, that_is_asked_for_does_what_its_row_says, MODES, 120)
{
	check_mode("ask", &every_mode[*i]);
}
