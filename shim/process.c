#include "process.h"

#include <sys/mman.h>

#include "lock.h"
#include "own.h"
#include "pool.h"

atomic_uint process_epoch = 1;
atomic_uint process_forbids;
atomic_bool process_lent;
static atomic_bool forbidden_for_good, retired;

/* Lies in a page that is wiped in a forked child: 0 means a child that no fork handler has told so, made in a way that
 * no hook saw. */
struct owner {
	_Atomic pid_t process;
};
static struct owner *_Atomic owner;
static _Atomic pid_t began; /* The same, as long as there is no such page: most processes never need one. */

void process_copy_begins(void)
{
	atomic_fetch_add(&process_forbids, 1);
	atomic_fetch_add(&process_epoch, 1);
}

void process_copy_ended(void)
{
	atomic_fetch_add(&process_epoch, 1);
	atomic_fetch_sub(&process_forbids, 1);
}

void process_copy_left(void)
{
	atomic_fetch_add(&process_epoch, 1);
}

void process_forbid_memory(void)
{
	if (!atomic_exchange(&forbidden_for_good, true))
		atomic_fetch_add(&process_forbids, 1);
}

bool process_begin(void)
{
	atomic_store(&began, own_pid());
	lock_own_process(atomic_load(&began));
	return atomic_load(&began) > 0;
}

bool process_note_owner(void)
{
	struct owner *none = NULL, *mine;
	if (atomic_load(&owner) != NULL)
		return true;
	if (own_pid() != atomic_load(&began) || (mine = pool_pages(sizeof *mine)) == NULL)
		return false;
	atomic_store(&mine->process, own_pid());
	if (!atomic_compare_exchange_strong(&owner, &none, mine))
		munmap(mine, sizeof *mine);
	return true;
}

void process_retire(void)
{
	atomic_store(&retired, true);
}

bool process_is_borrowed(void)
{
	struct owner *o = atomic_load(&owner);
	if (atomic_load(&retired))
		return false;
	pid_t process = atomic_load(o != NULL ? &o->process : &began);
	return process != 0 && process != own_pid();
}

void process_own(void)
{
	struct owner *o = atomic_load(&owner);
	if (atomic_load(&retired))
		return;
	atomic_store(&began, own_pid());
	lock_own_process(atomic_load(&began));
	if (o != NULL)
		atomic_store(&o->process, atomic_load(&began));
	atomic_store(&process_forbids, atomic_load(&forbidden_for_good));
}
