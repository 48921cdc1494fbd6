/* Each name that the library exports is a door: one jump through a slot, a pointer that the library can change
 * (doors.S).
 *
 * At first the slot holds the address of the hook, which the assembler calls hook_NAME. A jump leaves the caller's
 * stack, return address and arguments as they are. So a slot can also lead straight to the function that would be found
 * without this library, whatever arguments that takes: where a library of the program has a function of its own under
 * one of libc's names, and where the library must not do anything at all (real_stand_aside). */
#ifndef ONEWRITE_DOORS_H
#define ONEWRITE_DOORS_H

#if defined NO_DOORS
#define DOORS 0
#elif defined __x86_64__ || defined __i386__ || defined __aarch64__ || defined __arm__ || defined __s390x__ || \
	(defined __riscv && __riscv_xlen == 64) || (defined __powerpc64__ && _CALL_ELF == 2)
#define DOORS 1
#else /* the exported names are the hooks themselves; where the caller matters (dlopen) they are tail calls at best */
#define DOORS 0
#endif

/* Does time_t have two sizes on this architecture, and libc two names for each function that takes one? */
#if __SIZEOF_POINTER__ == 4 && !defined __x86_64__
#define TWO_TIMES 1
#else
#define TWO_TIMES 0
#endif

#endif
