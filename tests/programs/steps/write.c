/* Steps of p_steps that write, by each call that can: by name, by system call number, and past every name. */
#include "steps.h"

#include <aio.h>
#include <execinfo.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static size_t pieces_of(const struct step *s, struct iovec *iov)
{
	size_t count = (size_t)s->pieces, each = s->size / count;

	for (size_t i = 0; i < count; i++)
		iov[i] = (struct iovec){ s->bytes + i * each, i + 1 < count ? each : s->size - i * each };
	return count;
}

static long do_write(const struct step *s)
{
	return write(fd, s->bytes, s->size);
}

static long do_writev(const struct step *s)
{
	struct iovec iov[IOV_MAX];

	return writev(fd, iov, (int)pieces_of(s, iov));
}

static long do_send(const struct step *s)
{
	return send(fd, s->bytes, s->size, s->flags);
}

static long do_sendto(const struct step *s)
{
	return sendto(fd, s->bytes, s->size, s->flags, NULL, 0);
}

static long do_sendmsg(const struct step *s)
{
	struct iovec iov[IOV_MAX];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = pieces_of(s, iov) };

	FILL_BESIDE_LENGTHS(m);
	return sendmsg(fd, &m, s->flags);
}

/* Sends one message for each piece. */
static long do_sendmmsg(const struct step *s)
{
	struct iovec iov[64];
	struct mmsghdr m[64] = { { .msg_hdr = { .msg_iov = NULL } } };
	size_t count = pieces_of(s, iov);
	long sent = 0, r;

	for (size_t i = 0; i < count; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	r = sendmmsg(fd, m, (unsigned)count, s->flags);
	for (long i = 0; i < r; i++)
		sent += m[i].msg_len;
	return r < 0 ? -1 : sent;
}

static long do_pwritev2(const struct step *s)
{
	struct iovec iov[64];

	return pwritev2(fd, iov, (int)pieces_of(s, iov), -1, 0);
}

extern __typeof__(write) __write;
extern __typeof__(send) __send __attribute__((weak)); /* newer ports of libc lack __send */

static long do_alias(const struct step *s)
{
	return strcmp(s->verb, "__write") == 0 ? __write(fd, s->bytes, s->size)
	                                       : (__send != NULL ? __send : send)(fd, s->bytes, s->size, s->flags);
}

/* Writes by system call number, through libc's syscall(). */
static long do_syscall(const struct step *s)
{
	struct iovec iov = { s->bytes, s->size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (strcmp(s->verb, "SYS_write") == 0)
		return syscall(SYS_write, fd, s->bytes, s->size);
	if (strcmp(s->verb, "SYS_writev") == 0)
		return syscall(SYS_writev, fd, &iov, 1);
	if (strcmp(s->verb, "SYS_sendto") == 0)
		return syscall(SYS_sendto, fd, s->bytes, s->size, s->flags, NULL, 0);
	return syscall(SYS_sendmsg, fd, &m, s->flags);
}

/* Writes by an inline system call. */
static long do_unseen(const struct step *s)
{
	return unseen(SYS_write, fd, (long)s->bytes, (long)s->size, 0, 0, 0);
}

#ifdef SYS_mmap2
#define RING_AT(offset) ((long)(offset) / 4096)
#else
#define RING_AT(offset) ((long)(offset))
#endif

/* Writes by an io_uring that the program sets up with inline system calls: the kernel writes, and no hook sees a
 * call. */
static long do_uring(const struct step *s)
{
	struct io_uring_params p = { .flags = 0 };
	int ring = (int)unseen(SYS_io_uring_setup, 1, (long)&p, 0, 0, 0, 0), keep = errno;
	char *sq, *cq;
	struct io_uring_sqe *sqe;

	must(ring >= 0, "io_uring_setup (kernel.io_uring_disabled must be 0)");
	sq = (char *)unseen(NUMBER_OF_MMAP, 0, p.sq_off.array + p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
	                    MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = (char *)unseen(NUMBER_OF_MMAP, 0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
	                    PROT_READ | PROT_WRITE, MAP_SHARED, ring, RING_AT(IORING_OFF_CQ_RING));
	sqe = (struct io_uring_sqe *)unseen(NUMBER_OF_MMAP, 0, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE,
	                                    MAP_SHARED, ring, RING_AT(IORING_OFF_SQES));
	*sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_SEND, .fd = fd, .addr = (uintptr_t)s->bytes, .len = (uint32_t)s->size
	};
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	must(unseen(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) == 1, "io_uring_enter");
	unseen(SYS_close, ring, 0, 0, 0, 0, 0);
	errno = keep;
	return ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
}

static long do_aio(const struct step *s)
{
	struct aiocb a = { .aio_fildes = fd, .aio_buf = s->bytes, .aio_nbytes = s->size };
	const struct aiocb *list[] = { &a };
	struct aiocb *all[] = { &a };

	if (strcmp(s->verb, "lio_listio") == 0) {
		a.aio_lio_opcode = LIO_WRITE;
		must(lio_listio(LIO_WAIT, all, 1, NULL) == 0, "lio_listio");
	} else
		must(aio_write(&a) == 0 && aio_suspend(list, 1, NULL) == 0, "aio_write");
	return without_errno(aio_return(&a));
}

/* Writes by the kernel's AIO, which libc has no functions for. */
static long do_io_submit(const struct step *s)
{
	struct iocb a = { .aio_lio_opcode = IOCB_CMD_PWRITE,
		          .aio_fildes = (uint32_t)fd,
		          .aio_buf = (uintptr_t)s->bytes,
		          .aio_nbytes = s->size },
		    *list[] = { &a };
	struct io_event done = { 0 };
	aio_context_t context = 0;

	must(syscall(SYS_io_setup, 1, &context) == 0, "io_setup");
	must(syscall(SYS_io_submit, context, 1, list) == 1, "io_submit");
	must(syscall(SYS_io_getevents, context, 1, 1, &done, NULL) == 1, "io_getevents");
	syscall(SYS_io_destroy, context);
	return (long)done.res;
}

/* Writes the name of an address that belongs to no library: "[0x8]" and a line end. */
static long do_backtrace(const struct step *s)
{
	extern void __backtrace_symbols_fd(void *const *addresses, int n, int to);
	void *address = (void *)8;

#ifdef __GLIBC__
	if (s->verb[0] == '_')
		__backtrace_symbols_fd(&address, 1, fd);
	else
		backtrace_symbols_fd(&address, 1, fd);
#else
	(void)s, (void)address;
#endif
	return 0;
}

static int file_of(const struct step *s)
{
	int file = memfd_create("body", MFD_CLOEXEC);

	must(pwrite(file, s->bytes, s->size, 0) == (ssize_t)s->size, "pwrite");
	return file;
}

static bool may_pass(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

static long do_sendfile(const struct step *s)
{
	int file = file_of(s);
	struct iovec iov[64];
	size_t count = pieces_of(s, iov);
	long sent = 0, r = 0;

	for (size_t i = 0; i < count && r >= 0; i++, sent += r < 0 ? 0 : r)
		do {
			r = strcmp(s->verb, "sendfile64") == 0 ? sendfile64(fd, file, NULL, iov[i].iov_len)
			                                       : sendfile(fd, file, NULL, iov[i].iov_len);
		} while (r < 0 && may_pass(errno) && (errno = ERRNO_BEFORE));
	close(file);
	return sent > 0 ? sent : r;
}

/* As a server that does not know how long its file is. */
static long do_sendfile_beyond(const struct step *s)
{
	int file = file_of(s);
	long r = sendfile(fd, file, NULL, s->size + 1000);

	close(file);
	return r;
}

static long do_splice(const struct step *s)
{
	struct iovec iov[64];
	size_t count = pieces_of(s, iov);
	int ends[2];
	long sent = 0, r = 0;

	must(pipe(ends) == 0, "pipe");
	syscall(SYS_write, ends[1], s->bytes, s->size);
	for (size_t i = 0; i < count && r >= 0; i++, sent += r < 0 ? 0 : r)
		r = splice(ends[0], NULL, fd, NULL, iov[i].iov_len, (unsigned)s->flags);
	close(ends[0]);
	close(ends[1]);
	return sent > 0 ? sent : r;
}

extern int __dprintf_chk(int to, int flag, const char *format, ...);
extern int __vdprintf_chk(int to, int flag, const char *format, va_list args);

static long print(const struct step *s, ...)
{
	va_list ap;
	long r;

	va_start(ap, s);
	r = s->verb[0] == 'v' ? vdprintf(fd, "%s", ap) : __vdprintf_chk(fd, 1, "%s", ap);
	va_end(ap);
	return r;
}

static long do_dprintf(const struct step *s)
{
	if (strstr(s->verb, "vdprintf") != NULL)
		return print(s, s->bytes);
	return s->verb[0] == '_' ? __dprintf_chk(fd, 1, "%s", s->bytes) : dprintf(fd, "%s", s->bytes);
}

/* Writes as careful programs do: until all bytes are taken, through short counts and errors that may pass. A result of
 * 0 is never correct. */
static long do_writeall(const struct step *s)
{
	size_t done = 0;

	while (done < s->size) {
		ssize_t r = s->pieces == 1 ? send(fd, s->bytes + done, s->size - done, s->flags)
		                           : writev(fd,
		                                    (struct iovec[]){ { s->bytes + done, 1 },
		                                                      { s->bytes + done + 1, s->size - done - 1 } },
		                                    2);
		if (r == 0 || r > (ssize_t)(s->size - done))
			return -2;
		if (r < 0 && !may_pass(errno))
			return -1;
		if (r < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);
		done += r < 0 ? 0 : (size_t)r;
		errno = r < 0 ? ERRNO_BEFORE : errno;
	}
	return (long)done;
}

/* Writes once and, if the call is refused, once more. */
static long do_again(const struct step *s)
{
	long r = write(fd, s->bytes, s->size);

	if (r >= 0)
		return r;
	report("refused: %s\n", strerrorname_np(errno));
	errno = ERRNO_BEFORE;
	return write(fd, s->bytes, s->size);
}

const struct verb write_verbs[] = {
	{ "write", do_write, BYTES },
	{ "writev", do_writev, BYTES },
	{ "send", do_send, BYTES },
	{ "sendto", do_sendto, BYTES },
	{ "sendmsg", do_sendmsg, BYTES },
	{ "sendmmsg", do_sendmmsg, BYTES },
	{ "sendfile", do_sendfile, BYTES },
	{ "sendfile64", do_sendfile, BYTES },
	{ "sendfile_beyond", do_sendfile_beyond, BYTES },
	{ "splice", do_splice, BYTES },
	{ "dprintf", do_dprintf, BYTES },
	{ "writeall", do_writeall, BYTES },
	{ "again", do_again, BYTES },
	{ "pwritev2", do_pwritev2, BYTES },
	{ "__write", do_alias, BYTES },
	{ "__send", do_alias, BYTES },
	{ "SYS_write", do_syscall, BYTES },
	{ "SYS_writev", do_syscall, BYTES },
	{ "SYS_sendto", do_syscall, BYTES },
	{ "SYS_sendmsg", do_syscall, BYTES },
	{ "unseen", do_unseen, BYTES },
	{ "uring", do_uring, BYTES },
	{ "aio_write", do_aio, BYTES },
	{ "lio_listio", do_aio, BYTES },
	{ "vdprintf", do_dprintf, BYTES },
	{ "SYS_io_submit", do_io_submit, BYTES },
	{ "backtrace", do_backtrace, 0 },
	{ "__backtrace", do_backtrace, 0 },
	{ "__dprintf_chk", do_dprintf, BYTES },
	{ "__vdprintf_chk", do_dprintf, BYTES },
	{ NULL, NULL, 0 },
};
