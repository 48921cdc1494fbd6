"""POSTs on one kept-alive connection. Arguments: the URL, how many."""
import sys

import requests

session = requests.Session()
for _ in range(int(sys.argv[2])):
    session.post(sys.argv[1], json={"on": True, "pad": "x" * 177}, timeout=20).raise_for_status()
