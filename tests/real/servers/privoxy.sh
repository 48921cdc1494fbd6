# Privoxy as a proxy with its filters off, and the page that Privoxy itself serves.
packages="privoxy python3-aiohttp"
runtime=C
bodies=text
scenarios="small large chunked HEAD 304 redirect text events stream"
behind=yes
for each in small large chunked 304:fresh redirect:moved events stream; do
	eval "ask_${each%:*}=http://127.0.0.1:\\\$backend/${each#*:}"
done
ask_HEAD='--method HEAD http://127.0.0.1:$backend/small'
ask_text=http://config.privoxy.org/robots.txt
server() {
	printf '%s\n' "listen-address 127.0.0.1:$port" "confdir /etc/privoxy" "logdir $work" 'enforce-blocks 0' \
		"keep-alive-timeout 20" >"$work/privoxy.conf"
	run privoxy --no-daemon "$work/privoxy.conf"
}
