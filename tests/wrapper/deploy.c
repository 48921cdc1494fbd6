/* Proves that the recipes of docs/deploy.md switch the library on: each test takes a recipe out of the page, puts paths
 * and a port of its own into it, and uses it. */
#include "machine.h"
#include "recipes.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE 65
#endif

RECIPE_TEST(first_try)
{
	take_recipe("first-try", "try");
	check("sh -e ./try >said && grep -q '^yes: ' said && grep -qx 'it starts' said || { cat said; exit "
	      "1; }");
}

/* --- systemd ---------------------------------------------------------------------------------- */

/* Checks units as systemd reads them. It exits with 0 where it ignores a line, and says so. */
#define VERIFY(units) \
	"systemd-analyze verify --man=no " units " >said 2>&1 || { cat said; exit 1; }; ! grep \"$PWD\" said\n"

/* For a shell command: `values KEY FILE` prints the values of a key of a unit file. */
#define VALUES "values() { sed -n \"s/^$1=//p\" \"$2\"; }; "

RECIPE_TEST(systemd_service)
{
	must_have("systemd-analyze", "systemd");
	take_recipe("systemd-unit", "web.service");
	check("mkdir web.service.d; " VERIFY("\"$PWD/web.service\""));
	take_recipe("systemd-drop-in", "web.service.d/onewrite.conf");
	take_recipe("systemd-trace", "web.service.d/trace.conf");
	check(VERIFY("\"$PWD/web.service\""));
	check("echo Nonsense=1 >>web.service.d/trace.conf; ! (" VERIFY("\"$PWD/web.service\"") ") >/dev/null");
	serve(VALUES "grep -q ONEWRITE_TRACE=/.*/onewrite.trace web.service.d/trace.conf; exec env "
	             "$(values Environment web.service.d/onewrite.conf) $(values ExecStart web.service) >log 2>&1");
	check(JOINED);
}

#define CALLS "'" SOURCE_DIR "/tests/wrapper/deploy/calls'"

/* Runs the service where only these calls are allowed; `edit` is a filter for their list. */
static void serve_filtered(const char *edit)
{
	char command[512];
	snprintf(command, sizeof command,
	         CALLS " | %s | sed 's/.*/#ifdef __NR_&\\nALLOW(__NR_&)\\n#endif/' >allowed.h; "
	               "cc -I. -o filter '" SOURCE_DIR "/tests/wrapper/deploy/filter.c'",
	         edit);
	check(command);
	serve(VALUES "exec ./filter env $(values Environment onewrite.conf) $(values ExecStart web.service) >log 2>&1");
}

static void take_service(void)
{
	must_have("systemd-analyze", "systemd");
	take_recipe("systemd-unit", "web.service");
	take_recipe("systemd-drop-in", "onewrite.conf");
	check("grep -qx SystemCallFilter=@system-service web.service");
}

/* The filter of the recipe allows each call that the manual page names. */
RECIPE_TEST(systemd_calls)
{
	take_service();
	check(CALLS
	      " >allowed; sed -n '/^\\.It System calls/,/^\\.El/s/^\\.Fn \\([a-z0-9_]*\\).*/\\1/p' '" SOURCE_DIR
	      "/docs/man/libonewrite.8' | sort -u >calls; [ $(wc -l <calls) -gt 40 ] && ! grep -vxFf allowed calls");
	serve_filtered("cat");
	check(JOINED);
}

/* Where the filter refuses a call that the library needs, the service runs as without the library. */
RECIPE_TEST(systemd_calls_refused)
{
	take_service();
	serve_filtered("grep -vx writev");
	check("! grep -q ' keep ' trace && grep -q /libonewrite.so /proc/$SERVER/maps");
}

/* The service works where no memory may become executable and no program gains privileges. */
RECIPE_TEST(systemd_memory)
{
	take_service();
	cr_assert(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0)
		machine_skip("MemoryDenyWriteExecute", "the kernel has no PR_SET_MDWE");
	serve(VALUES "exec env $(values Environment onewrite.conf) $(values ExecStart web.service) >log 2>&1");
	check(JOINED);
}

