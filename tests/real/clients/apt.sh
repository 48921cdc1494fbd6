# apt's http method, which sends GET requests.
packages=apt
runtime=C++
scenarios="get"
client() {
	set --
	for n in $(seq "$count"); do
		set -- "$@" "$url/file$n" "$work/file$n"
	done
	rm -f "$work"/file*
	run /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::http::Proxy=DIRECT download-file "$@"
}
