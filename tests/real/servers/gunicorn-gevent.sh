packages="python3-gunicorn python3-gevent"
runtime=CPython
scenarios="small large chunked HEAD 304 redirect events stream"
server() {
	cd "$apps" &&
		run /usr/bin/python3 -m gunicorn -b "127.0.0.1:$port" -k gevent --keep-alive 20 wsgi:application
}
