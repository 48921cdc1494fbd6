/* What the files of the program generator (the author) share: what the author knows about the program that it is
 * writing. */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "program.h"

enum { QUEUE = 96 };

struct piece {
	uint32_t at, size;
};

struct line {               /* a connection, as far as the author has come */
	bool opened, quiet; /* quiet: nothing more is read on this connection */
	bool nonblock, corked, more, linger;
	bool pending;    /* a FILE may hold bytes back */
	uint32_t budget; /* how many bytes it may still get */
	struct piece queue[QUEUE];
	int head, tail;
};

struct author {
	struct chance c;
	struct program *p;
	bool unseen;
	struct line lines[CONNS];
	int nlines;
	int actors, proc[ACTORS]; /* proc: for each actor, the actor that began its process */
	int threads[ACTORS];      /* how many threads each process has */
	bool limited[ACTORS];     /* an actor that libc does not know of: no malloc, no threads, no stdio */
	bool no_stdio;
	bool slow_writer;    /* this program pauses often */
	bool processes;      /* the program has more than one process, now or later */
	struct holders held; /* the holders after `followed` operations */
	uint32_t followed;
	int handles;
	enum family family; /* the family of this program */
	uint32_t often;     /* one step in so many is a step of the family */
};

/* generate.c: appends an operation of this actor, which the caller fills in. add_on(): the operation uses the handle's
 * connection. */
struct op *add(struct author *a, enum kind kind, int actor);
struct op *add_on(struct author *a, enum kind kind, int actor, int handle);
/* How many more operations the program has room for. */
uint32_t room(const struct author *a);
/* Whether what is written to the connection now reaches the peer without another operation. */
bool can_arrive(const struct line *l);
struct line *line_of(struct author *a, int handle);
/* Append the write of the connection's next bytes through any door, the same through a common door, and the write of
 * the given bytes through a common door. */
void add_piece(struct author *a, int actor, int h);
void add_plain_piece(struct author *a, int actor, int h);
void add_bytes(struct author *a, int actor, int h, uint32_t at, uint32_t end);

void add_option(struct author *a, int actor, int h);
void add_dup(struct author *a, int actor, int h);
void add_pause(struct author *a, int actor, int h);

/* Each appends one step of a family's program. */
void add_dialogue(struct author *a, int actor, int h); /* generate_reads.c */
void add_leave(struct author *a, int actor, int h);    /* generate_late.c */
void add_sharing(struct author *a, int actor, int h);  /* generate_clones.c */
void add_stuck(struct author *a, int actor, int h);    /* generate_full.c */
void add_rival(struct author *a, int actor, int h);
/* Appends a step of a limited actor. */
void add_limited(struct author *a, int actor, int h);

/* generate_text.c: append bytes, or a message, to the program's text. */
void put(struct author *a, const char *bytes, size_t n);
__attribute__((format(printf, 2, 3))) void say(struct author *a, const char *format, ...);
const char *pick(struct chance *c, const char *const *words, size_t n);
void body(struct author *a, uint32_t n);
/* The next bytes of a connection that are to be written in one call; size 0: there are none. */
struct piece next_piece(struct author *a, struct line *l);

#define PICK(a, ...)                                        \
	pick(&(a)->c, (const char *const[]){ __VA_ARGS__ }, \
	     sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* generate_cut.c: cut a message into pieces, one for each write. */
void cut_at_random(struct author *a, struct line *l, uint32_t at, uint32_t end, uint32_t cuts);
/* The head lies in [at, middle), the body in [middle, end). `seams` are offsets at which the body is naturally cut,
 * such as ends of chunks. */
void cut_message(struct author *a, struct line *l, uint32_t at, uint32_t middle, uint32_t end, const uint32_t *seams,
                 int nseams);

#endif
