/* A preload that does nothing: what the loader takes for any library at all. */
const char bench_empty;
