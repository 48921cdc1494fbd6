packages=erlang-inets
runtime=BEAM
scenarios="small large HEAD 304"
ask_static
server() {
	run erl -noinput -eval "application:ensure_all_started(inets), inets:start(httpd, [{port, $port},
		{bind_address, {127,0,0,1}}, {server_name, \"localhost\"}, {server_root, \"$work\"},
		{document_root, \"$files\"},
		{modules, [mod_get, mod_head]}])."
}
