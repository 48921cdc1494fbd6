packages=python3-aiohttp
runtime=CPython
title="Everything that aiohttp 3.12's change did"
scenarios="small json large HEAD 304 redirect sized chunked one_chunk compressed chunked_compressed file
	continue upgrade events stream tokens"
ask_json=/json
ask_sized=/sized
ask_one_chunk=/one_chunk
ask_chunked_compressed=/chunked_compressed
than="aiohttp 3.12"
# aiohttp 3.12 joins the head of a Response with its body, and sends that of a StreamResponse or FileResponse at once.
for each in small=1 json=1 large=139 HEAD=1 304=1 redirect=1 sized=4 chunked=5 one_chunk=2 compressed=1 \
	chunked_compressed=3 file=2 continue=2 upgrade=1; do
	eval "reference_$each"
done
server() { run /usr/bin/python3 "$apps/aiohttp_server.py" "$port"; }
