/* Proves when a message counts as held in vain: by its kind, by what its connection has learned, and by what several
 * connections agree on. There is one record for the process, so each test runs in a process of its own. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "habit.h"

static uint16_t kind_of(const char *head)
{
	struct http_head h;
	cr_assert(http_head(head, strlen(head), 0, METHOD_OTHER, &h) == HTTP_HEAD);
	return habit_kind(head, &h);
}

#define OK      "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

Test(habit, values_make_no_kind)
{
	cr_expect(kind_of(OK "Content-Length: 7\r\nDate: today\r\n\r\n") ==
	          kind_of(OK "content-length: 70000\r\ndate: tomorrow\r\n\r\n"));
	cr_expect(kind_of("HTTP/1.1 201 Created\r\nDate: x\r\n\r\n") ==
	          kind_of("HTTP/1.1 299 What\r\nDate: y\r\n\r\n"));
}

Test(habit, names_framing_and_status_class_do)
{
	static const char *const heads[] = { OK "Content-Length: 7\r\n\r\n",
		                             OK CHUNKED "\r\n",
		                             OK CHUNKED "Date: x\r\n\r\n",
		                             OK CHUNKED "Server: x\r\n\r\n",
		                             OK "Date: x\r\n" CHUNKED "\r\n",
		                             OK "\r\n",
		                             "HTTP/1.1 404 No\r\n" CHUNKED "\r\n",
		                             "POST / HTTP/1.1\r\n" CHUNKED "\r\n",
		                             OK CHUNKED "Date: x\r\nServer: y\r\n\r\n",
		                             OK "Transfer-Encoding: gzip\r\n\r\n" };
	enum { HEADS = sizeof heads / sizeof *heads };

	for (int i = 0; i < HEADS; i++)
		for (int j = 0; j < i; j++)
			cr_expect(kind_of(heads[i]) != kind_of(heads[j]), "one kind:\n%s%s", heads[i], heads[j]);
}

Test(habit, bytes_behind_the_head_make_no_kind)
{
	static const char with[] = OK "Date: x\r\n\r\nbody: more\nlines: of it\n";
	struct http_head h;

	cr_assert(http_head(with, sizeof with - 1, 0, METHOD_OTHER, &h) == HTTP_HEAD);
	cr_expect(habit_kind(with, &h) == kind_of(OK "Date: x\r\n\r\n"));
}

Test(habit, connection_learns_at_once_and_forgets_at_once)
{
	struct habit h = { 0 };

	cr_expect(!habit_any(&h) && habit_says(&h, 1) == NOT_IN_VAIN);
	habit_begin(&h, 1, HEAD_IN_VAIN);
	cr_expect(habit_any(&h) && habit_says(&h, 1) == HEAD_IN_VAIN && habit_says(&h, 2) == NOT_IN_VAIN);
	habit_begin(&h, 2, MORE_IN_VAIN);
	cr_expect(habit_says(&h, 2) == MORE_IN_VAIN && habit_says(&h, 1) == NOT_IN_VAIN);
	habit_end(&h);
	cr_expect(!habit_any(&h) && habit_says(&h, 2) == NOT_IN_VAIN);
}

static void begin_on(int connections, uint16_t kind)
{
	for (int i = 0; i < connections; i++) {
		struct habit h = { 0 };
		habit_begin(&h, kind, HEAD_IN_VAIN);
	}
}

static enum vain first_says(uint16_t kind)
{
	struct habit h = { 0 };
	return habit_says(&h, kind);
}

Test(habit, process_learns_when_four_connections_agree)
{
	begin_on(3, 1);
	cr_expect(first_says(1) == NOT_IN_VAIN);
	begin_on(1, 1);
	cr_expect(first_says(1) == HEAD_IN_VAIN && first_says(2) == NOT_IN_VAIN);
}

/* One client with one connection decides nothing for others, however often its messages are late, and of whatever kinds
 * they are. */
Test(habit, one_connection_decides_for_no_other)
{
	struct habit hostile = { 0 };

	for (int i = 0; i < 1000; i++)
		habit_begin(&hostile, (uint16_t)(1 + 8 * (i % 2)), i % 3 == 0 ? MORE_IN_VAIN : HEAD_IN_VAIN);
	for (int i = 0; i < 1000; i++)
		habit_begin(&hostile, (uint16_t)(2 + i % 2), HEAD_IN_VAIN);
	for (uint16_t kind = 1; kind < 10; kind++)
		cr_expect(first_says(kind) == NOT_IN_VAIN);
}

Test(habit, only_the_first_message_of_a_connection_asks_the_process)
{
	struct habit h = { 0 };

	habit_says(&h, 2);
	begin_on(4, 1);
	cr_expect(!habit_any(&h) && habit_says(&h, 1) == NOT_IN_VAIN);
}

/* Each time that an agreement proves wrong, more connections have to agree: 4, 8, 16, 32, 64. */
Test(habit, who_was_wrong_needs_twice_as_many)
{
	for (int needed = 4, n = 0; n < 6; n++, needed = needed < 64 ? needed * 2 : 64) {
		struct habit h = { 0 };
		begin_on(needed - 1, 1);
		cr_expect(first_says(1) == NOT_IN_VAIN, "%d connections decide", needed - 1);
		begin_on(1, 1);
		cr_expect(habit_says(&h, 1) == HEAD_IN_VAIN, "%d connections do not decide", needed);
		habit_end(&h);
		cr_expect(first_says(1) == NOT_IN_VAIN);
	}
}

Test(habit, connections_that_disagree_begin_again)
{
	struct habit h = { 0 };

	begin_on(3, 1);
	habit_begin(&h, 1, MORE_IN_VAIN);
	begin_on(1, 1);
	cr_expect(first_says(1) == NOT_IN_VAIN);
}

/* What was learned before is in the shared record, and what is learned afterwards is seen by every process that has the
 * memory. */
Test(habit, what_is_shared_goes_on)
{
	struct habit_record *shared = calloc(1, habit_record_size);

	begin_on(3, 1);
	habit_share(shared);
	cr_expect(first_says(1) == NOT_IN_VAIN);
	begin_on(1, 1);
	cr_expect(first_says(1) == HEAD_IN_VAIN);
	memset(shared, 0, habit_record_size);
	cr_expect(first_says(1) == NOT_IN_VAIN && !habit_any(&(struct habit){ 0 }));
}

/* Any process that has the memory may write anything into it. */
Test(habit, any_bytes_are_a_record)
{
	struct habit_record *shared = malloc(habit_record_size);

	habit_share(memset(shared, 0, habit_record_size));
	for (int byte = 0; byte < 256; byte++)
		for (unsigned kind = 1; kind <= UINT16_MAX; kind++) {
			struct habit h = { 0 };
			memset(shared, byte, habit_record_size);
			cr_expect(habit_says(&h, (uint16_t)kind) <= MORE_IN_VAIN, "%#x: kind %u", (unsigned)byte, kind);
		}
	free(shared);
}
