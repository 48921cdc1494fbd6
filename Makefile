# onewrite: `make` builds the library, `make demo` shows it, `make check` proves it.
#
#   make                     build/libonewrite.so; build/judge, build/probe and build/show for scripts/onewrite; sees
#                            that the library can be loaded
#                            (OLD_GLIBC=directory of an older libc and its loader)
#                            (CC=musl-gcc: with musl, in build/musl; either library goes with programs of both)
#   make check               all tests             (SAN=address|undefined|thread builds with a sanitizer;
#                                                   LIBRARY=path tries that library and not the one built here)
#   make check-debian RELEASE=trixie        both commands on a fresh minimal system of that release (root, debootstrap)
#   make check-musl          the tests that run programs, with programs of musl's
#   make check-old           ... with those of glibc 2.31
#   make check-all           all of that, on bookworm, trixie and sid, for other libcs and machines, and the packages
#                            (hours; root)
#   make check-real          102 real programs, and docs/compatibility.md out of what they did
#   make demo                a real server, before and after
#   make lint                the layout of C, scripts, manual pages, the docs' links and figures, repeated blocks
#   make deb                 Debian packages, in build/deb
#   make check-deb           that they can be installed, upgraded, used and purged, in a tree of their own (root)
#   make install             PREFIX=/usr/local LIBDIR=PREFIX/lib/onewrite MANDIR=PREFIX/share/man DESTDIR=
#                            (SYSCONFDIR=/etc, when it is built: where onewrite.conf is looked for)
#   make CROSS=aarch64-linux-gnu    the library and judge for another machine, in build/aarch64-linux-gnu (and install,
#                            with CROSS= as well)
#   make check-machines      programs of six other machines, with the library, under qemu (MACHINES=aarch64-linux-gnu;
#                            40 s to 4 minutes each)

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib/onewrite
MANDIR  ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
CC      ?= cc
CFLAGS  ?= -O2 -g
# (-Wno-psabi: gcc 11 changed the alignment of an atomic field on i386, and would say so of each structure.)
WARN    := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wno-psabi

# This machine's compiler for 32 bits, or one for i386, which gets along with compilers for other machines, as
# gcc-multilib does not. Debian's gcc-12-multilib does, and has not the link to these headers. What it builds has to run
# here, which some kernels of 64 bits do not let it.
can_build = $(shell echo 'int main(void) { return 0; }' | $(1) -x c -o /dev/null - 2>/dev/null && echo yes)
runs_here = $(shell d=$$(mktemp -d) && echo 'int main(void) { return 0; }' | $(1) -x c -o $$d/program - 2>/dev/null && \
	$$d/program 2>/dev/null && echo yes; rm -rf $$d)
HEADERS_BESIDE = -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
FOR_I386 = $(if $(call runs_here,$(CC) -m32),$(CC) -m32 -Wno-psabi $(HEADERS_BESIDE),$(if \
	$(call runs_here,i686-linux-gnu-gcc),i686-linux-gnu-gcc -Wno-psabi))
ifneq ($(CROSS),)
CC := $(CROSS)-gcc
ifeq ($(shell command -v $(firstword $(CC)) || :),)
$(error there is no $(firstword $(CC)): it is in a package like Debian's gcc-$(CROSS))
endif
endif

# One short line a file; V=1 shows the commands, -s nothing.
say = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo '  $(1)  $@' &&) )

CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE $(WARN) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) $(ATOMICS) -MMD -MP

# Is it an option of the compiler's, for this machine?
OPTION = $(shell echo 'int x;' | $(CC) $(1) -Werror -x c -c -o /dev/null - 2>/dev/null && echo $(1))

# On arm64 the compiler's own atomic functions want a name that musl has not (scripts/gate).
ATOMICS := $(call OPTION,-mno-outline-atomics)

# Where the compiler leaves them to a library for bytes (gcc 12 for riscv64), that is linked in: only libc is there at
# run time.
LIBATOMIC := $(shell echo '_Atomic char c; int main(void) { return c |= 1; }' | \
	$(CC) -x c -o /dev/null - 2>/dev/null || echo -l:libatomic.a)

