# CUPS's lp sends some queries and a job. Each request has Expect: 100-continue, but most do not wait for the answer.
packages="cups-client python3"
runtime=C
scenarios="job large"
relay=connection
varies=yes # the body or the 100 Continue may come first
exchanges=4
why_job="a job is several requests, each answered"
why_large=$why_job
mask='s/localhost:[0-9]*/localhost:MASKED/g'
far_end() { exec timeout -k 2 60 /usr/bin/python3 "$apps/ipp_server.py" "$far_port"; }
client() {
	file=$files/small
	[ "$scenario" != large ] || file=$files/large
	for _ in $(seq "$count"); do
		(run lp -h "127.0.0.1:$port" -d printer "$file") || return
	done
}
