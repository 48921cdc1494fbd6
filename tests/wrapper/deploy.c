/* Proves that the recipes of docs/deploy.md work: each test takes a recipe out of the page, puts paths and a port of
 * its own into it, and uses it. */
#include "installed.h"
#include "library.h"
#include "machine.h"
#include "text.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE 65
#endif

#define PAGE              SOURCE_DIR "/docs/deploy.md"
#define DEPLOY_TEST(name) Test(deploy, name, .init = begin, .fini = end, .timeout = 120)

static char page[1 << 16], port[8];
static pid_t server; /* the leader of the process group that serve() has started; 0: none */

/* --- the page --------------------------------------------------------------------------------- */

/* Finds the block whose first line is "```LANGUAGE NAME". Returns its text, and its length in *n. */
static const char *find_block(const char *name, size_t *n)
{
	char fence[64];
	snprintf(fence, sizeof fence, " %s\n", name);
	for (const char *p = page; (p = strstr(p, "\n```")) != NULL; p += 4) {
		const char *info = p + 4 + strcspn(p + 4, " \n");
		if (strncmp(info, fence, strlen(fence)) != 0)
			continue;
		const char *block = info + strlen(fence), *last = strstr(block, "\n```\n");
		cr_assert_not_null(last, "the block %s has no end", name);
		*n = (size_t)(last + 1 - block);
		return block;
	}
	cr_assert_fail("docs/deploy.md has no block %s", name);
	return NULL;
}

/* Runs a shell command in the directory of the test; it has to succeed. */
static void check(const char *command)
{
	cr_assert(system(command) == 0, "this fails: %s", command);
}

/* Writes the recipe to a file in the directory of the test. */
static void take_recipe(const char *name, const char *file)
{
	static const char *const theirs[] = { "/usr/local/", "/srv/www", "/run/php/", "/var/log/web/", "8080" };
	char own[5][64];
	snprintf(own[0], sizeof own[0], "%s/prefix/", dir);
	snprintf(own[1], sizeof own[1], "%s/www", dir);
	snprintf(own[2], sizeof own[2], "%s/", dir);
	snprintf(own[3], sizeof own[3], "%s/", dir);
	snprintf(own[4], sizeof own[4], "%s", port);
	size_t n;
	struct text t = { NULL, 0, 0 };
	for (const char *p = find_block(name, &n), *last = p + n; p < last;) {
		size_t i = 0, size = 1;
		while (i < 5 && strncmp(p, theirs[i], strlen(theirs[i])) != 0)
			i++;
		if (i < 5) {
			size = strlen(theirs[i]);
			text_add_string(&t, own[i]);
		} else
			text_add(&t, p, 1);
		p += size;
	}
	FILE *f = fopen(file, "w");
	cr_assert(f != NULL && fputs(t.p, f) >= 0 && fclose(f) == 0, "cannot write %s", file);
	free(t.p);
}

/* --- servers ---------------------------------------------------------------------------------- */

static void begin(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 &&
	          getsockname(fd, (struct sockaddr *)&at, &size) == 0);
	close(fd);
	snprintf(port, sizeof port, "%u", ntohs(at.sin_port));
	slurp(PAGE, page, sizeof page);
	cr_assert(strlen(page) < sizeof page - 1, "the page is too long for this test");
	install();
	char trace[64];
	snprintf(trace, sizeof trace, "%s/trace", dir);
	setenv("ONEWRITE_TRACE", trace, 1);
	setenv("ONEWRITE_TIMEOUT", "1s", 1); /* on a busy machine a body may come late */
	setenv("LIB", "prefix/lib/onewrite/libonewrite.so", 1);
	setenv("PORT", port, 1);
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1); /* Debian's programs */
	unsetenv("LD_PRELOAD");
	/* A server that gives up its privileges appends to the trace, too. */
	check("mkdir www && echo 'a page' >www/index.html && : >trace && chmod 666 trace && chmod -R a+rX .");
}

