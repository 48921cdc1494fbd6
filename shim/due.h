/* The helper's side: a deadline falls due, and what is held goes. */
#ifndef ONEWRITE_DUE_H
#define ONEWRITE_DUE_H

#include "deadline.h"

deadline_look due_look;

#endif
