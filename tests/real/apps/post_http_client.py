"""POSTs on one kept-alive connection; prints how many were answered 200. Arguments: the port, how many."""
import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
accepted = 0
for _ in range(int(sys.argv[2])):
    connection.request("POST", "/state", body=b'{"on": true, "pad": "' + b"x" * 177 + b'"}')
    response = connection.getresponse()
    response.read()
    accepted += response.status == 200
print(f"accepted={accepted}")
