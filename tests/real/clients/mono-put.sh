# Mono's HttpWebRequest, whose uploads ask for 100 Continue unless told not to.
packages="mono-runtime mono-mcs libmono-system4.0-cil"
runtime=Mono
scenarios="put pieces continue continue_pieces"
client() {
	[ -f "$work/Put.exe" ] || mcs -out:"$work/Put.exe" "$apps/Put.cs" || return
	run mono "$work/Put.exe" "$url/state" "$count" "$scenario"
}
