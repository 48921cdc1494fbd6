/* A random program: the list of its operations, and the page of shared memory through which the author, the actors and
 * the peer work together.
 *
 * The operations use a few TCP connections. Each belongs to an actor, which is a thread or a process of its own. Actors
 * run side by side; only operations that conflict (program_conflict) wait for each other, in the order of the list. So
 * the bytes of every connection, and every result, are determined by the program alone; rules.c has the exceptions. */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONNS = 4,
	ACTORS = 4,
	HANDLES = 16,
	OPS = 224,
	TEXT = 256 * 1024,
	READ_MOST = 4096,
	TABLES = 8 /* of descriptors; a process has its own, or shares one */,
	NOBODY = 255
};

/* What a program is about, beside the operations that any program has. */
enum family { PLAIN, READS, LATE, CLONES, FULL, RIVALS, FAMILIES };

/* Descriptors that every process of a run inherits. */
enum { BOARD_FD = 3, CONTROL_FD = 4, PASS_FD = 5, TAKE_FD = 6, LISTENER_FD = 7, FIRST_FREE_FD = LISTENER_FD + CONNS };

enum kind {
	OPEN,   /* opens a connection, as handle `other` */
	PIECE,  /* writes bytes, all of them, through a door (enum door) */
	SIGNAL, /* the same in a signal handler */
	SPAWN,  /* another program, which inherits the descriptor, writes bytes (enum spawn) */
	PRINT,  /* writes bytes through a FILE, which is made if need be; flushed or not */
	FLUSH,  /* fflush */
	READ,   /* reads bytes that the peer sent (enum read_door) */
	LOOK,   /* poll and the like, without waiting */
	SET,
	GET, /* set or ask an option (enum setting) */
	DUP, /* handle `other` becomes a second name (enum dup_how) */
	PASS,
	TAKE,       /* PASS and TAKE: by SCM_RIGHTS; handle `other` is the second name */
	CLOSE,      /* enum close_how */
	CLOSE_ALL,  /* closes every descriptor from `value` on */
	SHUT,       /* shutdown(value) */
	THREAD,     /* actor `other` begins, as a thread */
	FORK,       /* actor `other` begins, as a process */
	EXEC,       /* the actor continues in a new image (enum exec) */
	NO_EXEC,    /* an exec that fails */
	PAUSE,      /* sleeps for `value` microseconds */
	AWAIT,      /* waits until the peer has all that was accepted so far, by no call that the library could see */
	AWAIT_GONE, /* waits until the peer has reset the connection */
	LEAVE,      /* writes bytes, waits `value` microseconds, then gives the descriptor up (enum leaving) */
	CLONE,      /* actor `other` begins, as a task that shares some things (enum cloning, flags) */
	RANGE,      /* marks descriptors close-on-exec, or stops sharing them (enum ranging, flags) */
	STUCK,      /* the peer stops reading, the socket is filled, a write waits there, and is ended (enum stuck) */
	RIVAL,      /* as STUCK, and meanwhile another call is made (enum rival) */
	KINDS
};

