/* What a machine may lack or not allow. A row that needs it is skipped, by name: tests/check repeats it at the end and
 * counts it, for a skip is no pass. */
#ifndef MACHINE_H
#define MACHINE_H

enum machine_part {
	NOTHING_RARE,      /* of a row: it runs on every machine */
	MOUNT_NAMESPACE,   /* not in a chroot, nor in most containers */
	NETWORK_NAMESPACE, /* whose settings may be written: root, or name spaces of users */
	PID_NAMESPACE,     /* with privileges: root */
	TIME_NAMESPACE,    /* Linux 5.6, and root */
	FILE_CAPABILITIES, /* root, or name spaces of users */
	SET_USER_ID,       /* programs with more privileges than their callers: root, and a mount namespace */
};

/* Ends the test in progress: this row cannot be here. */
void machine_skip(const char *row, const char *why);
/* The same where the machine has no such part. */
void machine_needs(enum machine_part part, const char *row);

#endif
