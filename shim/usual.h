/* The usual message: a head in one write and its body in the next, on a connection about which all is known. Nearly
 * every message is like that. The two writes go by the same table as all others (hold.h), on a shorter way. */
#ifndef ONEWRITE_USUAL_H
#define ONEWRITE_USUAL_H

#include "conn.h"
#include "emit.h"

/* True: the call is done, and *r is its result. False: it is not one of the usual two, and nothing was done. errno is
 * left alone, unless the call fails. */
bool usual(const struct call *call, ssize_t *r);

#endif
