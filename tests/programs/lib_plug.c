/* A plugin, which p_names alone can find: by its own run path. It has a ring's library in it. */
int io_uring_setup(unsigned entries, void *parameters);
int io_uring_setup(unsigned entries, void *parameters)
{
	(void)parameters;
	return (int)entries + 70;
}

int lib_plug(void);
int lib_plug(void)
{
	return io_uring_setup(7, 0);
}
