/* Proves that sockets are told apart where SO_COOKIE cannot be had (a kernel before 4.12, gVisor, qemu-user): messages
 * are joined, and what is held never reaches the next owner of the descriptor's number. */
#include "everywhere.h"

#define NO_COOKIES .faults = "cookie:*:errno=ENOPROTOOPT"

static const struct scenario messages[] = {
	{ "a head and its body", { "write=" HEAD, "write=*200" }, "writev iov=2 bytes=300 = 300", NO_COOKIES },
	{ "a head that is due",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  "send bytes=100 * = 100, write bytes=200 = 200",
	  .timeout = "5ms",
	  NO_COOKIES },
	{ "a head that is due, as there are cookies after all",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  "send bytes=100 * = 100, write bytes=200 = 200",
	  .timeout = "5ms",
	  .faults = "cookie:1:errno=ENOPROTOOPT" },
	{ "a head that is due, as something refuses the question for once",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  "send bytes=100 * = 100, write bytes=200 = 200",
	  .timeout = "5ms",
	  .faults = "cookie:2:errno=EPERM" },
};
SCENARIO_TESTS(identity, messages);

/* Two numbers of one socket tell each other what was read. */
static const struct scenario names[] = {
	{ "HEAD, read by the number before",
	  { "read=500", "fetch", "use", "write=" HEAD, "await" },
	  "write bytes=100 = 100",
	  .request = "HEAD / HTTP/1.1\r\nA: 123456\r\n\r\n",
	  NO_COOKIES },
};
FIRST_MESSAGE_TESTS(identity, names);

#define NUMBERS   BUILD_DIR "/tests/programs/p_numbers"
#define WHOLE     "messages that did not come whole and in order: 0\n"
#define OWN_BYTES "bytes that nobody wrote: 0, rounds with other bytes than those written: 0\n"

static const struct case_of numbers[] = {
	{ { "moved", "closed" }, WHOLE, NO_COOKIES },
	{ { "moved", "replaced" }, WHOLE, NO_COOKIES },
	{ { "replaced late", "file" }, OWN_BYTES, NO_COOKIES, .timed = true },
	{ { "replaced late", "unix" }, OWN_BYTES, NO_COOKIES, .timed = true },
	{ { "replaced late", "tcp" }, OWN_BYTES, NO_COOKIES, .timed = true },
};
EVERYWHERE_TESTS(identity, number_that_has_another_owner_is_left_alone, NUMBERS, numbers);
