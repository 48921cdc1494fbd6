# transmission-daemon: libevent's evhttp, with a page that does not fit into one of its writes.
packages="transmission-daemon transmission-common"
runtime=C
mask="s/^Expires: .*/Expires: MASKED/" # a day after Date
scenarios="page index"
ask_page=/transmission/web/javascript/main.js
ask_index=/transmission/web/index.html
server() {
	run transmission-daemon -f -g "$work/transmission" -p "$port" -a 127.0.0.1 -T -M -O -c "$work" --log-error
}
