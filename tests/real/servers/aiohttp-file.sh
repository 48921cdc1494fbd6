# A FileResponse: the head, then sendfile.
. "$real/servers/aiohttp.sh"
shape=sendfile
path=/file
