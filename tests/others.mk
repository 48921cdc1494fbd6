# The suites of tests/preload with programs of other kinds: of 32 bits with 64-bit time, of musl, of an older glibc, of
# other machines. Each kind has a tree of its own under build/, with programs, recorder and library; the suites are this
# machine's, and are told where that tree is. What cannot be built here is added to NOT_HERE, and counted.

# The suites $(4) for programs of another kind: compiled with the options $(3), and told that those programs lie in
# $(1); the target $(2) builds them.
define SUITES_FOR
$(1)/suites/%.o: tests/%.c
	@mkdir -p $$(@D)
	$$(call say,CC)$$(CC) $$(CFLAGS_ALL) $$(call OF_TESTS,$(1)) $(3) -c -o $$@ $$<
$(4): %: %.o $$(SUPPORT:$$(B)/tests/%=$(1)/suites/%) | $(2)
	$$(call say,LD)$$(CC) $$(CFLAGS_ALL) -o $$@ $$^ -lcriterion -lbsd -pthread
endef

# A program of 32 bits with 64-bit time calls libc by names of its own. Where there is a compiler for it, a few suites
# run once more: with such steps, and a library and a recorder to go with them. So the library is also built with the
# flags that those want.
ifeq ($(SAN)$(LIBRARY),)
WIDE    := $(B)/wide
WIDE_CC := $(FOR_I386)
ifneq ($(WIDE_CC),)
WIDE_SUITES := $(addprefix $(WIDE)/suites/preload/,doors release join deadline)
$(eval $(call SUITES_FOR,$(WIDE),wide,-DWIDE,$(WIDE_SUITES)))
else
NOT_HERE += --skipped "doors, release, join, deadline in programs of 32 bits with 64-bit time: no compiler for them \
	(Debian package gcc-i686-linux-gnu), or this machine runs none"
endif
.PHONY: wide
wide:
	@$(MAKE) --no-print-directory B=$(WIDE) CC='$(WIDE_CC)' CPPFLAGS='-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64' \
		$(addprefix $(WIDE)/,libonewrite.so tests/recorder.so \
		$(addprefix tests/programs/,p_steps p_scenarios p_late p_moment))
endif

