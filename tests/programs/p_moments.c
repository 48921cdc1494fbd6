/* A program whose library (lib_moments.c) writes before onewrite's constructor and after its destructor, for
 * tests/preload/secure.c. The program writes one message in between. */
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
