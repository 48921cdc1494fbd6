/* Proves how long the row of whole responses has to be, what ends it, and that every thread looks now and then. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "once.h"

static void whole(int n)
{
	while (n-- > 0)
		once_whole();
}

Test(once, a_row_is_long_enough_and_no_longer)
{
	whole(ONCE_ENOUGH - 1);
	cr_expect(!once_is_on());
	whole(1);
	cr_expect(once_is_on());
	whole(5000);
	cr_expect(atomic_load(&once_row) == ONCE_ENOUGH);
}

Test(once, a_response_in_pieces_ends_it)
{
	whole(ONCE_ENOUGH);
	once_end();
	cr_expect(!once_is_on());
	whole(ONCE_ENOUGH - 1);
	cr_expect(!once_is_on());
}

Test(once, a_miss_ends_it_and_is_one_only_once)
{
	_Atomic uint8_t unread = 1;
	whole(ONCE_ENOUGH);
	once_missed(&unread);
	cr_expect(unread == 0 && !once_is_on());
	whole(ONCE_ENOUGH);
	once_missed(&unread);
	cr_expect(once_is_on());
}

static void *count_looks(void *looks)
{
	for (int i = 0; i < 10 * ONCE_ENOUGH; i++)
		*(int *)looks += !once_passes();
	return NULL;
}

Test(once, each_thread_looks_at_its_first_response_and_at_one_in_so_many)
{
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		int looks = !once_passes();
		cr_assert(pthread_create(&thread, NULL, count_looks, &looks) == 0);
		pthread_join(thread, NULL);
		cr_expect(looks == (i == 0) + 10, "%d looks", looks);
	}
}