enum opening {
	BY_ACCEPT,
	BY_ACCEPT4,
	BY_OWN_LISTENER,
	BY_CONNECT,
	BY_CONNECT_MAPPED,
	BY_CONNECT_NONBLOCK,
	BY_FASTOPEN,
	BY_LATE_SYN,
	OPENINGS
};
enum door {
	BY_WRITE,
	BY_WRITE_ALIAS,
	BY_WRITEV,
	BY_WRITEV_MANY,
	BY_SEND,
	BY_SENDTO,
	BY_SENDTO_ADDR,
	BY_SENDMSG,
	BY_SENDMMSG,
	BY_PWRITEV2,
	BY_SENDFILE,
	BY_SPLICE,
	BY_DPRINTF,
	BY_DPRINTF_CHK,
	BY_SYS_WRITE,
	BY_SYS_WRITEV,
	BY_SYS_SENDTO,
	BY_SYS_SENDMSG,
	BY_AIO,
	BY_INLINE,
	DOORS
};
enum spawn {
	BY_POSIX_SPAWN,
	BY_POSIX_SPAWNP,
	BY_SYSTEM,
	BY_POPEN,
	BY_VFORK,
	BY_VFORK_DUP,
	BY_FORK_EXEC,
	BY_CLONE,
	SPAWNS
};
enum print { BY_FPRINTF, BY_FWRITE, BY_FPUTS, BY_PUTC, PRINTS };
enum read_door {
	BY_READ,
	BY_READ_CHK,
	BY_READV,
	BY_RECV,
	BY_RECV_CHK,
	BY_RECVFROM,
	BY_RECVMSG,
	BY_RECVMMSG,
	BY_PEEK,
	BY_SYS_READ,
	BY_SYS_RECVFROM,
	BY_READV_MANY,
	BY_PREADV2,
	BY_WAITALL,
	BY_TRUNC,
	BY_SPLICE_IN,
	READ_DOORS
};
/* When the peer sends the bytes of a READ. 0: when the connection begins. ASKED: when the program comes to read them.
 * ASKED | ANSWERED: then, but not before the peer has everything that was accepted. The bytes of the READs up to the
 * next one that asks come along. */
enum asking { ASKED = 1, ANSWERED = 2 };
enum look { BY_POLL, BY_PPOLL, BY_SELECT, BY_EPOLL, LOOKS };
enum setting {
	NODELAY,
	CORK,
	SNDBUF,
	NONBLOCK,
	NONBLOCK_IOCTL,
	EDGE,
	LINGER,
	ERROR,
	OUTQ,
	READABLE,
	SOCKNAME,
	OPTIONS
};
enum dup_how { BY_DUP, BY_DUP2, BY_DUP2_LOW, BY_DUP2_ONTO, BY_DUP3, BY_DUPFD, BY_DUPFD_CLOEXEC, BY_SYS_DUP, DUP_HOWS };
enum close_how { BY_CLOSE, BY_CLOSE_RANGE, BY_SYS_CLOSE, BY_FCLOSE, CLOSE_HOWS };
enum leaving {
	LEAVE_CLOSE,
	LEAVE_SYS_CLOSE,
	LEAVE_RANGE,
	LEAVE_SYS_RANGE,
	LEAVE_DUP2,
	LEAVE_DUP3,
	LEAVE_SYS_DUP3,
	LEAVE_FCLOSE,
	LEAVE_UNSHARE,
	LEAVE_SHUT,
	STAY_FULL, /* keeps the descriptor, but takes the last free number */
	STAY_HIGH, /* keeps the descriptor, but takes numbers of its choice */
	LEAVINGS
};
/* What must not be seen after that: bits of a LEAVE's result. */
enum late {
	LATE_EVENT = 1,   /* epoll reports an event of the closed descriptor */
	LATE_NAME = 2,    /* a descriptor of the process still refers to the socket */
	LATE_END = 4,     /* the peer sees no end of the connection */
	STRAY = 8,        /* bytes for the socket reach what has its number now */
	LOST_NUMBER = 16, /* a number that the program gave to something refers to something else */
	NO_NUMBER = 32,   /* the program found the last number taken */
	LEAVING_FAILED = 64,
};
enum exec {
	BY_EXECVE,
	BY_EXECV,
	BY_EXECVP,
	BY_EXECVPE,
	BY_EXECL,
	BY_EXECLE,
	BY_EXECLP,
	BY_FEXECVE,
	BY_EXECVEAT,
	BY_SYS_EXECVE,
	EXECS
};
enum fork_how { BY_FORK, BY_FORK_ONLY /* _Fork */, FORK_HOWS };
enum cloning { CLONE_BY_LIBC, CLONE_BY_NUMBER, CLONE_BY_NUMBER_3, CLONE_ON_NEW_STACK /* by number */, CLONINGS };
enum ranging { RANGE_BY_LIBC, RANGE_BY_NUMBER, RANGE_UNSHARE, RANGE_UNSHARE_BY_NUMBER, RANGINGS };
enum stuck {
	CANCELLED,
	JUMPED,
	JUMPED_RESTARTING /* SA_RESTART */,
	TIMED_OUT /* SO_SNDTIMEO */,
	RESTARTED /* SA_RESTART */,
	INTERRUPTED,
	STUCKS
};
enum rival {
	RIVAL_CLOSE,
	RIVAL_RANGE,
	RIVAL_DUP2, /* the ways up to here give the handle up */
	RIVAL_SHUT,
	RIVAL_SEND,
	RIVAL_ELSEWHERE /* on another connection */,
	RIVAL_INFO,
	RIVAL_OUTQ,
	RIVAL_NODELAY,
	RIVAL_DUP,
	RIVAL_FORK,
	RIVAL_POLL,
	RIVAL_PEEK,
	RIVALS_HOWS
};
enum {
	PATIENCE_MS = 1500 /* how long a peer that was told to stop does not read; a longer call waited for it */,
	LONG_PATIENCE_MS = 3000 /* the same with SO_SNDTIMEO: see rules.c */,
	FILLER_MOST = 200000
};
enum end { BY_EXIT, BY__EXIT, BY_EXIT_C99, BY_QUICK_EXIT, BY_SYS_EXIT, BY_ABORT, ENDS };

