# Programs that write once already: they gain nothing, so they may pay nothing. 200 bytes each, 32 connections. The
# program as it is and with the library take turns, each time another process, so that neither has the better layout of
# memory in all rounds; nothing is thrown away, the first round counts as the others do.
# shellcheck shell=sh disable=SC2154 # what run sets

section_already() {
	for program in nginx node apache lighttpd; do
		often="$program, which writes once, $many_rounds rounds"
		contend_often "$often" 32 <<END
as it is|$program-bare|
with the library|$program-message|
END
		sure already "$program: CPU time per response, with the library / as it is" \
			"$(ratios "$often" "with the library" "as it is" 5)" ratio '<=' 1.01
		sure already "$program: requests/s, with the library / as it is" \
			"$(ratios "$often" "with the library" "as it is")" ratio '>=' 0.99
	done
}