RECIPE_TEST(systemd_sockets)
{
	must_have("systemd-socket-activate", "systemd");
	take_recipe("systemd-socket", "page.socket");
	take_recipe("systemd-instance", "page@.service");
	check(VERIFY("\"$PWD/page.socket\" \"$PWD/page@.service\""));
	serve(VALUES "exec systemd-socket-activate --accept --inetd -l $(values ListenStream page.socket) "
	             "-E ONEWRITE_TRACE -E ONEWRITE_TIMEOUT -E $(values Environment page@.service) $(values ExecStart "
	             "page@.service) 2>log");
	check(JOINED);
}

/* --- containers ------------------------------------------------------------------------------- */

RECIPE_TEST(kubernetes)
{
	cr_assert(system("/usr/bin/python3 -c 'import yaml'") == 0, "install the package python3-yaml");
	take_recipe("kubernetes", "web.yaml");
	check("mkdir volume && '" SOURCE_DIR "/tests/wrapper/deploy/manifest.py' web.yaml >command && "
	      "sed -i \"s|/onewrite/$|$PWD/volume/|\" command && sh ./command && "
	      "LD_PRELOAD=$PWD/volume/libonewrite.so grep -q /volume/libonewrite.so /proc/self/maps");
}

/* --- supervisors ------------------------------------------------------------------------------ */

RECIPE_TEST(supervisor)
{
	must_have("supervisord", "supervisor");
	take_recipe("supervisor", "web.conf");
	check("cat >supervisord.conf <<END\n[supervisord]\nnodaemon=true\nlogfile=$PWD/log\npidfile=$PWD/pid\n"
	      "childlogdir=$PWD\n[unix_http_server]\nfile=$PWD/socket\n[rpcinterface:supervisor]\n"
	      "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
	      "[supervisorctl]\nserverurl=unix://$PWD/socket\n[include]\nfiles=$PWD/web.conf\nEND\n");
	serve("exec supervisord -c supervisord.conf >said 2>&1");
	check("for i in $(seq 100); do supervisorctl -c supervisord.conf status web | grep -q RUNNING && break; sleep "
	      "0.1; done; [ $i -lt 100 ] && " JOINED);
}

RECIPE_TEST(cron)
{
	must_have("wget", "wget");
	must_have("php", "php-cli");
	take_recipe("cron", "crontab");
	serve("exec php -S 127.0.0.1:$PORT -t www >log 2>&1");
	check("! [ -s trace ] && grep -Eqx '([*/0-9,-]+ ){5}.*' crontab && "
	      "env -i HOME=$PWD SHELL=/bin/sh PATH=/usr/bin:/bin ONEWRITE_TRACE=$ONEWRITE_TRACE ONEWRITE_TIMEOUT=1s "
	      "/bin/sh -c \"$(cut -d ' ' -f 6- crontab)\" && " JOINED);
}

RECIPE_TEST(inetd)
{
	must_have("systemd-socket-activate", "systemd");
	take_recipe("inetd", "inetd.conf");
	check("grep -Eqx 'http stream tcp nowait [a-z-]+ /[^ ]+ onewrite .+' inetd.conf");
	serve("exec systemd-socket-activate --accept --inetd -l 127.0.0.1:$PORT -E PATH "
	      "-E ONEWRITE_TRACE -E ONEWRITE_TIMEOUT $(cut -d ' ' -f 6,8- inetd.conf) 2>log");
	check(JOINED);
}

RECIPE_TEST(xinetd)
{
	must_have_file("/usr/sbin/xinetd", "xinetd");
	if (geteuid() != 0)
		machine_skip("xinetd", "only root can start a service as another user");
	take_recipe("xinetd", "xinetd.conf");
	serve("exec xinetd -dontfork -f $PWD/xinetd.conf -pidfile $PWD/pid >log 2>&1");
	check(JOINED);
}

/* --- runtimes and servers --------------------------------------------------------------------- */

RECIPE_TEST(java)
{
	must_have("java", "default-jdk-headless");
	take_recipe("java-setenv", "setenv.sh");
	check("cat >Maps.java <<'END'\nclass Maps {\n  public static void main(String[] a) throws Exception {\n"
	      "    var maps = java.nio.file.Files.readString(java.nio.file.Path.of(\"/proc/self/maps\"));\n"
	      "    System.out.println(maps.contains(\"/libonewrite.so\"));\n  }\n}\nEND\n"
	      "[ $(java Maps.java) = false ]; . ./setenv.sh; [ $(java Maps.java) = true ]");
}

