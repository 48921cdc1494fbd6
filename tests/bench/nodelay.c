/* What people preload today: TCP_NODELAY on every TCP socket. Cures the stall, and still sends two segments. */
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int without_delay(int fd)
{
	int one = 1;
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

int accept(int listener, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	static __typeof__(accept) *real;
	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "accept");
	return without_delay(real(listener, addr, len));
}

int accept4(int listener, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
	static __typeof__(accept4) *real;
	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "accept4");
	return without_delay(real(listener, addr, len, flags));
}
