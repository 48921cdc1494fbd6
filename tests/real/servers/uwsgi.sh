# uWSGI writes head and body in two writes, without Content-Length unless the application gives one.
packages="uwsgi-core uwsgi-plugin-python3 python3"
runtime=C
scenarios="small large HEAD 204 304 redirect chunked events stream tokens"
server() {
	cd "$apps" &&
		run uwsgi_python3 --http-socket "127.0.0.1:$port" --master --processes 2 --need-app --disable-logging \
			--wsgi-file wsgi.py
}
