. "$real/servers/uvicorn.sh"
at_once="HEAD 204 304 redirect events continue"
