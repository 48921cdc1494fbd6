packages=python3-aiohttp
runtime=CPython
# The boundary of a multipart body is random.
mask='s/[0-9a-f]\{32\}/BOUNDARY/g; s/^Sec-WebSocket-Key: .*/KEY/'
title="Everything that aiohttp 3.12's change did"
scenarios="post reuse json large chunked compressed form file continue upgrade"
than="aiohttp 3.12"
# aiohttp 3.12 sends the head with the first piece of the body, and each further piece by itself.
for each in post=1 reuse=1 json=1 large=139 chunked=4 compressed=2 form=5 file=1 continue=2 upgrade=1; do
	eval "reference_$each"
done
client() { run /usr/bin/python3 "$apps/client.py" aiohttp "$scenario" "$url/state" "$count"; }
