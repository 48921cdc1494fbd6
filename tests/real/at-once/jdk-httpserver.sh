. "$real/servers/jdk-httpserver.sh"
at_once="HEAD 204 304 redirect events continue"