# Programs of musl's, under a library that was built for it. The suites are those of above, built with $(CC) as ever,
# but for contexts and names (functions and versions of glibc's), beside (libraries of glibc's), loads (scripts/gate
# tries musl itself) and fuzz (whose clones hang bare). Rows that cannot be on musl say so (tests/support/left_out.c).
# make check-musl runs all suites, make check those that are quick.
ifeq ($(SAN)$(LIBRARY)$(OTHER_LIBC),)
MUSL        := $(B)/musl
NOT_ON_MUSL := contexts names beside loads fuzz
MUSL_ALL    := $(MUSL)/suites/musl/other_libc $(patsubst tests/preload/%.c,$(MUSL)/suites/preload/%,$(filter-out \
	$(NOT_ON_MUSL:%=tests/preload/%.c),$(wildcard tests/preload/*.c)))
ifneq ($(shell command -v musl-gcc),)
MUSL_SUITES := $(addprefix $(MUSL)/suites/,musl/other_libc $(addprefix preload/,join release doors lifecycle arrived \
	kernel_hold ordinary))
else
NOT_HERE += --skipped "the library built for musl: no musl-gcc (Debian package musl-tools)"
endif
.PHONY: musl check-musl run-musl
musl:
	@$(MAKE) --no-print-directory CC=musl-gcc \
		$(addprefix $(MUSL)/,libonewrite.so judge probe show tests/recorder.so) \
		$(patsubst $(B)/%,$(MUSL)/%,$(filter-out %/p_contexts %/p_names %/p_title,$(PROGRAMS)))

$(eval $(call SUITES_FOR,$(MUSL),musl,-DON_MUSL,$(MUSL_ALL)))
$(MUSL)/suites/musl/other_libc: | $(LIB) $(B)/tests/programs/p_steps

check-musl: packages-musl
	@$(MAKE) --no-print-directory run-musl

run-musl: $(MUSL_ALL)
	@tests/check $^
endif

# Programs of an older glibc, which has threads in a library of their own, under the library that was built here: they
# are linked to it (tests/old_glibc fetches it). The suites are those of above, but for beside and clock (libraries of
# the newer glibc's), names (the versions are those of the newer one), loads and fuzz. make check-old runs all of them,
# make check those that are quick.
ifeq ($(SAN)$(LIBRARY)$(OTHER_LIBC),)
OLD         := $(B)/old
OLD_LIBS    := $(abspath $(OLD))/glibc/lib
OLD_LINK     = -nodefaultlibs -Wl,--dynamic-linker=$(OLD_LIBS)/ld-linux-x86-64.so.2 \
	-Wl,--disable-new-dtags,-rpath,$(OLD_LIBS),--no-as-needed $(patsubst %,$(OLD_LIBS)/%,libpthread.so.0 \
	libdl.so.2 librt.so.1 libutil.so.1 libc.so.6 ld-linux-x86-64.so.2) -lgcc
NOT_ON_OLD  := beside clock loads names fuzz
OLD_ALL     := $(patsubst tests/preload/%.c,$(OLD)/suites/preload/%,$(filter-out \
	$(NOT_ON_OLD:%=tests/preload/%.c),$(wildcard tests/preload/*.c)))
ifeq ($(shell $(CC) -dumpmachine),x86_64-linux-gnu)
OLD_SUITES  := $(addprefix $(OLD)/suites/preload/,join release doors lifecycle arrived threads places)
else
NOT_HERE += --skipped "join, release, doors, lifecycle, secure with programs of glibc 2.31: none is known for this \
	machine"
endif
.PHONY: old check-old run-old
$(OLD)/glibc/lib/libc.so.6: tests/old_glibc
	@tests/old_glibc $(OLD)/glibc
	@touch $@

# The recorder goes with every libc, for a program of the old one may start others.
old: $(OLD)/glibc/lib/libc.so.6 $(LIB)
	@$(MAKE) --no-print-directory B=$(OLD) GLIBC= IN_FRONT=tests/support/old_glibc.h $(OLD)/tests/recorder.so
	@$(MAKE) --no-print-directory B=$(OLD) LAST='$(OLD_LINK)' IN_FRONT=tests/support/old_glibc.h \
		$(patsubst $(B)/%,$(OLD)/%,$(filter-out %/p_title,$(PROGRAMS)))
	@ln -sf ../libonewrite.so $(OLD)/libonewrite.so

$(eval $(call SUITES_FOR,$(OLD),old,-DON_OLD_GLIBC,$(OLD_ALL)))

check-old: packages-check
	@$(MAKE) --no-print-directory run-old

run-old: $(OLD_ALL)
	@tests/check $^
endif

# Other machines: this machine's suites, with programs, library and recorder of that one, which an emulator runs; and
# tests/unit there. Every `make check` has a short look at one of them, where its compiler and its emulator are.
MACHINES ?= aarch64-linux-gnu arm-linux-gnueabihf riscv64-linux-gnu powerpc64le-linux-gnu s390x-linux-gnu i686-linux-gnu
EMULATOR_OF = qemu-$(patsubst powerpc%,ppc%,$(patsubst i686,i386,$(firstword $(subst -, ,$(1)))))
EMULATED_BY = $(if $(filter $(1),$(RUNS_HERE)),,$(EMULATOR_OF) -L /usr/$(1))
RUNS_HERE   = $(if $(call runs_here,i686-linux-gnu-gcc),i686-linux-gnu)
MACHINE_UNITS    := $(patsubst tests/unit/%.c,tests/machines/%,$(filter-out \
	%/pure.c %/layers.c %/late.c %/lock.c %/passage.c %/pool.c,$(wildcard tests/unit/*.c)))
MACHINE_PROGRAMS := libonewrite.so judge tests/recorder.so $(addprefix tests/programs/,p_steps p_scenarios p_late \
	p_moment p_threads legacy) $(MACHINE_UNITS)
MACHINE_SUITES    = $(addprefix build/$(1)/suites/preload/,join release deadline doors kernel_hold threads)

# $(1): the machine
define MACHINE
.PHONY: programs-$(1)
programs-$(1):
	@$$(MAKE) --no-print-directory CROSS=$(1) $$(addprefix build/$(1)/,$$(MACHINE_PROGRAMS))
endef
ifeq ($(CROSS)$(SAN)$(LIBRARY),)
ifneq ($(shell command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64),)
SHORT_LOOK := build/aarch64-linux-gnu/suites/preload/join
else
NOT_HERE += --skipped "join with programs of arm64: no compiler for it, or nothing to run its programs \
	(Debian packages gcc-aarch64-linux-gnu and qemu-user)"
endif
KIND_OF = $(if $(filter $(1),$(RUNS_HERE)),-DWIDE,-DEMULATOR='"$(call EMULATOR_OF,$(1))","-L","/usr/$(1)"' \
	$(if $(filter s390x%,$(1)),-DEMULATED_BIG_ENDIAN))
$(foreach m,$(MACHINES),$(eval $(call MACHINE,$(m))) \
	$(eval $(call SUITES_FOR,build/$(m),programs-$(m),$(call KIND_OF,$(m)),$(call MACHINE_SUITES,$(m)))))
endif

check-machines: packages-machines
	@$(MAKE) --no-print-directory run-machines

run-machines: $(foreach m,$(MACHINES),$(call MACHINE_SUITES,$(m))) $(PROBE)
	@tests/machines/run $(foreach m,$(MACHINES),'$(strip $(m) $(call EMULATED_BY,$(m)))')

ifneq ($(CROSS),)
$(B)/tests/machines/%: tests/unit/%.c tests/machines/runner.c tests/support/page.c $(PURE) $(B)/shim/config.o
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS_ALL) $(call OF_TESTS,$(B)) -Itests/machines -o $@ $^ $(LIBATOMIC) -pthread
endif
