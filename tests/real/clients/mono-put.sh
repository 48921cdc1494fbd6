# Mono's HttpWebRequest, whose uploads ask for 100 Continue unless they are told not to. Mono suspends its threads by
# signals, and aborts when strace delays these; with cooperative suspension it does not.
packages="mono-runtime mono-mcs libmono-system4.0-cil"
runtime=Mono
scenarios="put pieces continue continue_pieces"
client() {
	[ -f "$work/Put.exe" ] || mcs -out:"$work/Put.exe" "$apps/Put.cs" || return
	run env MONO_THREADS_SUSPEND=coop mono "$work/Put.exe" "$url/state" "$count" "$scenario"
}