struct op {
	uint8_t kind, actor;
	uint8_t conn;   /* the connection in whose order it stands; NOBODY: none */
	uint8_t handle; /* the descriptor that it uses */
	uint8_t other;  /* the handle or actor that it makes */
	uint8_t table;  /* the table of descriptors that it makes */
	uint8_t how;
	int32_t value;     /* flags, an option's value, or microseconds */
	uint32_t at, size; /* its bytes in the program's text */
	uint8_t refused;   /* RIVAL: no thread waits; instead a head was sent without waiting */
	uint32_t head;     /* STUCK, RIVAL: how many of its bytes are written first, as a head */
	uint32_t more;     /* RIVAL: how many bytes behind its own are the rival's */
	uint32_t salt;     /* a seed for small choices, such as where iovecs are cut */
};

struct plan {                /* how the peer behaves on a connection */
	uint32_t split;      /* a seed for where the peer cuts what it sends into segments; 0: it does not */
	uint32_t gulp;       /* a slow reader with a small window: how many bytes it reads at a time */
	uint32_t every;      /* how many microseconds lie between its reads; 0: it reads what comes, at once */
	bool narrow;         /* its window is small, though it is not slow */
	bool eager;          /* it acknowledges at once */
	bool gone;           /* it resets the connection once it has `gone_after` bytes */
	uint32_t gone_after; /* a count of bytes */
};

/* What an actor tells the peer, or the runner at the end. */
enum telling { I_AM_READY, I_LISTEN, I_ASK, I_AM_DONE, I_STOP, I_GO, IT_IS_OVER };

struct message {
	uint8_t what, conn;
	uint16_t op;
	int32_t value;
};

struct program {
	uint32_t nops;
	struct op ops[OPS];
	struct plan plans[CONNS];
	uint8_t end[ACTORS];
	bool ticks;       /* a timer interrupts reads and writes */
	bool ignore_pipe; /* SIGPIPE is ignored; otherwise it is counted */
	bool alt_stack;   /* signal handlers run on a stack of their own */
	bool no_stdin;    /* descriptor 0 is free for a connection */
	uint32_t timeout; /* ONEWRITE_TIMEOUT of the run in microseconds: pauses are chosen around it */
	uint32_t ntext;
	char text[TEXT];
};

enum { SKIPPED = -99 }; /* a result: the handle does not exist */

struct result {
	_Atomic uint32_t done;
	int32_t error;   /* errno, 0: none */
	int64_t ret;     /* usually a count of bytes */
	int64_t extra;   /* a descriptor, a value, or a status */
	uint32_t filled; /* STUCK, RIVAL: how many bytes of filler() the socket took first */
	int32_t rival;   /* what the rival's call returned, or -errno */
	bool left;       /* the last call never returned, so it is not known how much it wrote */
	bool waited;     /* the call waited until the peer read again, though it need not have */
};

