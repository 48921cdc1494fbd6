"""Sends POSTs on one kept-alive connection, prints how many were answered 200. Arguments: the port, how many, how."""
import http.client
import sys

from answers import LARGE, PIECES

SMALL = b'{"on": true, "pad": "' + b"x" * 177 + b'"}'
scenario = sys.argv[3]
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
accepted = 0
for _ in range(int(sys.argv[2])):
    if scenario == "get":
        connection.request("GET", "/state")
    elif scenario == "chunked":
        connection.request("POST", "/state", body=iter(PIECES), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
    else:
        connection.request("POST", "/state", body=LARGE if scenario == "large" else SMALL)
    response = connection.getresponse()
    response.read()
    accepted += response.status == 200
print(f"accepted={accepted}")
