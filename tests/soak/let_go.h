/* A descriptor is closed at the deadline of a head that is held for it, and its number passes to something else. */
#ifndef ONEWRITE_TESTS_SOAK_LET_GO_H
#define ONEWRITE_TESTS_SOAK_LET_GO_H

#include <stdint.h>

/* Waits until `when`, closes fd, and at once has its number stand for a file, a pipe, a socket pair or a connection:
 * what that then receives must be what is written to it here, byte by byte. Complaints go to stderr. `dice` is a
 * number that makes the choices. */
void let_go(int fd, uint64_t when, uint64_t dice);

#endif
