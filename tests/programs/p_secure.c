/* p_secure set-user-id|capability|plain runs with more privileges than its caller (plain: with the same), for
 * tests/preload/secure.c. As root it makes a mount namespace whose /etc/ld.so.preload names the libraries of
 * LD_PRELOAD, with a copy of the program in it. The user nobody runs that copy (plain: root). */
#include "p_common.h"
#include "number.h"

#include <dirent.h>
#include <link.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define COPY  "/etc/p_secure"
#define TRACE "/etc/trace"
enum { NOBODY = 65534 };

/* --- the copy --------------------------------------------------------------------------------- */

static int find_library(struct dl_phdr_info *info, size_t size, void *found)
{
	(void)size;
	*(int *)found |= strstr(info->dlpi_name, "/libonewrite.so") != NULL;
	return 0;
}

static int count_lines(const char *path)
{
	char piece[4096];
	int fd = open(path, O_RDONLY), lines = 0;
	ssize_t n;

	must(fd >= 0, path);
	while ((n = read(fd, piece, sizeof piece)) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += piece[i] == '\n';
	close(fd);
	return lines;
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	must(d != NULL, path);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/* expected: 1 if the library is to be loaded. If it were not loaded, nothing would be tested. */
static void be_secure(const char *expected)
{
	char body[200];
	int loaded = 0, fd = accept_peer(), mappings;

	dl_iterate_phdr(find_library, &loaded);
	report("secure: %lu, the library is there as wanted: %d\n", getauxval(AT_SECURE),
	       loaded == number("the libraries", expected, 0, 1));
	memset(body, 'b', sizeof body);
	count_entries("/proc/self/task"); /* so that the memory that this allocates is there before the count */
	mappings = count_lines("/proc/self/maps");
	must(write(fd, HEAD, 100) == 100 && write(fd, body, sizeof body) == sizeof body, "writing a message");
	mappings = count_lines("/proc/self/maps") - mappings;
	report("threads: %d, new mappings: %d\n", count_entries("/proc/self/task"), mappings);
}

/* --- the preparations ------------------------------------------------------------------------- */

/* Writes a file by stdio, because only the write() calls of the copy are to be counted. */
static void write_file(const char *path, const char *p, size_t n, mode_t mode)
{
	FILE *f = fopen(path, "w");

	must(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0 && chmod(path, mode) == 0, path);
}

static void copy_self(mode_t mode)
{
	struct stat status;
	int fd = open("/proc/self/exe", O_RDONLY);

	must(fd >= 0 && fstat(fd, &status) == 0, "opening the program");
	char *p = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	must(p != MAP_FAILED, "mapping the program");
	write_file(COPY, p, (size_t)status.st_size, mode);
	close(fd);
}

/* Gives the copy one file capability, which makes the kernel set AT_SECURE. It is one that the copy needs: the user
 * nobody may not read the library and write the log. */
static void give_capability(void)
{
	struct vfs_cap_data caps = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		                     .data[0].permitted = 1u << CAP_DAC_OVERRIDE };

	must(setxattr(COPY, "security.capability", &caps, XATTR_CAPS_SZ_2, 0) == 0, "setting a file capability");
}

static void set_stage(const char *how)
{
	char *preload = strdup(getenv("LD_PRELOAD"));

	for (char *p = preload; (p = strchr(p, ':')) != NULL;)
		*p = '\n';
	must(unshare(CLONE_NEWNS) == 0, "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "making mounts private");
	must(mount("none", "/etc", "tmpfs", 0, "mode=0777") == 0, "mounting over /etc");
	write_file("/etc/ld.so.preload", preload, strlen(preload), 0644);
	if (strcmp(how, "plain") != 0)
		write_file("/etc/onewrite.conf", "?", 1, 0644); /* a process that reads this file complains about it */
	copy_self(strcmp(how, "set-user-id") == 0 ? 04755 : 0755);
	if (strcmp(how, "capability") == 0)
		give_capability();
	free(preload);
}

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD");
	const char *expected = preload != NULL && strstr(preload, "/libonewrite.so") != NULL ? "1" : "0";
	int status;

	shared = shared_map(SHARED_FD);
	if (argc < 2)
		return 2;
	if (strcmp(argv[0], COPY) == 0) {
		be_secure(argv[1]);
		return 0;
	}
	set_stage(argv[1]);
	unsetenv("LD_PRELOAD");
	setenv("ONEWRITE_TRACE", TRACE, 1);
	if (fork() == 0) {
		if (strcmp(argv[1], "plain") != 0)
			must(setgid(NOBODY) == 0 && setuid(NOBODY) == 0, "becoming nobody");
		execl(COPY, COPY, expected, (char *)NULL);
		must(false, "exec");
	}
	must(wait(&status) > 0, "wait");
	report("its end: %d, the caller's file was written: %d\n", status, access(TRACE, F_OK) == 0);
	return 0;
}
