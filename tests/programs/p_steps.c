/* p_steps carries out the calls named on its command line, one after the other, and reports what each returned, for
 * most suites of tests/preload:
 *
 *	p_steps write='HTTP/1.1 200 OK...' send+MSG_NOSIGNAL=*200 close
 *
 * A step is VERB[/PIECES][+FLAG...][=ARGUMENT]. Bytes to write are the argument itself, or *N for the next N bytes of
 * the endless body. A forked child carries out `child:STEP`. The connection is accepted when a step first needs it. */
#include "steps/steps.h"

#include <sched.h>
#include <signal.h>

char **args;
const char *self;
int fd = -1;
bool stops;

static const struct verb *const families[] = { write_verbs,   read_verbs,         descriptor_verbs,
	                                       option_verbs,  socket_verbs,       stream_verbs,
	                                       process_verbs, surroundings_verbs, serve_verbs };

static void need_fd(void)
{
	if (fd < 0)
		fd = accept_peer();
}

static const struct {
	const char *name;
	int bit;
} flag_bits[] = {
	{ "MSG_MORE", MSG_MORE },         { "MSG_NOSIGNAL", MSG_NOSIGNAL }, { "MSG_DONTWAIT", MSG_DONTWAIT },
	{ "MSG_OOB", MSG_OOB },           { "MSG_PEEK", MSG_PEEK },         { "MSG_ZEROCOPY", MSG_ZEROCOPY },
	{ "MSG_FASTOPEN", MSG_FASTOPEN },
};

static const struct verb *parse(struct step *s, const char *text)
{
	size_t n = strcspn(text, "/+=");
	const char *equals = strchr(text, '='), *end = equals != NULL ? equals : text + strlen(text);

	*s = (struct step){ .pieces = 1, .argument = equals != NULL ? equals + 1 : "" };
	memcpy(s->verb, text, n < sizeof s->verb ? n : sizeof s->verb - 1);
	if (text[n] == '/') {
		char pieces[12];
		snprintf(pieces, sizeof pieces, "%.*s", (int)strcspn(text + n + 1, "+="), text + n + 1);
		s->pieces = (int)number(s->verb, pieces, 1, INT_MAX);
	}
	for (size_t i = 0; i < sizeof flag_bits / sizeof *flag_bits; i++)
		if (memmem(text, (size_t)(end - text), flag_bits[i].name, strlen(flag_bits[i].name)) != NULL)
			s->flags |= flag_bits[i].bit;
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		for (const struct verb *v = families[i]; v->name != NULL; v++)
			if (strcmp(v->name, s->verb) == 0)
				return v;
	report("no such step: %s\n", s->verb);
	exit(3);
}

static void draw_bytes(struct step *s)
{
	bool body = s->argument[0] == '*';

	s->size = body ? (size_t)natural(s->verb, s->argument + 1) : strlen(s->argument);
	s->bytes = calloc(1, s->size + 1);
	if (body)
		body_fill(shared, s->bytes, s->size);
	else
		memcpy(s->bytes, s->argument, s->size);
}

static void do_step(const char *text)
{
	struct step s;
	const struct verb *v = parse(&s, text);
	long r;

	if (!(v->kind & ADOPT))
		need_fd();
	if (v->kind & BYTES)
		draw_bytes(&s);
	errno = ERRNO_BEFORE;
	r = v->run(&s);
	if (v->kind & BYTES && r > 0)
		atomic_fetch_add(&shared->written, (uint64_t)r);
	if (errno != ERRNO_BEFORE && strcmp(s.verb, "await") != 0)
		report("%s = %ld, errno %s\n", s.verb, r, strerrorname_np(errno));
	else
		report("%s = %ld\n", s.verb, r);
	if (stops && r < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ETIMEDOUT) &&
	    strcmp(s.verb, "await") != 0)
		exit(0);
	if (!(s.flags & MSG_ZEROCOPY)) /* the kernel may read the bytes later */
		free(s.bytes);
}

static int clone_child(void *step)
{
	do_step(step);
	_exit(0);
}

/* Has a child carry out the step in "child:STEP", or in one of the other forms, which name how the child is made.
 * False: the text is none of these. */
static bool do_child(const char *text)
{
	static const char *const ways[] = { "child:", "_Fork:", "clone:", "clone-vm:", "SYS_fork:" };
	char stack[256 * 1024] __attribute__((aligned(16))); /* ASan knows no other stack */
	size_t way = 0;
	char *step;
	pid_t pid;

	while (way < 5 && strncmp(text, ways[way], strlen(ways[way])) != 0)
		way++;
	if (way == 5)
		return false;
	need_fd();
	step = (char *)text + strlen(ways[way]);
	pid = way == 0   ? fork()
	      : way == 1 ? _Fork()
	      : way == 2 ? clone(clone_child, stack + sizeof stack, SIGCHLD, step)
	      : way == 3 ? clone(clone_child, stack + sizeof stack, SIGCHLD | CLONE_VM, step)
	                 : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		clone_child(step);
	report("child = %ld\n", reap(pid));
	return true;
}

int main(int argc, char **argv)
{
	(void)argc;
	self = argv[0];
	shared = shared_map(SHARED_FD);
	for (args = argv; args[1] != NULL; args++)
		if (strncmp(args[1], "fd=", 3) == 0)
			fd = (int)number("fd", args[1] + 3, -1, INT_MAX);
		else if (!do_child(args[1]))
			do_step(args[1]);
	return 0;
}
