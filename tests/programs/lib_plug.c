/* A plugin that only p_names can find, by the program's own run path. It has a function of liburing's name in it. */
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
