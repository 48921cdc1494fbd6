packages=wget
runtime=C
scenarios="get post large"
client() {
	case $scenario in
		get) set -- ;;
		post) set -- "--post-file=$files/small" ;;
		large) set -- "--post-file=$files/large" ;;
	esac
	for n in $(seq "$count"); do
		set -- "$@" "$url/state$n"
	done
	run wget -q -T 20 -t 1 -O "$work/answer" "$@"
}
