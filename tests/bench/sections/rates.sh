# Requests per second, beside programs written right.
# shellcheck shell=sh disable=SC2154 # what run sets

section_throughput() {
	for body in 200 4096 65536; do
		contend "$body bytes, 32 connections" 32 <<END
bare split|bare|-b $body
TCP_NODELAY preload|nodelay|-b $body
native writev|bare|-m writev -b $body
native MSG_MORE|bare|-m more -b $body
shim (header)|header|-b $body
shim (message)|message|-b $body
$([ $body != 200 ] || echo "shim, kernel hold|kernel|-b $body
haproxy before bare split|haproxy|-b $body")
END
		contend_often "$body bytes, 32 connections, TCP_NODELAY" 32 <<END
native writev|bare|-d -m writev -b $body
shim (message)|message|-d -b $body
END
		often="$body bytes, 32 connections, $many_rounds rounds"
		contend_often "$often" 32 <<END
shim (header)|header|-b $body
native writev|bare|-m writev -b $body
shim (message)|message|-b $body
END
		figure throughput "$body bytes, 32 connections: shim / native writev" \
			"$(ratio "$often" "shim (message)" "native writev")" ratio '>=' 0.98
		figure throughput "$body bytes, 32 connections: shim / native writev, CPU time per response" \
			"$(ratio "$often" "shim (message)" "native writev" 5)" ratio
		figure throughput "$body bytes, 32 connections: shim (header) / native writev" \
			"$(ratio "$often" "shim (header)" "native writev")" ratio '>=' 0.98
		figure throughput "$body bytes, 32 connections, TCP_NODELAY: shim / native writev" \
			"$(ratio "$body bytes, 32 connections, TCP_NODELAY" "shim (message)" "native writev")" \
			ratio '>=' 0.98
	done
	figure throughput "200 bytes, 32 connections: shim / TCP_NODELAY preload" \
		"$(ratio "200 bytes, 32 connections" "shim (message)" "TCP_NODELAY preload")" ratio '>=' 1.3
	contend "200 bytes, 4 connections" 4 <<END
bare split|bare|
TCP_NODELAY preload|nodelay|
haproxy before bare split|haproxy|
native writev|bare|-m writev
shim (message)|message|
END
	figure throughput "200 bytes, 4 connections, Nagle: shim / bare" \
		"$(ratio "200 bytes, 4 connections" "shim (message)" "bare split")" ratio '>=' 300
	contend "200 bytes, 256 connections" 256 <<END
bare split|bare|
TCP_NODELAY preload|nodelay|
native writev|bare|-m writev
shim (message)|message|
END
	figure throughput "200 bytes, 256 connections: shim / native writev" \
		"$(ratio "200 bytes, 256 connections" "shim (message)" "native writev")" ratio
}

section_chunked() {
	contend "200 bytes chunked in three writes, 32 connections" 32 <<END
bare split|bare|-c
native MSG_MORE|bare|-c -m more
shim (header)|header|-c
shim (message)|message|-c
END
	often="200 bytes chunked in three writes, $many_rounds rounds"
	contend_often "$often" 32 <<END
native MSG_MORE|bare|-c -m more
shim (message)|message|-c
END
	figure throughput "chunked, Nagle, 32 connections: shim / native MSG_MORE" \
		"$(ratio "$often" "shim (message)" "native MSG_MORE")" ratio '>=' 0.95
	figure throughput "chunked, Nagle, 32 connections: shim / native MSG_MORE, CPU time per response" \
		"$(ratio "$often" "shim (message)" "native MSG_MORE" 5)" ratio
}
