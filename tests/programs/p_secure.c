/* A program with more privileges than its caller: p_secure set-user-id|capability|plain. As root it prepares the
 * stage: a mount name space of its own, whose /etc/ld.so.preload names what was in LD_PRELOAD, and which has a copy
 * of the program. That copy is run by nobody. */
#include "p_common.h"

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

/* expected: 1 behind the shim. Were it not loaded, nothing would be tested. */
static void be_secure(const char *expected)
{
	char body[200];
	int loaded = 0, fd = accept_peer(), mappings;

	dl_iterate_phdr(find_library, &loaded);
	report("secure: %lu, the library is there as wanted: %d\n", getauxval(AT_SECURE), loaded == atoi(expected));
	memset(body, 'b', sizeof body);
	count_entries("/proc/self/task"); /* what it allocates is there before the count */
	mappings = count_lines("/proc/self/maps");
	must(write(fd, HEAD, 100) == 100 && write(fd, body, sizeof body) == sizeof body, "writing a message");
	mappings = count_lines("/proc/self/maps") - mappings;
	report("threads: %d, new mappings: %d\n", count_entries("/proc/self/task"), mappings);
}

/* --- the stage -------------------------------------------------------------------------------- */

/* By stdio: the calls that count are the copy's. */
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

/* Every capability that the rest of the test needs: the library and the log are not nobody's. */
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
		write_file("/etc/onewrite.conf", "?", 1, 0644); /* who reads it says so */
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
