# git push over HTTP to git-http-backend.
packages="git lighttpd"
runtime="C, libcurl"
scenarios="small large"
relay=yes
why_large="the pack comes from a pipe in small pieces, and an ACK between two of them pushes what MSG_MORE keeps"
bodies=large # its chunks have the sizes of reads from a pipe
exchanges=2
far_end() {
	rm -rf "$work/repository.git"
	git init -q --bare "$work/repository.git"
	git -C "$work/repository.git" config http.receivepack true
	printf '%s\n' "server.port = $far_port" 'server.bind = "127.0.0.1"' "server.document-root = \"$work\"" \
		'server.modules = ("mod_alias", "mod_cgi", "mod_setenv")' \
		'alias.url = ("/git" => "/usr/lib/git-core/git-http-backend")' 'cgi.assign = ("" => "")' \
		"setenv.set-environment = (\"GIT_PROJECT_ROOT\" => \"$work\", \"GIT_HTTP_EXPORT_ALL\" => \"1\")" \
		>"$work/git.conf"
	exec timeout -k 2 60 lighttpd -D -f "$work/git.conf"
}
client() {
	GIT_CONFIG_GLOBAL=/dev/null
	export GIT_CONFIG_GLOBAL
	rm -rf "$work/tree"
	git init -q "$work/tree" && cd "$work/tree" || return
	buffer=1M
	[ "$scenario" != large ] || buffer=64K
	for n in $(seq "$count"); do
		if [ "$scenario" = large ]; then
			openssl enc -aes-128-ctr -K "$n" -iv 0 -in /dev/zero 2>/dev/null | head -c 300000 >file
		else
			echo "$n" >file
		fi
		git add file
		GIT_AUTHOR_DATE='2023-11-14T22:13:20Z' GIT_COMMITTER_DATE='2023-11-14T22:13:20Z' \
			git -c user.name=onewrite -c user.email=onewrite@localhost commit -qm "$n" || return
		(run git -c http.postBuffer=$buffer push -q "$url/git/repository.git" HEAD:main) || return
	done
}
