/* Which operations of a program must wait for each other, and the program in words. */
#include "program.h"

#include <linux/close_range.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

bool program_has(const struct program *p, enum kind kind)
{
	for (uint32_t i = 0; i < p->nops; i++)
		if (p->ops[i].kind == kind)
			return true;
	return false;
}

bool program_opens_by_connect(const struct program *p, int conn)
{
	for (uint32_t i = 0; i < p->nops; i++)
		if (p->ops[i].kind == OPEN && p->ops[i].conn == conn)
			return p->ops[i].how >= BY_CONNECT;
	return false;
}

/* All operations before a barrier are done before it begins, and none after it begins before it is done. */
static bool is_barrier(const struct program *p, const struct op *o)
{
	switch (o->kind) {
	case CLOSE_ALL:
	case EXEC: return true;
	case FORK: return program_has(p, PRINT);                          /* a fork flushes the FILEs */
	case RIVAL: return o->how == RIVAL_ELSEWHERE;                     /* it uses two connections */
	case DUP: return o->how == BY_DUP2_ONTO || o->how == BY_DUP2_LOW; /* it may take the number of another handle */
	}
	return false;
}

/* Operations that make or close descriptors, or copy memory. They run in order, because otherwise numbers and copies
 * would differ from run to run. */
static bool is_ordered(const struct op *o)
{
	switch (o->kind) {
	case OPEN:
	case SPAWN:
	case PRINT:
	case FLUSH:
	case DUP:
	case PASS:
	case TAKE:
	case CLOSE:
	case FORK:
	case NO_EXEC:
	case LEAVE:
	case CLONE:
	case RANGE:
	case STUCK:
	case RIVAL: return true;
	case LOOK: return o->how == BY_EPOLL;
	case SET: return o->how == EDGE;
	case READ: return o->how == BY_SPLICE_IN;
	case PIECE:
	case SIGNAL:
		/* dprintf's buffer is a stream that a process forked meanwhile would flush when it exits */
		return o->how == BY_SPLICE || o->how == BY_DPRINTF || o->how == BY_DPRINTF_CHK;
	}
	return false;
}

bool program_conflict(const struct program *p, const struct op *a, const struct op *b)
{
	return (a->conn != NOBODY && a->conn == b->conn) || (is_ordered(a) && is_ordered(b)) || is_barrier(p, a) ||
	       is_barrier(p, b);
}

/* --- in words --------------------------------------------------------------------------------- */

static const char *const kinds[KINDS] = { "open",
	                                  "write",
	                                  "signal handler writes",
	                                  "another program writes",
	                                  "print",
	                                  "fflush",
	                                  "read",
	                                  "look",
	                                  "set",
	                                  "get",
	                                  "dup",
	                                  "pass",
	                                  "take",
	                                  "close",
	                                  "close all",
	                                  "shutdown",
	                                  "thread",
	                                  "fork",
	                                  "exec",
	                                  "failing exec",
	                                  "pause",
	                                  "await the peer",
	                                  "await the reset",
	                                  "at the deadline",
	                                  "clone",
	                                  "range",
	                                  "to a full socket",
	                                  "to a full socket, beside a rival" };
static const char *const opens[OPENINGS] = { "accept",
	                                     "accept4",
	                                     "own listener",
	                                     "connect",
	                                     "connect v4-mapped",
	                                     "connect, not waiting",
	                                     "MSG_FASTOPEN",
	                                     "TCP_FASTOPEN_CONNECT" };
static const char *const doors[DOORS] = { "write",
	                                  "__write",
	                                  "writev",
	                                  "writev of many",
	                                  "send",
	                                  "sendto",
	                                  "sendto with address",
	                                  "sendmsg",
	                                  "sendmmsg",
	                                  "pwritev2",
	                                  "sendfile",
	                                  "splice",
	                                  "dprintf",
	                                  "__dprintf_chk",
	                                  "syscall(write)",
	                                  "syscall(writev)",
	                                  "syscall(sendto)",
	                                  "syscall(sendmsg)",
	                                  "aio_write",
	                                  "inline syscall" };
static const char *const spawns[SPAWNS] = { "posix_spawn", "posix_spawnp",          "system",    "popen",
	                                    "vfork+exec",  "vfork+dup2+close+exec", "fork+exec", "clone(VFORK)+exec" };
