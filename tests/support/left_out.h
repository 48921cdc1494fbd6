/* A row that the libc under test makes impossible neither passes nor fails: it is skipped by its name, and tests/check
 * counts it. */
#ifndef LEFT_OUT_H
#define LEFT_OUT_H

/* Skips this test where there is another libc than this machine's. */
void leave_out_one(const char *name, const char *why);
/* Skips the test if a row with this command line is impossible here. */
void leave_out(const char *const *args);

#endif
