# gunicorn's gthread worker, which keeps connections alive.
packages=python3-gunicorn
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() {
	cd "$apps" &&
		run /usr/bin/python3 -m gunicorn -b "127.0.0.1:$port" -k gthread --threads 2 \
			--keep-alive 20 wsgi:application
}
