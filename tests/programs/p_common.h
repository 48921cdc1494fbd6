/* What every program under test uses for its side of peer.h: it reports results to the harness, makes connections and
 * draws body bytes. */
#ifndef P_COMMON_H
#define P_COMMON_H

#include "peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/socket.h>

/* The memory that the program shares with the harness. Weak, so that all objects of a program, or of a library, have
 * one variable. */
__attribute__((weak, visibility("hidden"))) struct shared *shared;

/* Sends one packet to the harness: a line of results, or '>' and bytes that the peer is to send, or '!' and a command
 * for the peer. It uses syscall() and not write(), so that no preloaded library counts it as a write of the program. */
static inline void report_bytes(const char *p, size_t n)
{
	syscall(SYS_write, REPORT_FD, p, n);
}

static inline void __attribute__((format(printf, 1, 2))) report(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	report_bytes(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	report("%s failed: %s\n", what, strerrorname_np(errno));
	exit(3);
}

/* Accepts the next connection from the peer. Reports its number, so that the harness knows which calls in the
 * recorder's log belong to it. */
static inline int accept_peer(void)
{
	int fd = accept(LISTENER_FD, NULL, NULL);

	must(fd >= 0, "accept");
	report("fd=%d", fd);
	return fd;
}

/* Makes a connection within this process, for a test in which the peer has no part. Returns the accepted end; *client
 * is the other one. */
static inline int accept_own(int *client)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	must(bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 1) == 0, "listen");
	getsockname(listener, (struct sockaddr *)&at, &size);
	*client = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(*client, (struct sockaddr *)&at, size) == 0, "connect");
	fd = accept(listener, NULL, NULL);
	must(fd >= 0, "accept");
	close(listener);
	return fd;
}

/* Waits until the peer has received all that was written. False: it has not after 400 ms, which is well before a hold
 * of HOLD_LONG (harness.h) ends. */
static inline bool peer_has_all(void)
{
	int64_t until = now_ns() + INT64_C(400000000);

	while (atomic_load(&shared->received) < atomic_load(&shared->written)) {
		if (now_ns() > until)
			return false;
		sleep_us(100);
	}
	return true;
}

/* Makes a system call by the machine's own instruction, as libc does inside fclose() or a program may do by itself: no
 * hook sees it. Returns the result as libc's functions do: -1 and errno for an error. */
static inline long unseen(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
	                 : "+a"(number)
	                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
			 x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	number = x0;
#elif defined(__i386__)
	long all[] = { number, a, b, c, d, e, f }, *at = all;
	__asm__ volatile(
		"pushl %%ebx; pushl %%ebp; movl 4(%%eax), %%ebx; movl 8(%%eax), %%ecx; movl 12(%%eax), %%edx;"
		"movl 16(%%eax), %%esi; movl 20(%%eax), %%edi; movl 24(%%eax), %%ebp; movl (%%eax), %%eax; int $0x80;"
		"popl %%ebp; popl %%ebx"
		: "+a"(at)
		:
		: "ecx", "edx", "esi", "edi", "cc", "memory");
	number = (long)at;
#elif defined(__arm__) /* r7 may be the frame pointer, which no operand may name */
	register long r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c, r3 __asm__("r3") = d,
			 r4 __asm__("r4") = e, r5 __asm__("r5") = f, r6 __asm__("r6") = number;
	__asm__ volatile("push {r7}; mov r7, r6; svc 0; pop {r7}"
	                 : "+r"(r0)
	                 : "r"(r6), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
	                 : "memory");
	number = r0;
#elif defined(__riscv)
	register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c,
			 a3 __asm__("a3") = d, a4 __asm__("a4") = e, a5 __asm__("a5") = f;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
	number = a0;
#elif defined(__powerpc64__)
	register long r0 __asm__("r0") = number, r3 __asm__("r3") = a, r4 __asm__("r4") = b, r5 __asm__("r5") = c,
			 r6 __asm__("r6") = d, r7 __asm__("r7") = e, r8 __asm__("r8") = f;
	__asm__ volatile("sc; bns+ 1f; neg 3, 3; 1:"
	                 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
	                 :
	                 : "cr0", "ctr", "r9", "r10", "r11", "r12", "memory");
	number = r3;
#elif defined(__s390x__)
	register long r1 __asm__("r1") = number, r2 __asm__("r2") = a, r3 __asm__("r3") = b, r4 __asm__("r4") = c,
			 r5 __asm__("r5") = d, r6 __asm__("r6") = e, r7 __asm__("r7") = f;
	__asm__ volatile("svc 0" : "+r"(r2) : "r"(r1), "r"(r3), "r"(r4), "r"(r5), "r"(r6), "r"(r7) : "memory");
	number = r2;
#else
#error "a system call for this machine"
#endif
	if (number >= 0 || number < -4095)
		return number;
	errno = (int)-number;
	return -1;
}

static inline void set_int(int fd, int level, int name, int value)
{
	must(setsockopt(fd, level, name, &value, sizeof value) == 0, "setsockopt");
}

/* Writes HEAD with a field whose name is another one for each n. The library does not hold the next head of a kind
 * after one of that kind has met its deadline; heads with other field names are of another kind. */
static inline void write_head_of_kind(int fd, unsigned n)
{
	char head[] = HEAD;
	char *name = strchr(head, '\n') + 1;

	name[0] = 'q';
	for (int i = 3; i > 0; i--, n /= 26)
		name[i] = (char)('a' + n % 26);
	must(write(fd, head, sizeof head - 1) == sizeof head - 1, "writing a head");
}

#endif
