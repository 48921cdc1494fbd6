# curl -d writes head and body together itself. With -T, curl waits for 100 Continue after the head, unless an empty
# "Expect:" forbids that.
packages=curl
runtime=C
scenarios="get post large upload chunked upload_chunked form continue continue_chunked continue_large"
# The boundary of a multipart body is random.
mask='s/-\{24\}[0-9A-Za-z]\{16,22\}/BOUNDARY/'
client() {
	each=$url/state[1-$count]
	case $scenario in
		get) run curl -sSf -m 20 "$each" ;;
		post) run curl -sSf -m 20 -d "@$files/small" "$each" ;;
		large) run curl -sSf -m 20 -H Expect: -d "@$files/large" "$each" ;;
		upload) run curl -sSf -m 20 -H Expect: -T "$files/small" "$each" ;;
		chunked) run curl -sSf -m 20 -H "Transfer-Encoding: chunked" -d "@$files/small" "$each" ;;
		upload_chunked)
			run curl -sSf -m 20 -H Expect: -H "Transfer-Encoding: chunked" -T "$files/small" "$each"
			;;
		form) run curl -sSf -m 20 -F "file=@$files/small" "$each" ;;
		continue) run curl -sSf -m 20 -H "Expect: 100-continue" -T "$files/small" "$each" ;;
		continue_chunked)
			run curl -sSf -m 20 -H "Expect: 100-continue" -H "Transfer-Encoding: chunked" \
				-T "$files/small" "$each"
			;;
		continue_large) run curl -sSf -m 20 -H "Expect: 100-continue" -T "$files/large" "$each" ;;
	esac
}
