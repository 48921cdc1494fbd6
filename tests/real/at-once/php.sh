. "$real/servers/php.sh"
at_once="HEAD 204 304 redirect events"