static void stop(void)
{
	if (server == 0)
		return;
	kill(-server, SIGTERM);
	for (int i = 0; i < 100 && waitpid(server, NULL, WNOHANG) == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	kill(-server, SIGKILL);
	server = 0;
}

static void end(void)
{
	stop();
	uninstall();
}

/* Starts a server by a shell command in a process group of its own; $SERVER is its number. */
static void start(const char *command)
{
	server = fork();
	cr_assert(server >= 0);
	if (server == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	setpgid(server, server);
	char pid[16];
	snprintf(pid, sizeof pid, "%d", server);
	setenv("SERVER", pid, 1);
}

/* Starts a server that answers on the port, and asks it for the page until it does. */
static void serve(const char *command)
{
	start(command);
	check("for i in $(seq 200); do\n"
	      "curl -s -o got http://127.0.0.1:$PORT/index.html && exec cmp got www/index.html; sleep 0.1; done; "
	      "exit 1");
}

/* The head of a response, or of a request, has left together with its body. */
#define JOINED "grep -Eq ' body [a-z-]+ (join|lead) ' trace"

/* Skips the test where a program is missing whose package scripts/packages does not install. */
static void needs(const char *file, const char *package)
{
	if (access(file, F_OK) != 0)
		machine_skip(package, "the package is not installed");
}

static void must_have(const char *program, const char *package)
{
	char command[100];
	snprintf(command, sizeof command, "command -v %s >/dev/null", program);
	cr_assert(system(command) == 0, "there is no %s: install the package %s", program, package);
}

/* --- what the page says of itself ------------------------------------------------------------- */

/* Before each block the page says whether a test runs the block. A block with no text before it goes with the one
 * above. */
DEPLOY_TEST(page_says_what_is_run)
{
	static char suite[1 << 16];
	char quoted[64], name[48], said[16] = "";
	int blocks = 0;
	slurp(SOURCE_DIR "/tests/wrapper/deploy.c", suite, sizeof suite);
	for (char *p = page, *fence; (fence = strstr(p, "\n```")) != NULL;) {
		*fence = '\0';
		for (char *q = p; *q != '\0'; q++)
			if (strncmp(q, "run by a test", 13) == 0 || strncmp(q, "not run here", 12) == 0)
				snprintf(said, sizeof said, "%.3s", q);
		cr_assert(sscanf(fence + 1, "```%*s %47s", name) == 1, "a block without a name: %.60s", fence + 1);
		snprintf(quoted, sizeof quoted, "take_recipe(\"%s\"", name);
		bool is_run = strcmp(name, "not-run") != 0;
		cr_expect_str_eq(said, is_run ? "run" : "not", "the page says otherwise of %s (block %d)", name,
		                 blocks);
		cr_expect(!is_run || strstr(suite, quoted) != NULL, "no test runs the block %s", name);
		p = strstr(fence + 1, "\n```\n");
		cr_assert_not_null(p);
		p += 5;
		blocks++;
	}
	cr_expect(blocks > 25, "only %d blocks", blocks);
}

DEPLOY_TEST(first_try)
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

DEPLOY_TEST(systemd_service)
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
DEPLOY_TEST(systemd_calls)
{
	take_service();
	check(CALLS
	      " >allowed; sed -n '/^\\.It System calls/,/^\\.El/s/^\\.Fn \\([a-z0-9_]*\\).*/\\1/p' '" SOURCE_DIR
	      "/docs/man/libonewrite.8' | sort -u >calls; [ $(wc -l <calls) -gt 40 ] && ! grep -vxFf allowed calls");
	serve_filtered("cat");
	check(JOINED);
}

/* Where the filter refuses a call that the library needs, the service runs as without the library. */
DEPLOY_TEST(systemd_calls_refused)
{
	take_service();
	serve_filtered("grep -vx writev");
	check("! grep -q ' keep ' trace && grep -q /libonewrite.so /proc/$SERVER/maps");
}

/* The service works where no memory may become executable and no program gains privileges. */
DEPLOY_TEST(systemd_memory)
{
	take_service();
	cr_assert(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0)
		machine_skip("MemoryDenyWriteExecute", "the kernel has no PR_SET_MDWE");
	serve(VALUES "exec env $(values Environment onewrite.conf) $(values ExecStart web.service) >log 2>&1");
	check(JOINED);
}

DEPLOY_TEST(systemd_sockets)
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

DEPLOY_TEST(kubernetes)
{
	cr_assert(system("/usr/bin/python3 -c 'import yaml'") == 0, "install the package python3-yaml");
	take_recipe("kubernetes", "web.yaml");
	check("mkdir volume && '" SOURCE_DIR "/tests/wrapper/deploy/manifest.py' web.yaml >command && "
	      "sed -i \"s|/onewrite/$|$PWD/volume/|\" command && sh ./command && "
	      "LD_PRELOAD=$PWD/volume/libonewrite.so grep -q /volume/libonewrite.so /proc/self/maps");
}

/* --- supervisors ------------------------------------------------------------------------------ */

DEPLOY_TEST(supervisor)
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

DEPLOY_TEST(cron)
{
	take_recipe("cron", "crontab");
	serve("exec python3 -m http.server --bind 127.0.0.1 --directory www $PORT >log 2>&1");
	check("! [ -s trace ] && grep -Eqx '([*/0-9,-]+ ){5}.*' crontab && "
	      "env -i HOME=$PWD SHELL=/bin/sh PATH=/usr/bin:/bin ONEWRITE_TRACE=$ONEWRITE_TRACE ONEWRITE_TIMEOUT=1s "
	      "/bin/sh -c \"$(cut -d ' ' -f 6- crontab)\" && " JOINED);
}

DEPLOY_TEST(inetd)
{
	must_have("systemd-socket-activate", "systemd");
	take_recipe("inetd", "inetd.conf");
	check("grep -Eqx 'http stream tcp nowait [a-z-]+ /[^ ]+ onewrite .+' inetd.conf");
	serve("exec systemd-socket-activate --accept --inetd -l 127.0.0.1:$PORT -E PATH "
	      "-E ONEWRITE_TRACE -E ONEWRITE_TIMEOUT $(cut -d ' ' -f 6,8- inetd.conf) 2>log");
	check(JOINED);
}

DEPLOY_TEST(xinetd)
{
	needs("/usr/sbin/xinetd", "xinetd");
	if (geteuid() != 0)
		machine_skip("xinetd", "only root can start a service as another user");
	take_recipe("xinetd", "xinetd.conf");
	serve("exec xinetd -dontfork -f $PWD/xinetd.conf -pidfile $PWD/pid >log 2>&1");
	check(JOINED);
}

/* --- runtimes and servers --------------------------------------------------------------------- */

DEPLOY_TEST(java)
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
DEPLOY_TEST(php_fpm)
{
	check("find /usr/sbin -name 'php-fpm*' -exec ln -sf {} fpm ';'");
	needs("fpm", "php-fpm");
	take_recipe("php-fpm-pool", "pool.conf");
	check("printf '[global]\\nerror_log=%s/log\\npid=%s/pid\\ninclude=%s/pool.conf\\n' $PWD $PWD $PWD "
	      ">fpm.conf\n"
	      "./fpm -t -y $PWD/fpm.conf 2>said || { cat said; exit 1; }");
	start("LD_PRELOAD=$PWD/$LIB exec ./fpm -F -y $PWD/fpm.conf 2>said");
	check("for i in $(seq 100); do [ -S web.sock ] && break; sleep 0.1; done; workers=" CHILDREN_OF(
		"$SERVER") "\n"
	                   "[ $(echo $workers | wc -w) = 2 ] || exit 1\n"
	                   "for worker in $workers; do grep -q /libonewrite.so /proc/$worker/maps || exit 1; done");
}

DEPLOY_TEST(apache)
{
	needs("/usr/sbin/apachectl", "apache2");
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

DEPLOY_TEST(gunicorn)
{
	take_recipe("gunicorn", "start");
	make_app();
	serve("exec sh ./start >said 2>&1");
	check(JOINED);
}

DEPLOY_TEST(uwsgi)
{
	needs("/usr/lib/uwsgi/plugins/python3_plugin.so", "uwsgi-plugin-python3");
	take_recipe("uwsgi", "start");
	make_app();
	serve("exec sh ./start >said 2>&1");
	check("grep -q ' body-end ' trace"); /* the library has seen the response */
}

/* --- what takes effect when ------------------------------------------------------------------- */

static void use_conf(const char *block)
{
	if (geteuid() != 0)
		machine_skip(block, "only root can make a file that is root's");
	check("cp '" BUILD_DIR "/conf/libonewrite.so' conf.so && chmod 644 onewrite.conf");
}

#define PYTHON(library) \
	"LD_PRELOAD=$PWD/" library " exec python3 -m http.server --bind 127.0.0.1 --directory www $PORT >log 2>&1"

DEPLOY_TEST(conf)
{
	take_recipe("onewrite.conf", "onewrite.conf");
	use_conf("onewrite.conf");
	serve(PYTHON("conf.so"));
	check(JOINED);
}

DEPLOY_TEST(conf_off)
{
	take_recipe("onewrite.conf-off", "onewrite.conf");
	use_conf("onewrite.conf-off");
	serve(PYTHON("conf.so"));
	check("! [ -s trace ]; rm onewrite.conf; curl -s -o got http://127.0.0.1:$PORT/; ! [ -s trace ] || exit 1");
	check("grep -q /conf.so /proc/$SERVER/maps");
	stop();
	serve(PYTHON("conf.so"));
	check(JOINED);
}

/* A running process keeps the old file and goes on; the next one gets the new file. */
DEPLOY_TEST(upgrade)
{
	take_recipe("upgrade", "upgrade");
	take_recipe("who-has-it", "who");
	take_recipe("who-has-the-old", "who-old");
	check("mkdir build && cp $LIB build/libonewrite.so");
	serve(PYTHON("$LIB"));
	check("maps=/proc/$SERVER/maps\n"
	      "sh ./who 2>/dev/null | grep -qx $maps && ! sh ./who-old 2>/dev/null | grep -qx $maps || exit 1\n"
	      ": >trace; sh -e ./upgrade && sh ./who-old 2>/dev/null | grep -qx $maps || exit 1\n"
	      "curl -s -o got http://127.0.0.1:$PORT/ && cmp got www/index.html && " JOINED "\n"
	      "LD_PRELOAD=$PWD/$LIB cat /proc/self/maps | grep libonewrite >said && ! grep deleted said");
}

/* --- what is watched and reported ------------------------------------------------------------- */

/* No line of a trace has anything but the words of the manual, and numbers. */
DEPLOY_TEST(trace_and_report)
{
	take_recipe("report", "report");
	must_have("strace", "strace");
	serve(PYTHON("$LIB"));
	check("PID=$SERVER sh ./report 2>said & tracer=$!\n"
	      "for i in $(seq 100); do grep -q attached said 2>/dev/null && break; sleep 0.1; done\n"
	      "curl -s -o got 'http://127.0.0.1:'$PORT'/index.html?secret=page'; kill $SERVER; wait $tracer\n"
	      " grep -q 'writev(.*) *= ' calls && ! grep -e page -e HTTP -e secret calls trace || exit "
	      "1\n"
	      "! grep -Evx '[0-9]+[.][0-9]{6} pid=[0-9]+ fd=[0-9]+( [a-z-]+){4} bytes=[0-9]+' trace && " JOINED);
}

/* Ten responses on one connection are ten segments. */
DEPLOY_TEST(watch)
{
	must_have("ss", "iproute2");
	take_recipe("watch", "watch");
	serve("LD_PRELOAD=$PWD/$LIB exec python3 -m http.server --protocol HTTP/1.1 --bind 127.0.0.1 --directory www "
	      "$PORT >log 2>&1");
	check("cat >ask.py <<'END'\nimport http.client, os, subprocess\n"
	      "c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']))\n"
	      "for i in range(10):\n    c.request('GET', '/')\n    assert c.getresponse().read() == b'a page\\n'\n"
	      "print(subprocess.run(['sh', '-e', './watch'], capture_output=True, text=True, "
	      "check=True).stdout)\nEND\n"
	      "NSTAT_HISTORY=$PWD/history python3 ask.py >said && grep -qw data_segs_out:10 said && "
	      "grep -q ^TcpOutSegs said || { cat said; exit 1; }");
}
