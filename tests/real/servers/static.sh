# A C server (tests/programs/legacy.c) that is linked statically.
packages="libc6-dev gcc"
runtime=C
scenarios="small"
cannot="a static binary has no libc to stand in front of"
instead="link it dynamically, or put a proxy in front that joins"
version() { echo 1; }
server() { cc -static -D_GNU_SOURCE -o "$work/legacy" "$apps/../../programs/legacy.c" && run "$work/legacy" "$port"; }
