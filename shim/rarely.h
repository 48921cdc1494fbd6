/* Memory that most processes never touch. It lies apart from what each of them touches as it starts, since a page is
 * what a process pays for: the first access to each takes as long as thousands of instructions. */
#ifndef ONEWRITE_RARELY_H
#define ONEWRITE_RARELY_H

/* For zeroed variables. The linker puts the section behind those without a name. */
#define RARELY __attribute__((section(".bss.rarely")))

#endif