static const char *const prints[PRINTS] = { "fprintf", "fwrite", "fputs", "putc" };
static const char *const reads[READ_DOORS] = {
	"read",    "__read_chk",       "readv",           "recv",          "__recv_chk",        "recvfrom",
	"recvmsg", "recvmmsg",         "peek, then recv", "syscall(read)", "syscall(recvfrom)", "readv of many",
	"preadv2", "recv MSG_WAITALL", "recv MSG_TRUNC",  "splice"
};
static const char *const looks[LOOKS] = { "poll", "ppoll", "select", "epoll" };
static const char *const options[OPTIONS] = { "TCP_NODELAY",  "TCP_CORK",   "SO_SNDBUF",
	                                      "O_NONBLOCK",   "FIONBIO",    "O_NONBLOCK, edge-triggered",
	                                      "SO_LINGER 1s", "SO_ERROR",   "SIOCOUTQ",
	                                      "FIONREAD",     "getsockname" };
static const char *const dups[DUP_HOWS] = { "dup",  "dup2",    "dup2 to 0",       "dup2 onto another",
	                                    "dup3", "F_DUPFD", "F_DUPFD_CLOEXEC", "syscall(dup)" };
static const char *const closes[CLOSE_HOWS] = { "close", "close_range", "syscall(close)", "fclose" };
static const char *const execs[EXECS] = { "execve", "execv",  "execvp",  "execvpe",  "execl",
	                                  "execle", "execlp", "fexecve", "execveat", "syscall(execve)" };
static const char *const forks[FORK_HOWS] = { "fork", "_Fork" };
static const char *const leavings[LEAVINGS] = { "close",
	                                        "syscall(close)",
	                                        "close_range",
	                                        "syscall(close_range)",
	                                        "dup2 over it",
	                                        "dup3 over it",
	                                        "syscall(dup3) over it",
	                                        "fclose",
	                                        "close_range UNSHARE",
	                                        "shutdown",
	                                        "take the last number",
	                                        "take high numbers" };
static const char *const clones[CLONINGS] = { "clone", "syscall(clone)", "syscall(clone3)",
	                                      "syscall(clone, new stack)" };
static const char *const ranges[RANGINGS] = { "close_range", "syscall(close_range)", "unshare(FILES)",
	                                      "syscall(unshare, FILES)" };
static const char *const stucks[STUCKS] = { "cancelled",   "left by a jump",      "left by a jump, SA_RESTART",
	                                    "SO_SNDTIMEO", "signals, SA_RESTART", "a signal" };
static const char *const rivals[RIVALS_HOWS] = { "close",
	                                         "close_range",
	                                         "dup2",
	                                         "shutdown",
	                                         "send, not waiting",
	                                         "write elsewhere",
	                                         "TCP_INFO",
	                                         "SIOCOUTQ",
	                                         "TCP_NODELAY",
	                                         "dup",
	                                         "fork",
	                                         "poll",
	                                         "peek" };
static const char *const all_closes[] = { "close_range", "closefrom", "syscall(close_range)" };
static const char *const hows[] = { "SHUT_RD", "SHUT_WR", "SHUT_RDWR" };

void program_print_bytes(FILE *to, const char *p, size_t n, size_t most)
{
	fputc('"', to);
	for (size_t i = 0; i < n && i < most; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '\r')
			fputs("\\r", to);
		else if (c == '\n')
			fputs("\\n", to);
		else if (c < ' ' || c > '~' || c == '"' || c == '\\')
			fprintf(to, "\\x%02x", c);
		else
			fputc(c, to);
	}
	fprintf(to, "\"%s (%zu)", n > most ? "..." : "", n);
}

struct flag {
	int flag;
	const char *name;
};

static void print_flags_of(FILE *to, int flags, const struct flag *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (flags & names[i].flag)
			fprintf(to, " %s", names[i].name);
}