#define CHILDREN_OF(pid) "$(grep -l \"^PPid:.\"" pid "'$' /proc/[0-9]*/status | cut -d / -f 3)"

/* The workers have the library although their environment is cleared. */
RECIPE_TEST(php_fpm)
{
	check("find /usr/sbin -name 'php-fpm*' -exec ln -sf {} fpm ';'");
	must_have_file("fpm", "php-fpm");
	take_recipe("php-fpm-pool", "pool.conf");
	check("printf '[global]\\nerror_log=%s/log\\npid=%s/pid\\ninclude=%s/pool.conf\\n' $PWD $PWD $PWD "
	      ">fpm.conf\n"
	      "./fpm -t -y $PWD/fpm.conf 2>said || { cat said; exit 1; }");
	start_server("LD_PRELOAD=$PWD/$LIB exec ./fpm -F -y $PWD/fpm.conf 2>said");
	check("for i in $(seq 100); do [ -S web.sock ] && break; sleep 0.1; done; workers=" CHILDREN_OF(
		"$SERVER") "\n"
	                   "[ $(echo $workers | wc -w) = 2 ] || exit 1\n"
	                   "for worker in $workers; do grep -q /libonewrite.so /proc/$worker/maps || exit 1; done");
}

/* nginx upgrades its binary only as a daemon; the shell ends both of its masters. */
RECIPE_TEST(nginx)
{
	must_have_file("/usr/sbin/nginx", "nginx");
	take_recipe("nginx", "line");
	check("{ cat line; printf 'pid %s/pid;events{}http{access_log off;server{listen 127.0.0.1:%s;root %s;}}' "
	      "$PWD $PORT $PWD/www; } >nginx.conf; LD_PRELOAD=$PWD/$LIB /usr/sbin/nginx -e $PWD/log -p $PWD -c "
	      "$PWD/nginx.conf\n"
	      "trap 'kill -QUIT $(cat pid pid.oldbin)' EXIT; kill -USR2 $(cat pid)\n"
	      "for i in $(seq 100); do [ -s pid ] && [ -s pid.oldbin ] && break; sleep 0.1; done; cmp -s pid "
	      "pid.oldbin && exit 1\n"
	      "for p in $(cat pid) " CHILDREN_OF(
		      "$(cat pid)") "; do grep -q /libonewrite.so /proc/$p/maps || exit 1; done");
}

RECIPE_TEST(apache)
{
	must_have_file("/usr/sbin/apachectl", "apache2");
	take_recipe("apache-envvars", "line");
	check("cat /etc/apache2/envvars line >envvars\n"
	      "printf 'PidFile %s/pid\\nErrorLog %s/log\\nListen 127.0.0.1:%s\\nServerName here\\n"
	      "DocumentRoot %s/www\\nUser www-data\\nGroup www-data\\n' $PWD $PWD $PORT $PWD >apache.conf\n"
	      "for m in mpm_event authz_core; do\n"
	      "echo LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so; done >>apache.conf\n"
	      "APACHE_ENVVARS=$PWD/envvars APACHE_ARGUMENTS=\"-f $PWD/apache.conf\" apachectl configtest >said 2>&1 "
	      "|| {\n"
	      "cat said; exit 1; }");
	serve("APACHE_ENVVARS=$PWD/envvars exec apachectl -f $PWD/apache.conf -D FOREGROUND >said 2>&1");
	check("for p in $(cat pid) " CHILDREN_OF(
		"$(cat pid)") "; do grep -q /libonewrite.so /proc/$p/maps || exit 1; done");
}

/* Writes the application of the recipes for servers of Python. */
static void make_app(void)
{
	check("cat >app.py <<'END'\ndef application(environ, start_response):\n"
	      "    start_response('200 OK', [('Content-Length', '7')])\n    return [b'a page\\n']\napp = "
	      "application\nEND\n");
}

RECIPE_TEST(gunicorn)
{
	take_recipe("gunicorn", "start");
	make_app();
	serve("exec sh ./start >said 2>&1");
	check(JOINED);
}

RECIPE_TEST(uwsgi)
{
	must_have_file("/usr/lib/uwsgi/plugins/python3_plugin.so", "uwsgi-plugin-python3");
	take_recipe("uwsgi", "start");
	make_app();
	serve("exec sh ./start >said 2>&1");
	check("grep -q ' body-end ' trace"); /* the library has seen the response */
}
