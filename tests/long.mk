# What takes long: libFuzzer, measurements, other projects' suites, planted faults, the soak. Included by Makefile.

# The pure modules against whatever libFuzzer thinks of (clang).
FUZZ_SECONDS ?= 60
$(B)/tests/http_fuzz: tests/fuzz/http_fuzz.c $(addprefix shim/,http.c framing.c request.c http.h framing.h request.h)
	@mkdir -p $(@D)/found
	$(call say,LD)clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -Ishim -o $@ $(filter %.c,$^)

fuzz-http: packages-fuzz
	@$(MAKE) --no-print-directory run-fuzz-http

run-fuzz-http: $(B)/tests/http_fuzz
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=600 -dict=tests/fuzz/http.dict -artifact_prefix=$(<D)/found/ \
		$(<D)/found tests/fuzz/corpus

# What it costs and what it gains, beside programs written right (root, two cores, nothing else running). QUICK=1: a
# first look.
BENCH := $(addprefix $(B)/tests/bench/,server client calls threads first)
$(BENCH): %: %.o
	$(call say,LD)$(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBBSD) -lm -pthread

OTHER_PRELOADS := $(addprefix $(B)/tests/bench/,nodelay.so empty.so)
$(OTHER_PRELOADS): $(B)/tests/bench/%.so: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS_ALL) -fPIC -shared -o $@ $<

bench: packages-bench
	@$(MAKE) --no-print-directory run-bench

run-bench: $(LIB) $(JUDGE) $(PROBE) $(BENCH) $(OTHER_PRELOADS) $(B)/conf/libonewrite.so
	@tests/bench/run $(if $(QUICK),-q) $(B)

# What was measured, into the page: all of it, or the sections that tests/bench/run was told.
bench-page:
	@tests/bench/write $(B) docs/measurements.md

# Other people's test suites, bare and under the shim, test by test (on Debian 12).
check-suites: packages-suites
	@$(MAKE) --no-print-directory run-foreign

run-foreign: $(LIB) $(JUDGE) $(PROBE)
	tests/suites/run

# One-line faults, planted one at a time in a copy: each must be caught by a test.
mutants:
	tests/mutants/run

# Servers in C and in node under load: no wrong byte, no growth.
SOAK := $(B)/tests/soak/server $(B)/tests/soak/client
$(B)/tests/soak/server: $(patsubst %,$(B)/tests/soak/%.o,server answer let_go)
$(B)/tests/soak/client: $(B)/tests/soak/client.o
$(SOAK):
	$(call say,LD)$(CC) $(CFLAGS_ALL) -o $@ $^ $(LIBBSD) -pthread

MINUTES ?= 30
soak: packages-soak
	@$(MAKE) --no-print-directory run-soak

run-soak: $(LIB) $(JUDGE) $(PROBE) $(SOAK)
	tests/soak/run $(MINUTES)