# A compiler of another libc beside this machine's: the kernel's headers are with that one's, and what it makes has a
# directory of its own.
ifneq ($(findstring musl-gcc,$(CC)),)
OTHER_LIBC := musl
IN_FRONT   := tests/support/musl.h
CFLAGS_ALL += -D_LARGEFILE64_SOURCE $(addprefix -idirafter ,/usr/include /usr/include/$(shell $(CC) -print-multiarch))
endif
comma   := ,

# Library and judge are hardened. Where the stack protector's canary is a variable of the loader's instead of the
# thread's own (arm, arm64, riscv64), the library would need that loader, and load with no other libc: there it goes
# without.
STRONG   := $(call OPTION,-fstack-protector-strong)
GUARDED  := $(CC) -fPIC -fstack-protector-strong -x c -S -o - -
GUARD    := $(if $(shell echo 'void g(char *); void f(void) { char s[9]; g(s); }' | $(GUARDED) 2>/dev/null | \
	grep -w __stack_chk_guard),-fno-stack-protector,$(STRONG))
# Of CET the shadow stack: endbr64 at each function is one instruction more than the budget of a read has (tests/bench),
# and Linux gives programs the shadow stack only. A preload without its mark takes it from the program: it is set, for
# Debian's crti.o has none, and needs none.
CET      := $(call OPTION,-fcf-protection=return)
HARDENED := $(GUARD) $(CET)
RELRO    := -Wl,-z,relro -Wl,-z,now $(if $(CET),-Wl$(comma)-z$(comma)shstk)

# Two builds in two places are the same, byte for byte: the compiler notes this name of the directory that it is in,
# whatever its path. An option to replace the path would not get through gcc's -flto with a quote in it.
ANYWHERE := PWD=/proc/self/cwd

B := build$(addprefix /,$(OTHER_LIBC))$(addprefix /,$(CROSS))$(addprefix /,$(SAN))
ifneq ($(SAN),)
SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -DUNDER_SANITIZER
endif

VERSION := $(shell sed -n 's/^ow_version=\([^ ]*\).*/\1/p' scripts/onewrite)
LIB     := $(B)/libonewrite.so
JUDGE   := $(B)/judge
PROBE   := $(B)/probe
SHOW    := $(B)/show

# The hooks' common path leads through half a dozen of the files below: optimised as one (an eighth fewer instructions),
# where the compiler can. The objects are ordinary ones as well.
LTO := $(call OPTION,-flto=auto -ffat-lto-objects)

# One idea per object. The PURE ones know nothing of sockets, time or memory (tests/unit/pure.c holds them to it).
PURE := \
	$(B)/shim/http.o \
	$(B)/shim/framing.o \
	$(B)/shim/habit.o \
	$(B)/shim/hold.o \
	$(B)/shim/line.o \
	$(B)/shim/options.o \
	$(B)/shim/reason.o \
	$(B)/shim/report.o \
	$(B)/shim/request.o \
	$(B)/shim/settings.o \
	$(B)/shim/sharing.o \
	$(B)/shim/stats_file.o
OBJS := $(PURE) \
	$(B)/shim/admit.o \
	$(B)/shim/arrivals.o \
	$(B)/shim/conf_file.o \
	$(B)/shim/config.o \
	$(B)/shim/conn.o \
	$(B)/shim/deadline.o \
	$(B)/shim/doors.o \
	$(B)/shim/due.o \
	$(B)/shim/emit.o \
	$(B)/shim/incoming.o \
	$(B)/shim/late.o \
	$(B)/shim/lead.o \
	$(B)/shim/lifecycle.o \
	$(B)/shim/lock.o \
	$(B)/shim/look.o \
	$(B)/shim/msg.o \
	$(B)/shim/names.o \
	$(B)/shim/note.o \
	$(B)/shim/object.o \
	$(B)/shim/observe.o \
	$(B)/shim/ordinary.o \
	$(B)/shim/outgoing.o \
	$(B)/shim/own.o \
	$(B)/shim/passage.o \
	$(B)/shim/pool.o \
	$(B)/shim/process.o \
	$(B)/shim/readable.o \
	$(B)/shim/real.o \
	$(B)/shim/release.o \
	$(B)/shim/rights.o \
	$(B)/shim/room.o \
	$(B)/shim/sandbox.o \
	$(B)/shim/say.o \
	$(B)/shim/settle.o \
	$(B)/shim/stats.o \
	$(B)/shim/stats_fold.o \
	$(B)/shim/task.o \
	$(B)/shim/thread.o \
	$(B)/shim/trace.o \
	$(B)/shim/turn.o \
	$(B)/shim/usual.o \
	$(B)/shim/vain.o \
	$(B)/shim/hook_fd.o \
	$(B)/shim/hook_process.o \
	$(B)/shim/hook_read.o \
	$(B)/shim/hook_syscall.o \
	$(B)/shim/hook_write.o

