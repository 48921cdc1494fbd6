# The default worker; a connection for each exchange.
packages=python3-gunicorn
server() { cd "$apps" && run /usr/bin/python3 -m gunicorn -b "127.0.0.1:$port" wsgi:application; }