static void print_clone(FILE *to, const struct op *o)
{
	static const struct flag names[] = { { CLONE_VM, "VM" },           { CLONE_FILES, "FILES" },
		                             { CLONE_VFORK, "VFORK" },     { CLONE_FS, "FS" },
		                             { CLONE_SIGHAND, "SIGHAND" }, { CLONE_THREAD, "THREAD" } };
	fprintf(to, " by %s", clones[o->how]);
	print_flags_of(to, o->value, names, sizeof names / sizeof *names);
}

static void print_range(FILE *to, const struct op *o)
{
	static const struct flag names[] = { { CLOSE_RANGE_UNSHARE, "UNSHARE" }, { CLOSE_RANGE_CLOEXEC, "CLOEXEC" } };
	fprintf(to, " by %s", ranges[o->how]);
	print_flags_of(to, o->value, names, sizeof names / sizeof *names);
}

static void print_flags(FILE *to, int flags)
{
	static const struct flag names[] = { { MSG_NOSIGNAL, "NOSIGNAL" }, { MSG_DONTWAIT, "DONTWAIT" },
		                             { MSG_MORE, "MORE" },         { MSG_EOR, "EOR" },
		                             { MSG_OOB, "OOB" },           { MSG_ZEROCOPY, "ZEROCOPY" } };
	print_flags_of(to, flags, names, sizeof names / sizeof *names);
}

void program_print_op(FILE *to, const struct program *p, const struct op *o)
{
	fprintf(to, "a%u  %s", o->actor, kinds[o->kind]);
	if (o->conn != NOBODY)
		fprintf(to, " c%u", o->conn);
	if (o->handle != NOBODY)
		fprintf(to, " h%u", o->handle);
	if (o->other != NOBODY)
		fprintf(to, " -> %c%u", o->kind == THREAD || o->kind == FORK || o->kind == CLONE ? 'a' : 'h', o->other);
	switch (o->kind) {
	case OPEN:
		fprintf(to, " by %s%s%s", opens[o->how], o->value & SOCK_CLOEXEC ? " CLOEXEC" : "",
		        o->value & SOCK_NONBLOCK ? " NONBLOCK" : "");
		break;
	case PIECE:
	case SIGNAL:
		fprintf(to, " by %s", doors[o->how]);
		print_flags(to, o->value);
		break;
	case SPAWN: fprintf(to, " by %s", spawns[o->how]); break;
	case PRINT: fprintf(to, " by %s%s", prints[o->how], o->value ? ", flushed" : ", kept"); break;
	case READ:
		fprintf(to, " by %s%s%s", reads[o->how], o->value & ASKED ? ", which is sent then" : "",
		        o->value & ANSWERED ? " to who has answered" : "");
		break;
	case LOOK: fprintf(to, " by %s", looks[o->how]); break;
	case SET: fprintf(to, " %s to %d", options[o->how], o->value); break;
	case GET: fprintf(to, " %s", options[o->how]); break;
	case DUP:
		fprintf(to, " by %s", dups[o->how]);
		if (o->how == BY_DUP2_ONTO)
			fprintf(to, " h%d", o->value);
		break;
	case CLOSE: fprintf(to, " by %s", closes[o->how]); break;
	case CLOSE_ALL: fprintf(to, " from %d by %s", o->value, all_closes[o->how % 3]); break;
	case SHUT: fprintf(to, " %s", hows[o->value % 3]); break;
	case STUCK: fprintf(to, " by %s, %s", doors[o->value], stucks[o->how]); break;
	case RIVAL: fprintf(to, ": %s%s", rivals[o->how], o->refused ? ", after a refusal" : ""); break;
	case CLONE: print_clone(to, o); break;
	case RANGE: print_range(to, o); break;
	case FORK: fprintf(to, " by %s", forks[o->how]); break;
	case EXEC:
	case NO_EXEC: fprintf(to, " by %s", execs[o->how]); break;
	case LEAVE: fprintf(to, " %s after %d us", leavings[o->how], o->value); break;
	case PAUSE: fprintf(to, " %d us", o->value); break;
	}
	if (o->kind == PIECE || o->kind == SIGNAL || o->kind == SPAWN || o->kind == PRINT || o->kind == READ ||
	    o->kind == LEAVE || o->kind == STUCK || o->kind == RIVAL || (o->kind == OPEN && o->size > 0)) {
		fputc(' ', to);
		program_print_bytes(to, p->text + o->at, o->size, 160);
	}
}
