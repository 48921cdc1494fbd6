# Varnish, which answers from its cache what it may cache.
packages="varnish python3-aiohttp"
runtime=C
varies=yes
scenarios="small large chunked HEAD 304 redirect continue events stream"
behind=yes
bodies=chunked # it has a Content-Length instead once Varnish has all of it from the backend
mask='s/^X-Varnish: .*/X-Varnish: MASKED/; s/^Age: .*/Age: MASKED/'
server() {
	printf '%s\n' 'vcl 4.1;' "backend default { .host = \"127.0.0.1\"; .port = \"$backend\"; }" \
		'sub vcl_recv { if (req.url ~ "stream|events") { return (pass); } }' >"$work/varnish.vcl"
	run varnishd -F -n "$work/varnish" -a "127.0.0.1:$port" -f "$work/varnish.vcl" -s malloc,64m
}
