packages=lynx
runtime=C
scenarios="get post"
exchanges=4
client() {
	for n in $(seq "$count"); do
		if [ "$scenario" = get ]; then
			(run lynx -dump "$url/$n") || return
		else
			(run lynx -dump -post_data "$url/$n" <"$files/small") || return
		fi
	done
}
