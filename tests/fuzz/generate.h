/* What the files of the author share: what it knows of the program that it is writing. */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "program.h"

enum { QUEUE = 96 };

struct piece {
	uint32_t at, size;
};

struct line {               /* a connection, as far as the author has come */
	bool opened, quiet; /* quiet: nothing more is read here */
	bool nonblock, corked, more, linger;
	bool pending;    /* a FILE may hold bytes back */
	uint32_t budget; /* bytes it may still get */
	struct piece queue[QUEUE];
	int head, tail;
};

struct author {
	struct chance c;
	struct program *p;
	bool unseen;
	struct line lines[CONNS];
	int nlines;
	int actors, proc[ACTORS]; /* an actor's process: the actor that began it */
	int threads[ACTORS];      /* of a process */
	bool limited[ACTORS];     /* one that libc does not know of: no malloc, no threads, no stdio */
	bool no_stdio;
	bool slow_writer;    /* pauses often */
	bool processes;      /* more than one, now or later */
	struct holders held; /* after so many operations: */
	uint32_t followed;
	int handles;
	enum family family; /* what this program is about ... */
	uint32_t often;     /* ... in one of so many steps */
};

/* generate.c: an operation of this actor's, to be filled in; add_on(): on the handle's connection. */
struct op *add(struct author *a, enum kind kind, int actor);
struct op *add_on(struct author *a, enum kind kind, int actor, int handle);
/* There is room for so many more. */
uint32_t room(const struct author *a);
/* What the connection is given now reaches the peer without anything further. */
bool can_arrive(const struct line *l);
struct line *line_of(struct author *a, int handle);
/* The next bytes of the connection are written; or these, by a common door. */
void add_piece(struct author *a, int actor, int h);
void add_plain_piece(struct author *a, int actor, int h);
void add_bytes(struct author *a, int actor, int h, uint32_t at, uint32_t end);

void add_option(struct author *a, int actor, int h);
void add_dup(struct author *a, int actor, int h);
void add_pause(struct author *a, int actor, int h);

/* One step of a program of a family. */
void add_dialogue(struct author *a, int actor, int h); /* generate_reads.c */
void add_leave(struct author *a, int actor, int h);    /* generate_late.c */
void add_sharing(struct author *a, int actor, int h);  /* generate_clones.c */
void add_stuck(struct author *a, int actor, int h);    /* generate_full.c */
void add_rival(struct author *a, int actor, int h);
/* A step of an actor that is limited. */
void add_limited(struct author *a, int actor, int h);

/* generate_text.c: bytes, messages. */
void put(struct author *a, const char *bytes, size_t n);
__attribute__((format(printf, 2, 3))) void say(struct author *a, const char *format, ...);
const char *pick(struct chance *c, const char *const *words, size_t n);
void body(struct author *a, uint32_t n);
/* The next bytes of a connection to be written at once; none: size 0. */
struct piece next_piece(struct author *a, struct line *l);

#define PICK(a, ...)                                        \
	pick(&(a)->c, (const char *const[]){ __VA_ARGS__ }, \
	     sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* generate_cut.c: how a message is cut into pieces. */
void cut_at_random(struct author *a, struct line *l, uint32_t at, uint32_t end, uint32_t cuts);
/* The head lies in [at, middle), the body in [middle, end); `seams` are the body's natural ones. */
void cut_message(struct author *a, struct line *l, uint32_t at, uint32_t middle, uint32_t end, const uint32_t *seams,
                 int nseams);

#endif
