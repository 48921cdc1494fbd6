/* What the libc under test has not is no failure, and no success: the row says so, and tests/check counts it. */
#ifndef LEFT_OUT_H
#define LEFT_OUT_H

/* Ends the test where there is another libc. */
void leave_out_one(const char *name, const char *why);
/* Ends the test if a row with this command line cannot be here. */
void leave_out(const char *const *args);

#endif
