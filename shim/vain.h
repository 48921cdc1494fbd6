/* Is this message held in vain? What habit.h remembers, applied to the message in progress. The caller has the turn. */
#ifndef ONEWRITE_VAIN_H
#define ONEWRITE_VAIN_H

#include "look.h"

/* What is held of it has met the deadline. */
void vain_met_the_deadline(struct msg *m);
/* The rule for this call: the table's, unless messages of this kind are held in vain, or this one has paused. It may
 * change what the call is seen to be, for the table's rule and the trace. */
struct hold_rule vain_rule(struct msg *m, const struct call *call, struct sight *s);
/* The message's next call begins. Was the message not held, and would have been joined? */
void vain_look_back(struct msg *m, enum hold_event event);

#endif