# What can be installed for: the groups of scripts/packages.
GROUPS := demo check deb lint musl machines real bench suites soak fuzz
.PHONY: all check check-all compiled build-suites run-suites check-debian check-machines run-machines check-real \
	run-real check-suites run-foreign bench run-bench mutants soak run-soak fuzz demo run-demo fuzz-http \
	run-fuzz-http install uninstall deb check-deb lint format clean $(GROUPS:%=packages-%)
all: $(LIB) $(JUDGE) $(PROBE) $(SHOW)

# A distribution's compiler may fortify unasked (_FORTIFY_SOURCE), and have 64-bit offsets and times: its headers turn
# calls of ours, and the hooks' names, into others of the symbols that we stand in front of.
PLAIN := -U_FORTIFY_SOURCE -U_FILE_OFFSET_BITS -U_TIME_BITS
OF_LIBRARY = -DONEWRITE_CONF='"$(SYSCONFDIR)/onewrite.conf"' -DONEWRITE_OFF='"$(SYSCONFDIR)/onewrite.off"' \
	-DONEWRITE_VERSION='"$(VERSION)"' -fPIC -fvisibility=hidden -fno-semantic-interposition -ftls-model=initial-exec
$(B)/shim/%.o: shim/%.c $(B)/shim/old.h
	@mkdir -p $(@D)
	$(call say,CC)$(ANYWHERE) $(CC) $(CFLAGS_ALL) $(HARDENED) -I$(B)/shim $(PLAIN) $(LTO) $(OF_LIBRARY) -c -o $@ $<

$(B)/shim/%.o: shim/%.S $(B)/shim/old.h
	$(call say,CC)$(ANYWHERE) $(CC) $(CFLAGS_ALL) $(HARDENED) -I$(B)/shim -c -o $@ $<

# The export list is the hook list, and nothing else; a few names are there in the versions that this libc has of them.
MACRO = $(shell $(CC) $(CFLAGS) -include $(1) -E -dM -x c /dev/null 2>/dev/null | sed -n 's/^.define $(2) //p')
GLIBC := $(call MACRO,features.h,__GLIBC__)
LIBC  = $(if $(GLIBC),$(wildcard $(foreach name,libc.so.6 libdl.so.2 librt.so.1,$(shell \
	$(CC) $(CFLAGS) -print-file-name=$(name)))))
$(B)/exports.map: shim/versions.awk shim/hooks.def shim/doors.h
	@mkdir -p $(B)/shim
	@{ readelf --dyn-syms -W $(LIBC) /dev/null 2>/dev/null || :; } | awk -v doors=$(call MACRO,shim/doors.h,DOORS) \
		-v two_times=$(call MACRO,shim/doors.h,TWO_TIMES) -v map=$@ -v header=$(B)/shim/old.h \
		-f $< shim/hooks.def -
	@touch $(B)/shim/old.h

$(B)/shim/old.h: $(B)/exports.map ;

# Built with glibc it says which versions of libc's names it wants, so it names libc. Built with another one it wants
# names only, which the libc of any program has (scripts/gate): were one named, a program with another would not start.
BOUND := $(if $(GLIBC)$(SAN),-Wl$(comma)-z$(comma)defs,-nodefaultlibs -lgcc)

# A sanitizer's library needs the sanitizer.
GATE := $(if $(SAN),,scripts/gate)
$(LIB): export CC := $(CC)
$(LIB): export CFLAGS := $(CFLAGS)
$(LIB): export LDFLAGS := $(LDFLAGS)
$(LIB): $(OBJS) $(B)/exports.map $(GATE)
	$(call say,LD)$(ANYWHERE) $(CC) $(CFLAGS_ALL) $(HARDENED) $(LTO) $(LDFLAGS) $(RELRO) -fPIC -shared -o $@ \
		$(OBJS) $(LIBATOMIC) -Wl,--version-script=$(B)/exports.map -Wl,--exclude-libs,ALL $(BOUND) \
		-Wl,-soname,libonewrite.so
	$(if $(GATE),@$(GATE) $@ $(B)/exports.map || { rm -f $@; exit 1; })

