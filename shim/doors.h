/* The names that the program sees are doors: a jump each, through a slot (doors.S). Behind it is the hook of that
 * name, which the assembler calls hook_NAME. A jump leaves no trace: whoever is called sees the caller's own stack,
 * return address and arguments.
 *
 * So a slot may also lead straight to what would be found without us, whatever its arguments are: where a library of
 * the program's has a function of its own by one of libc's names, and where we have no business at all. */
#ifndef ONEWRITE_DOORS_H
#define ONEWRITE_DOORS_H

#if defined NO_DOORS
#define DOORS 0
#elif defined __x86_64__ || defined __i386__ || defined __aarch64__ || defined __arm__ || defined __s390x__ || \
	(defined __riscv && __riscv_xlen == 64) || (defined __powerpc64__ && _CALL_ELF == 2)
#define DOORS 1
#else /* the names are the hooks themselves, and those that look at their callers do what C can do for them */
#define DOORS 0
#endif

/* Does time_t have two sizes here, and libc two names for what takes one? */
#if __SIZEOF_POINTER__ == 4 && !defined __x86_64__
#define TWO_TIMES 1
#else
#define TWO_TIMES 0
#endif

#endif
