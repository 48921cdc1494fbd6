/* A program whose library writes before the shim's constructor and after its destructor: one message in between. */
#include "p_common.h"

void lib_moments(void);

int main(void)
{
	char body[200];
	int fd = accept_peer();

	lib_moments();
	closefrom(fd + 1);
	memset(body, 'b', sizeof body);
	must(write(fd, HEAD, 100) == 100 && write(fd, body, sizeof body) == sizeof body, "writing a message");
	return 0;
}
