/* What the helper does when the deadline of a message falls due: it sends what is held. */
#ifndef ONEWRITE_DUE_H
#define ONEWRITE_DUE_H

#include "deadline.h"

/* The callback of the helper (deadline.h). `d` is the field `deadline` of a struct msg. */
deadline_look due_look;

#endif