/* Memory that the author, the peer and all actors of one run share. */
struct board {
	struct program program;
	struct result results[OPS];
	_Atomic uint32_t turn, waiting; /* a futex word for changes; how many tasks wait */
	_Atomic uint64_t accepted[CONNS], received[CONNS], consumed[CONNS];
	_Atomic uint32_t opened[CONNS], gone[CONNS], over[CONNS], late[CONNS];
	_Atomic uint32_t stopped[CONNS], forced[CONNS]; /* the peer does not read; it read again without being told */
	_Atomic uint32_t has_file[CONNS];
	_Atomic uint32_t begun[ACTORS]; /* the actor, a clone, has begun */
	_Atomic uint32_t pipe_signals;
	uint16_t connect_to[CONNS];  /* ports at which the peer listens */
	uint16_t listen_at[CONNS];   /* ports to which the peer is to connect */
	uint16_t runner_port[CONNS]; /* ports of the runner's listeners */
	int32_t pid;                 /* of the first actor, which is its process group as well */
	int32_t pids[ACTORS], status[ACTORS];
	uint8_t table[ACTORS];                                  /* an actor's table of descriptors */
	int32_t fds[TABLES][HANDLES], watches[TABLES][HANDLES]; /* -1: none */
	char exe[4096];
};

/* --- chance ----------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

static inline uint64_t chance_next(struct chance *c) /* splitmix64 */
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint32_t below(struct chance *c, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(chance_next(c) % n);
}

static inline bool one_in(struct chance *c, uint32_t n)
{
	return below(c, n) == 0;
}

/* Byte i of what fills a socket. */
static inline char filler(uint32_t i)
{
	return "-=~+:;,.<>()[]{}|/^*"[(i + i / 20 * 7 + i / 400 * 3) % 20];
}

/* --- the files -------------------------------------------------------------------------------- */

struct wish {
	uint64_t seed;
	uint32_t timeout_us;
	bool unseen; /* writes that no hook sees are allowed; their order is kept only where the kernel holds */
	int only;    /* the family of every program; -1: any family, each as seldom as it is slow */
};

/* generate.c: writes program number k. */
void program_generate(struct program *p, const struct wish *wish, uint64_t k);
/* Returns -1 if there is no such family. */
int family_by_name(const char *name);

/* holders.c: which tables of descriptors have which handle. */
struct holders {
	uint8_t conn[HANDLES]; /* the handle's connection; NOBODY: no such handle yet */
	uint8_t has[HANDLES];  /* a bit for each table that has the handle */
	uint8_t table[ACTORS]; /* the actor's table; NOBODY: no such actor yet */
	uint8_t pinned;        /* a bit for each table that something other than an actor may have */
	uint8_t passed;        /* a bit for each connection whose descriptor may be in a message between processes */
	int tables;
};

/* Begins with one actor, which has no handle. */
void holders_begin(struct holders *w);
/* Applies one operation. */
void holders_follow(struct holders *w, const struct op *o);
bool holders_has(const struct holders *w, int handle, int actor);
/* True: operation i uses a descriptor, and certainly no other descriptor refers to the same connection. */
bool program_has_last(const struct program *p, uint32_t i);

/* words.c */

/* Whether b, which comes behind a, has to wait until a is done. */
bool program_conflict(const struct program *p, const struct op *a, const struct op *b);
bool clone_is_carried(const struct op *o); /* a thread makes it and waits for its end */
/* Whether a RIVAL's call closes or replaces the handle's descriptor. */
bool rival_takes_handle(const struct op *o);
/* Whether a RANGE closes its handle's descriptor. */
bool range_closes(const struct op *o);
bool program_has(const struct program *p, enum kind kind);
bool program_opens_by_connect(const struct program *p, int conn);
void program_print_op(FILE *to, const struct program *p, const struct op *o);
void program_print_bytes(FILE *to, const char *p, size_t n, size_t most);

/* play.c: the program's image under test, in its three roles. */
int play_runner(void);
int play_go_on(int actor, int op);
int play_piece(int op, int fd);

#endif
