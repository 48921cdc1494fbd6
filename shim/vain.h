/* Is this message held in vain? Applies what habit.h remembers to the message in progress. The caller has the turn. */
#ifndef ONEWRITE_VAIN_H
#define ONEWRITE_VAIN_H

#include "look.h"

/* What is held of the message has met its deadline. */
void vain_met_the_deadline(struct msg *m);
/* The rule for this call: that of the table (hold.h), unless messages of this kind are held in vain, or this one has
 * paused. It may change s->event and s->why for the table's rule and the trace. */
struct hold_rule vain_rule(struct msg *m, const struct call *call, struct sight *s);
/* Called when the next call of a message comes that was not held, because its kind is held in vain. If the message
 * would have been joined after all, the habit is forgotten. */
void vain_look_back(struct msg *m, enum hold_event event);

#endif
