# bash's printf to /dev/tcp makes a write for each line.
packages=bash
runtime=C
scenarios=post
exchanges=4
cannot="writes by stdio, inside libc"
instead="write the request to a file, and send that with cat"
client() {
	# shellcheck disable=SC2016 # bash is to expand it
	run bash -c 'for n in $(seq "$2"); do
		exec 3<>"/dev/tcp/127.0.0.1/$1"
		printf "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello" >&3
		read -r answer <&3
		exec 3>&-
	done' bash "$port" "$count"
}
