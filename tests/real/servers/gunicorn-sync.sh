# gunicorn's default worker, which has a connection for each exchange.
packages=python3-gunicorn
runtime=CPython
scenarios="small large chunked HEAD 304 redirect events stream"
server() { cd "$apps" && run /usr/bin/python3 -m gunicorn -b "127.0.0.1:$port" wsgi:application; }
