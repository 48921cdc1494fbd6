packages="tinyproxy-bin python3-aiohttp"
runtime=C
varies=yes
scenarios="small large chunked HEAD 304 redirect events stream"
behind=yes
for each in small large chunked 304:fresh redirect:moved events stream; do
	eval "ask_${each%:*}=http://127.0.0.1:\\\$backend/${each#*:}"
done
ask_HEAD='--method HEAD http://127.0.0.1:$backend/small'
server() {
	printf 'Port %s\nListen 127.0.0.1\nMaxClients 20\nTimeout 30\n' "$port" >"$work/tinyproxy.conf"
	run tinyproxy -d -c "$work/tinyproxy.conf"
}
