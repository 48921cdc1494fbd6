/* Lives of p_hosts with connections that close at the moment when their head falls due. */
#include "hosts.h"

enum { DUE_US = 5000, STEP_US = 20000, QUESTIONS = 8, ROUNDS = 40, CROWD = 100 };

/* The test makes each question that the helper asks the kernel take one step, so that the close comes in the middle of
 * each question in turn. */
static void closed_step_by_step(void)
{
	int client, missing = 0;

	for (int i = 0; i < QUESTIONS; i++) {
		int fd = accept_own(&client);
		write_head(fd);
		sleep_us(DUE_US + STEP_US / 2 + i * STEP_US);
		close(fd);
		missing += read_until(client, got, sizeof got, 2000) != HEAD_SIZE;
		close(client);
	}
	report("heads missing: %d\n", missing);
}

/* The same without a chosen moment: a hundred heads fall due while their connections close. */
static void closed_in_a_crowd(void)
{
	static const struct linger reset = { 1, 0 }; /* so that no connection stays in TIME_WAIT */
	int fd[CROWD], client[CROWD], missing = 0;

	accept(LISTENER_FD, NULL, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CROWD; i++)
			fd[i] = accept_another(&client[i], 0);
		int64_t until = now_ns() + 1000 * (DUE_US - 1000 + 1000 * round / ROUNDS);
		for (int i = 0; i < CROWD; i++)
			write_head(fd[i]);
		while (now_ns() < until)
			;
		for (int i = 0; i < CROWD; i++)
			close(fd[i]);
		for (int i = 0; i < CROWD; i++) {
			missing += read_until(client[i], got, sizeof got, 2000) != HEAD_SIZE;
			setsockopt(client[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
			close(client[i]);
		}
	}
	report("heads missing: %d\n", missing);
}

const struct life closing_lives[] = {
	{ "closed-step-by-step", closed_step_by_step },
	{ "closed-in-a-crowd", closed_in_a_crowd, true },
	{ NULL },
};
