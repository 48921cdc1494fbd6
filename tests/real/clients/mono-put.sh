# Mono's HttpWebRequest, whose uploads ask for 100 Continue unless they are told not to. The runtime aborts once in
# some fifty runs, bare as well (SIGABRT), and nearly always under strace unless threads are suspended cooperatively.
packages="mono-runtime mono-mcs libmono-system4.0-cil"
runtime=Mono
scenarios="put pieces continue continue_pieces"
why_put="the runtime compiles code between head and body of the first request, longer than the timeout"
why_pieces=$why_put
why_continue=$why_put
why_continue_pieces=$why_put
client() {
	[ -f "$work/Put.exe" ] || mcs -out:"$work/Put.exe" "$apps/Put.cs" || return
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		status=0
		run env -C "$work" MONO_THREADS_SUSPEND=coop mono "$work/Put.exe" "$url/state" "$count" "$scenario" ||
			status=$?
		[ $status -eq 134 ] || return $status
	done
	return 1
}
