packages=python3
runtime=CPython
scenarios=call
ask_call="--method POST --body 200 /"
server() { run /usr/bin/python3 "$apps/xmlrpc_server.py" "$port"; }
