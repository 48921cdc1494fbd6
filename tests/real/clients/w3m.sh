packages=w3m
runtime=C
scenarios="get"
exchanges=4
client() {
	for n in $(seq "$count"); do
		(run w3m -dump "$url/$n") || return
	done
}
