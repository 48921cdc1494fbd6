# http.server --cgi: the server writes half of the head, and the child that it forks writes the rest and the body.
packages=python3
runtime=CPython
scenarios=cgi
hold=kernel
why_cgi="the fork between the two halves of the head lets go of the first"
ask_cgi=/cgi-bin/answer
server() {
	mkdir -p "$work/cgi-bin" && cp "$apps/cgi-answer" "$work/cgi-bin/answer" && cd "$work" &&
		run /usr/bin/python3 -m http.server --cgi -b 127.0.0.1 "$port"
}
