/* The actors: the process that runs bare or under the library. They write every piece to its last byte, as a program
 * must. They note each result on the board, which is shared memory, so that the noting makes no call under test. */
#include "play.h"

#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

struct board *board;
const struct program *program;

/* --- the board -------------------------------------------------------------------------------- */

static void map_board(void)
{
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, BOARD_FD, 0);
	if (board == MAP_FAILED) {
		warn("the board");
		_exit(125);
	}
	program = &board->program;
}

void changed(void)
{
	atomic_fetch_add(&board->turn, 1);
	if (atomic_load(&board->waiting) > 0)
		syscall(SYS_futex, &board->turn, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
}

static void wait_for_turn(uint32_t i)
{
	const struct op *o = &program->ops[i];
	for (uint32_t j = 0; j < i; j++)
		if (program->ops[j].actor != o->actor && program_conflict(program, &program->ops[j], o))
			WAIT_UNTIL(atomic_load(&board->results[j].done));
}

void tell_peer(enum telling what, int conn, int op, int32_t value)
{
	struct message m = { .what = (uint8_t)what, .conn = (uint8_t)conn, .op = (uint16_t)op, .value = value };
	(void)!send(CONTROL_FD, &m, sizeof m, 0);
}

/* --- signals ---------------------------------------------------------------------------------- */

static __thread const struct op *signalled;

static void on_signal(int signo)
{
	int saved = errno;
	if (signo == SIGPIPE)
		atomic_fetch_add(&board->pipe_signals, 1);
	else if (signo == SIGUSR1 && signalled != NULL)
		write_piece(signalled, fds(signalled->actor)[signalled->handle],
		            watches(signalled->actor)[signalled->handle], &board->results[signalled - program->ops]);
	errno = saved;
}

static void raise_piece(const struct op *o)
{
	signalled = o;
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1); /* raise() in a clone would signal the parent */
	signalled = NULL;
}

void open_to_ticks(bool open)
{
	sigset_t s;
	if (!program->ticks)
		return;
	sigemptyset(&s);
	sigaddset(&s, SIGALRM);
	pthread_sigmask(open ? SIG_UNBLOCK : SIG_BLOCK, &s, NULL);
}

static void take_signals(bool fresh)
{
	static char stack[128 * 1024];
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = program->alt_stack ? SA_ONSTACK : 0 };
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof stack };
	if (program->alt_stack)
		sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGALRM, &a, NULL); /* without SA_RESTART, so that it interrupts calls */
	open_to_ticks(false);
	if (program->ignore_pipe)
		a.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &a, NULL);
	struct itimerval every = { { 0, 170 }, { 0, 170 } };
	if (program->ticks && fresh)
		setitimer(ITIMER_REAL, &every, NULL);
}

/* --- one operation ---------------------------------------------------------------------------- */

int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

void pause_us(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR) {}
}

void await_peer(int conn)
{
	WAIT_UNTIL(atomic_load(&board->received[conn]) >= atomic_load(&board->accepted[conn]) ||
	           atomic_load(&board->gone[conn]) || atomic_load(&board->over[conn]));
}