# The parts of scripts/onewrite that read ELF files, that talk to servers, and that show what was counted.
$(B)/scripts/%.o: scripts/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(ANYWHERE) $(CC) $(CFLAGS_ALL) $(HARDENED) $(STRONG) -fPIE -c -o $@ $<

JUDGE_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard scripts/judge/*.c))
$(JUDGE): $(JUDGE_OBJS)
PROBE_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard scripts/probe/*.c))
$(PROBE): $(PROBE_OBJS)
SHOW_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard scripts/show/*.c)) \
	$(addprefix $(B)/,scripts/probe/say.o \
	$(addprefix shim/,line.o reason.o report.o stats_file.o stats_fold.o))
$(SHOW): $(SHOW_OBJS)
$(JUDGE) $(PROBE) $(SHOW):
	$(call say,LD)$(ANYWHERE) $(CC) $(CFLAGS_ALL) $(HARDENED) $(LDFLAGS) $(RELRO) -pie -o $@ $^ $(LIBATOMIC)

# --- tests -----------------------------------------------------------------------------------------------------
# tests/unit, tests/preload, tests/wrapper, tests/real: one Criterion binary per .c file. tests/programs: small programs
# with a main() of their own, and lib_*.c: libraries for some of them. The rest of a program that would be long is in a
# directory beside it. tests/support: what the Criterion binaries share. A sanitizer has nothing to say about scripts
# and other people's programs; nor has TSan about code without threads, and it ends a child of several threads' process
# that starts one, as random programs do.
SUITES_OF := tests/preload $(if $(filter thread,$(SAN)),,tests/unit) $(if $(SAN),,tests/wrapper tests/real)
SUITES   := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out $(if $(filter thread,$(SAN)),%/fuzz.c),$(wildcard \
	$(SUITES_OF:=/*.c))))
PROGRAMS := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out tests/programs/lib_% tests/programs/musl_%,$(wildcard \
	tests/programs/*.c)))
RECORDER := $(B)/tests/recorder.so
SUPPORT  := $(patsubst tests/%.c,$(B)/tests/%.o,$(filter-out tests/support/recorder%,$(wildcard tests/support/*.c)))

# Programs read numbers with strtonum() of libbsd where that can be linked (tests/support/number.h). It is linked
# statically, because what is measured, and what runs under the library, is to load no other library for it; and behind
# libc, because functions that both have (closefrom) are to be libc's. IN_FRONT: the libc is another one than libbsd's.
LIBBSD := $(if $(IN_FRONT),,$(if $(call can_build,$(CC) -l:libbsd.a),-lc -l:libbsd.a))

# What the tests are compiled with: they are told where the programs lie that they run.
OF_TESTS = -Ishim -Itests/support -DBUILD_DIR='"$(abspath $(1))"' -DSOURCE_DIR='"$(CURDIR)"' \
	$(if $(LIBBSD),-DWITH_LIBBSD)
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CFLAGS_ALL) $(call OF_TESTS,$(B)) -c -o $@ $<

# Criterion does not start under TSan, and TSan not under the recorder: they are built without, what they run is not.
# The suites are told: here and there TSan makes a row impossible, which is then not there.
ifeq ($(SAN),thread)
$(SUITES) $(SUITES:=.o) $(SUPPORT) $(RECORDER): private SANFLAGS := -DUNDER_TSAN -DUNDER_SANITIZER
else
UNITS := $(PURE) $(B)/shim/config.o
endif

# The recogniser's tests also see it as it is on machines without SSE2.
ifneq ($(filter %/unit/http,$(SUITES)),)
PORTABLE := $(patsubst %,$(B)/tests/unit/%_portable,http http_refused)
$(B)/shim/http_portable.o: shim/http.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CFLAGS_ALL) -DHTTP_PORTABLE -c -o $@ $<
$(PORTABLE): %_portable: %.o $(SUPPORT) $(B)/shim/http_portable.o
endif

$(SUITES): %: %.o $(SUPPORT) $(UNITS)
$(SUITES) $(PORTABLE):
	$(call say,LD)$(CC) $(CFLAGS_ALL) -o $@ $^ -lcriterion -lbsd -pthread

REST_OF = $(patsubst tests/%.c,$(B)/tests/%.o,$(wildcard tests/programs/$(1)/*.c))
$(B)/tests/programs/p_hosts: $(call REST_OF,hosts)
$(B)/tests/programs/p_scenarios: $(call REST_OF,scenarios)
$(B)/tests/programs/p_steps: $(call REST_OF,steps)
ifneq ($(filter %/unit/lock,$(SUITES)),)
$(addprefix $(B)/tests/unit/,late lock passage pool): $(addprefix $(B)/shim/,lock.o task.o own.o object.o)
$(B)/tests/unit/passage: $(B)/shim/passage.o $(B)/shim/pool.o
$(B)/tests/unit/late.o: private override CFLAGS += -I$(B)/shim $(PLAIN)
$(B)/tests/unit/late.o: $(B)/shim/old.h
endif
$(B)/tests/programs/p_moment: $(B)/shim/own.o $(B)/shim/object.o # the clock of theirs that is waited by

# What writes files of counters, and the code that folds them.
ifneq ($(filter %/wrapper/show,$(SUITES)),)
$(addprefix $(B)/tests/wrapper/,show show_fold show_hostile): $(B)/tests/wrapper/counters/counters.o \
	$(addprefix $(B)/shim/,stats_file.o stats_fold.o)
endif

# The HTTP client of scripts/probe is also that of programs in tests/programs, tests/bench and tests/soak.
HTTP := $(B)/scripts/probe/body.o $(B)/scripts/probe/client.o
$(addprefix $(B)/tests/,programs/exchange programs/responder bench/client soak/client): $(HTTP)

$(PROGRAMS): %: %.o
	$(call say,LD)$(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBBSD) $(LIBATOMIC) -pthread -Wl,-rpath,'$$ORIGIN' $(LAST)

$(B)/tests/programs/lib_%.so: tests/programs/lib_%.c
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS_ALL) $(PLAIN) -Ishim -Itests/support -fPIC -shared -Wl,-soname,$(@F) -o $@ $< \
		$(LAST)

$(B)/tests/programs/p_limits: $(B)/tests/programs/lib_high.so
$(B)/tests/programs/p_moments: $(B)/tests/programs/lib_moments.so
$(B)/tests/programs/p_sharing: $(B)/tests/programs/lib_sharing.so
$(B)/tests/programs/p_strangers: $(B)/tests/programs/lib_names.so
$(B)/tests/programs/p_names: | $(B)/tests/programs/lib_plug.so
$(B)/tests/programs/p_clock: | $(B)/tests/programs/lib_liar.so
$(B)/tests/programs/p_interrupted: | $(B)/tests/programs/lib_masks.so

ifneq ($(IN_FRONT),)
$(B)/tests/programs/%.o $(B)/tests/programs/lib_moments.so $(RECORDER): private CPPFLAGS += -include $(IN_FRONT)
$(HTTP): private CPPFLAGS += $(if $(OTHER_LIBC),,-include $(IN_FRONT))
$(RECORDER): private CPPFLAGS += -DRECORDER
endif

# A program of another libc; a sanitizer's library could not be loaded into it.
ifeq ($(SAN),)
$(B)/tests/programs/musl_exchange: tests/programs/musl_exchange.c
	@mkdir -p $(@D)
	$(call say,LD)musl-gcc $(CFLAGS) -o $@ $<
$(B)/tests/programs/musl_absent: tests/programs/musl_absent.c
	@mkdir -p $(@D)
	$(call say,LD)musl-gcc $(CFLAGS) -o $@ $<
$(B)/tests/preload/loads: | $(B)/tests/programs/musl_absent
$(B)/tests/preload/names: | $(B)/tests/programs/musl_exchange
$(B)/tests/preload/conf: | $(B)/tests/programs/musl_exchange
$(B)/tests/preload/names.o $(B)/tests/preload/conf.o: private CPPFLAGS += -DWITH_MUSL
endif

# The library as it is without optimisation, for a few tests.
$(B)/plain/libonewrite.so: $(wildcard shim/*)
	@$(MAKE) --no-print-directory B=$(B)/plain CFLAGS='-O0 -g' LTO= $@
$(B)/tests/preload/names: | $(B)/plain/libonewrite.so

# The library as it is, but for its file of settings: ./onewrite.conf, in a directory of the test's.
$(B)/conf/libonewrite.so: $(wildcard shim/*)
	@$(MAKE) --no-print-directory B=$(B)/conf SYSCONFDIR=. $@
$(B)/tests/preload/conf: | $(B)/conf/libonewrite.so
$(B)/tests/wrapper/operate: | $(B)/conf/libonewrite.so

$(RECORDER): $(wildcard tests/support/recorder*.c) tests/support/recorder.h
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS_ALL) $(PLAIN) -Ishim -fPIC -fvisibility=hidden -shared -o $@ $(filter %.c,$^) \
		$(LIBATOMIC) $(if $(GLIBC),,$(BOUND))

# Programs of other kinds.
include tests/others.mk

# What a machine lacks is installed first (nothing happens when all is there; needs root or sudo otherwise).
$(GROUPS:%=packages-%): packages-%:
	@scripts/packages $*

# Random programs, bare and behind the shim: make fuzz N=100000 SEED=1 JOIN=message HOLD=kernel
FUZZ := $(B)/tests/fuzz/programs
FUZZ_OBJS := $(patsubst tests/%.c,$(B)/tests/%.o,$(filter-out %_fuzz.c,$(wildcard tests/fuzz/*.c)))
$(FUZZ): $(FUZZ_OBJS)
	$(call say,LD)$(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBBSD) -pthread

N    ?= 100000
SEED ?= $(shell date +%s)
JOIN ?= both
HOLD ?= both
fuzz: $(LIB) $(FUZZ)
	$(FUZZ) -n $(N) -s $(SEED) --join $(JOIN) --hold $(HOLD)

ifeq ($(OTHER_LIBC),)
check: packages-check
	@$(MAKE) --no-print-directory run-suites

# All that can be tried on one machine: hours, and root.
check-all: check check-musl check-old check-machines check-deb
	@for release in bookworm trixie sid; do \
		for who in root user nohup container; do scripts/check-debian $$release $$who || exit; done; \
	done
else # what tests is built with the machine's own compiler
check check-musl:
	@$(MAKE) --no-print-directory CC=cc check-musl
endif

ifneq ($(LIBRARY),)
run-suites: export LIBRARY_UNDER_TEST := $(abspath $(LIBRARY))
endif
ALL_SUITES = $(SUITES) $(PORTABLE) $(WIDE_SUITES) $(MUSL_SUITES) $(SHORT_LOOK)
build-suites: $(LIB) $(JUDGE) $(PROBE) $(SHOW) $(RECORDER) $(PROGRAMS) $(FUZZ) $(ALL_SUITES)
run-suites: build-suites
ifneq ($(OLD_SUITES),)
	@if $(MAKE) --no-print-directory $(OLD)/glibc/lib/libc.so.6; then \
		$(MAKE) --no-print-directory $(OLD_SUITES) && \
		OLD_GLIBC=$(OLD_LIBS) tests/check $(NOT_HERE) $(ALL_SUITES) $(OLD_SUITES); \
	else \
		tests/check $(NOT_HERE) \
			--skipped "$(notdir $(OLD_SUITES)) with programs of glibc 2.31: it cannot be fetched" \
			$(ALL_SUITES); \
	fi
else
	@tests/check $(NOT_HERE) $(ALL_SUITES)
endif

# A fresh machine of another release. AS: root, user, nohup, container; see scripts/check-debian. (The AS that make has
# without being told is the assembler.)
check-debian:
	@scripts/check-debian '$(RELEASE)' $(if $(filter default,$(origin AS)),,$(AS))

# Every program of tests/real, bare and under the shim: 20 minutes, on a machine that does nothing else.
check-real: packages-real
	@$(MAKE) --no-print-directory run-real

run-real: $(LIB) $(JUDGE) $(PROBE) $(B)/tests/programs/exchange $(B)/tests/programs/responder
	tests/real/run --write docs/compatibility.md

# Two servers without and with the shim, measured and drawn as a table.
demo: packages-demo
	@$(MAKE) -s --no-print-directory run-demo

run-demo: $(LIB) $(JUDGE) $(PROBE) $(B)/tests/programs/legacy
	@scripts/demo

include tests/long.mk

# Where blanks may be, and a tilde at its beginning is the shell's.
BLANK := $(subst ,, )
to     = $(subst $(BLANK),\$(BLANK),$(DESTDIR)$(1))
OWN    = $(PREFIX)/lib/onewrite
SHARE  = $(PREFIX)/share

# Where zsh looks for completions of what is installed here; a package of Debian's is to set vendor-completions.
ZSH_FUNCTIONS ?= site-functions

# A file takes its place when it is whole: programs that start meanwhile find the old one or the new one.
put = install -D -m $(1) $(2) $(3).new && mv -f $(3).new $(3)

install: $(LIB) $(JUDGE) $(PROBE) $(SHOW)
	$(call put,755,scripts/onewrite,$(call to,$(PREFIX)/bin/onewrite))
	$(call put,755,$(JUDGE),$(call to,$(OWN)/judge))
	$(call put,755,$(PROBE),$(call to,$(OWN)/probe))
	$(call put,755,$(SHOW),$(call to,$(OWN)/show))
	$(call put,644,$(LIB),$(call to,$(LIBDIR)/libonewrite.so))
	# judge finds the library beside itself
	@[ $(call to,$(LIBDIR)/libonewrite.so) -ef $(call to,$(OWN)/libonewrite.so) ] || \
		ln -srf $(call to,$(LIBDIR)/libonewrite.so) $(call to,$(OWN)/libonewrite.so)
	$(call put,644,docs/man/onewrite.1,$(call to,$(MANDIR)/man1/onewrite.1))
	$(call put,644,docs/man/onewrite.conf.5,$(call to,$(MANDIR)/man5/onewrite.conf.5))
	$(call put,644,docs/man/libonewrite.8,$(call to,$(MANDIR)/man8/libonewrite.8))
	$(call put,644,scripts/completions/onewrite.bash,$(call to,$(SHARE)/bash-completion/completions/onewrite))
	$(call put,644,scripts/completions/_onewrite,$(call to,$(SHARE)/zsh/$(ZSH_FUNCTIONS)/_onewrite))
	$(call put,644,scripts/completions/onewrite.fish,$(call to,$(SHARE)/fish/vendor_completions.d/onewrite.fish))

uninstall:
	rm -f $(call to,$(PREFIX)/bin/onewrite) $(call to,$(OWN)/judge) $(call to,$(OWN)/probe)
	rm -f $(call to,$(OWN)/show) $(call to,$(OWN)/libonewrite.so)
	rm -f $(call to,$(LIBDIR)/libonewrite.so)
	rm -f $(call to,$(MANDIR)/man1/onewrite.1) $(call to,$(MANDIR)/man5/onewrite.conf.5)
	rm -f $(call to,$(MANDIR)/man8/libonewrite.8)
	rm -f $(call to,$(SHARE)/bash-completion/completions/onewrite)
	rm -f $(call to,$(SHARE)/zsh/$(ZSH_FUNCTIONS)/_onewrite)
	rm -f $(call to,$(SHARE)/fish/vendor_completions.d/onewrite.fish)
	@rmdir $(call to,$(OWN)) 2>/dev/null || :

# Debian packages, in build/deb.
deb: packages-deb
	scripts/deb $(VERSION)

# They are installed, upgraded, used and purged in a tree of their own (root).
check-deb: packages-deb
	tests/deb/run $(VERSION)

# What is written in C, without programs of other kinds.
compiled: $(LIB) $(JUDGE) $(PROBE) $(SHOW) $(RECORDER) $(PROGRAMS) $(FUZZ) $(SUITES) $(BENCH) $(SOAK)

# What can be said without running anything: layout, scripts, C, manual pages, links and figures of the docs, repeated
# blocks.
lint: packages-lint
	@scripts/lint

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean:
	rm -rf build

.SECONDARY:

-include $(OBJS:.o=.d) $(JUDGE_OBJS:.o=.d) $(PROBE_OBJS:.o=.d) $(SHOW_OBJS:.o=.d) $(BENCH:=.d) \
	$(wildcard $(B)/tests/soak/*.d $(B)/tests/programs/*/*.d $(B)/tests/wrapper/*/*.d) \
	$(SUITES:=.d) $(WIDE_SUITES:=.d) $(MUSL_ALL:=.d) $(OLD_ALL:=.d) $(PROGRAMS:=.d) $(SUPPORT:.o=.d) \
	$(FUZZ_OBJS:.o=.d)
