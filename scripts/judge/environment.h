/* A shell does not hand on the environment that it was given: it drops variables whose names it cannot set, sets some
 * of its own (PWD, SHLVL, _), and writes anew what it has read (SHELLOPTS, functions). So what the script was given is
 * restored. */
#ifndef ONEWRITE_JUDGE_ENVIRONMENT_H
#define ONEWRITE_JUDGE_ENVIRONMENT_H

/* Prints what differs between our environment and that with which the process was started, as words that any shell
 * takes apart at blanks, and makes that one ours. Nothing where it is not to be known. */
void environment_compare(const char *pid);

/* Prints one more variable as such words. */
void environment_print(const char *variable);

/* Makes our environment what it was, by such words and the settings behind them; returns the first word behind "--". */
char **environment_restore(char **words);

#endif
