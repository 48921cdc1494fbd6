/* What a machine may lack or forbid. A row that needs it is skipped by its name: tests/check repeats the name at the
 * end and counts it, because a skipped row has not passed. */
#ifndef MACHINE_H
#define MACHINE_H

enum machine_part {
	NOTHING_RARE,      /* the row runs on every machine */
	MOUNT_NAMESPACE,   /* neither in a chroot nor in most containers */
	NETWORK_NAMESPACE, /* with settings that may be written: root, or user namespaces */
	PID_NAMESPACE,     /* with privileges: root */
	TIME_NAMESPACE,    /* Linux 5.6, and root */
	FILE_CAPABILITIES, /* root, or user namespaces */
	SET_USER_ID,       /* programs with more privileges than their callers: root, and a mount namespace */
};

/* Skips the test in progress: this row is impossible here. */
void machine_skip(const char *row, const char *why);
/* Skips it if the machine lacks this part. */
void machine_needs(enum machine_part part, const char *row);

#endif
