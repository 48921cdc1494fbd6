/* A shell does not hand on the environment that it was given: it drops variables whose names it cannot set, sets some
 * of its own (PWD, SHLVL, _), and rewrites what it has read (SHELLOPTS, functions). So the environment that the script
 * was given is restored. */
#ifndef ONEWRITE_JUDGE_ENVIRONMENT_H
#define ONEWRITE_JUDGE_ENVIRONMENT_H

/* Prints what differs between our environment and the one that process `pid` was started with, as words that any shell
 * splits at blanks; then makes that environment ours. Does nothing if it cannot be read. */
void environment_compare(const char *pid);

/* Prints one more variable as such words. */
void environment_print(const char *variable);

/* Restores the environment from such words, and from the settings (NAME=VALUE) behind them. Returns the first word
 * behind "--". */
char **environment_restore(char **words);

#endif
