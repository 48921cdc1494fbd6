# svn, with Apache's mod_dav_svn as its server.
packages="subversion libapache2-mod-svn apache2-bin"
runtime="C, APR"
scenarios="commit"
relay=yes
exchanges=3
# The order of the properties is that of a hash, and differs from run to run.
mask='s/^(create-txn-with-props .*/PROPERTIES/; s/[0-9a-f-]\{36\}/UUID/g; s/[0-9]\{4\}-[0-9-]*T[0-9:.]*Z/DATE/g'
far_end() {
	rm -rf "$work/repository"
	svnadmin create "$work/repository"
	svnadmin setuuid "$work/repository" 00000000-0000-4000-8000-000000000000
	chmod -R a+w "$work/repository"
	{
		sed "s|@port@|$far_port|; s|@files@|$files|; s|@work@|$work|; /cgi/d" "$apps/apache.conf"
		echo 'LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so'
		echo 'LoadModule dav_svn_module /usr/lib/apache2/modules/mod_dav_svn.so'
		printf '<Location /svn>\nDAV svn\nSVNPath %s\n</Location>\n' "$work/repository"
	} >"$work/svn.conf"
	exec timeout -k 2 60 apache2 -X -d "$work" -f "$work/svn.conf"
}
client() {
	for n in $(seq "$count"); do
		(run svn --non-interactive --no-auth-cache --config-dir "$work/svn" -q -m "$n" mkdir "$url/svn/d$n") ||
			return
	done
}