static void perform(const struct op *o, struct result *r)
{
	bool has = o->handle < HANDLES;
	int fd = has ? fds(o->actor)[o->handle] : -1, watch = has ? watches(o->actor)[o->handle] : -1;
	if (o->kind == READ && o->value & ASKED) /* asked even if the read is skipped: another may follow */
		tell_peer(I_ASK, o->conn, (int)(o - program->ops),
		          o->value & ANSWERED ? (int32_t)atomic_load(&board->accepted[o->conn]) : 0);
	if (has && fd < 0) {
		r->ret = SKIPPED;
		return;
	}
	switch (o->kind) {
	case OPEN: open_connection(o, r); break;
	case PIECE: write_piece(o, fd, watch, r); break;
	case SIGNAL: raise_piece(o); break;
	case SPAWN: spawn_piece(o, fd, r); break;
	case PRINT: print_piece(o, fd, r); break;
	case FLUSH: r->ret = flush_file(o->handle); break;
	case READ: read_piece(o, fd, r); break;
	case LOOK: look(o, fd); break;
	case SET: set_option(o, fd, r); break;
	case GET: get_option(o, fd, r); break;
	case DUP: duplicate(o, fd, r); break;
	case PASS: pass(fd, r); break;
	case TAKE: take(o, r); break;
	case CLOSE: close_one(o, fd, r); break;
	case CLOSE_ALL: close_all(o, r); break;
	case SHUT:
		r->ret = shutdown(fd, o->value);
		r->error = r->ret < 0 ? errno : 0;
		break;
	case CLONE: begin_clone(o, r); break;
	case STUCK: write_to_full(o, fd, r); break;
	case RIVAL: write_beside_rival(o, fd, r); break;
	case RANGE: unshare_table(o, r); break;
	case THREAD: begin_thread(o, r); break;
	case FORK: begin_process(o, r); break;
	case EXEC: go_on_in_new_image(o, r); break;
	case NO_EXEC: fail_to_exec(o, r); break;
	case LEAVE: leave_at_deadline(o, fd, watch, r); break;
	case PAUSE: pause_us(o->value); break;
	case AWAIT: await_peer(o->conn); break;
	case AWAIT_GONE: /* if too little was accepted, the peer will not reset */
		WAIT_UNTIL(atomic_load(&board->gone[o->conn]) || atomic_load(&board->over[o->conn]) ||
		           atomic_load(&board->accepted[o->conn]) < program->plans[o->conn].gone_after);
		break;
	}
}

static void done(uint32_t i)
{
	atomic_store(&board->results[i].done, 1);
	changed();
}

void act(int actor, uint32_t from)
{
	for (uint32_t i = from; i < program->nops; i++) {
		if (program->ops[i].actor != actor)
			continue;
		wait_for_turn(i);
		perform(&program->ops[i], &board->results[i]);
		done(i);
	}
	reap(actor);
}

/* --- entrances -------------------------------------------------------------------------------- */

int play_go_on(int actor, int op)
{
	map_board();
	for (int h = 0; h < HANDLES; h++) { /* descriptors that were close-on-exec are gone */
		int *both[] = { &fds(actor)[h], &watches(actor)[h] };
		for (int i = 0; i < 2; i++)
			if (*both[i] >= 0 && fcntl(*both[i], F_GETFD) < 0)
				*both[i] = -1;
	}
	take_signals(false);
	done((uint32_t)op);
	act(actor, (uint32_t)op + 1);
	end_process(actor);
}

int play_piece(int op, int fd)
{
	map_board();
	write_piece(&program->ops[op], fd, -1, &board->results[op]);
	return 0;
}

_Noreturn static void play(void)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	board->pid = getpid();
	memset(board->fds, 0xff, sizeof board->fds);
	memset(board->watches, 0xff, sizeof board->watches);
	memset(board->table, 0, sizeof board->table);
	if (program_has(program, PASS)) {
		int pair[2];
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
		for (int i = 0; i < 2; i++) {
			dup2(pair[i], PASS_FD + i);
			close(pair[i]);
		}
	}
	if (program->no_stdin)
		close(0);
	take_signals(true);
	act(0, 0);
	end_process(0);
}

static void make_listeners(void)
{
	for (int c = 0; c < CONNS; c++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof a;
		int l = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(l, (struct sockaddr *)&a, len) != 0 || listen(l, 4) != 0 ||
		    getsockname(l, (struct sockaddr *)&a, &len) != 0 || dup2(l, LISTENER_FD + c) < 0) {
			warn("a listener");
			_exit(125);
		}
		if (l != LISTENER_FD + c)
			close(l);
		board->runner_port[c] = ntohs(a.sin_port);
	}
}

/* The runner: a process that is set up once and forks a child for each program, so that 100,000 programs need one
 * exec. */
int play_runner(void)
{
	struct rlimit none = { 0, 0 };
	struct message m = { .what = I_AM_READY };
	char byte;
	map_board();
	setrlimit(RLIMIT_CORE, &none);
	make_listeners();
	if (send(CONTROL_FD, &m, sizeof m, 0) != sizeof m)
		return 125;
	while (recv(CONTROL_FD, &byte, 1, 0) == 1) {
		m = (struct message){ .what = IT_IS_OVER, .value = -1 };
		pid_t pid = fork();
		if (pid == 0)
			play();
		wait_for(pid, &m.value);
		if (send(CONTROL_FD, &m, sizeof m, 0) != sizeof m)
			return 125;
	}
	return 0;
}
