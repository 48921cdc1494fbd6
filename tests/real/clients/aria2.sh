packages=aria2
runtime=C++
scenarios="get"
client() {
	set --
	for n in $(seq "$count"); do
		set -- "$@" "$url/file$n"
	done
	run aria2c -q -Z -j 1 --no-conf --allow-overwrite=true --dht-file-path="$work/dht" -d "$work" "$@"
}
