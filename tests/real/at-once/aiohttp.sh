. "$real/servers/aiohttp.sh"
at_once="HEAD 204 304 redirect events continue upgrade"
