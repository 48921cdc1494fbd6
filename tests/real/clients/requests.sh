packages=python3-requests
runtime=CPython
# The boundary of a multipart body is random.
mask='s/[0-9a-f]\{32\}/BOUNDARY/g'
scenarios="post json large chunked form"
client() { run /usr/bin/python3 "$apps/client.py" requests "$scenario" "$url/state" "$count"; }
