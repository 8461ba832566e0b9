# Clustron's build. `make` builds build/clustron-server; `make help` lists the rest.
#
# Variants are whole object trees of their own, picked with V=...:
#   release (default)  -O2, jemalloc, asserts on
#   debug              -O0, DCHECK on
#   sim                -O2, planted bugs and BUGGIFY points can be switched on at run time
#   asan / tsan        sanitizers, no jemalloc
V ?= release
CXX := g++
CCACHE := $(shell command -v ccache 2>/dev/null)
# Copies of the tree (scripts/mutants) find what they have not changed in the cache.
export CCACHE_NOHASHDIR := 1
B := build/$(V)

PKGS := libuv spdlog libcrypto
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Werror
# Packages' headers come in as system headers, so that our warnings are about our code.
PKG_CFLAGS := $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lxxhash -lpthread
CXXFLAGS := -std=c++2b -g1 -fno-omit-frame-pointer -ffp-contract=off -msse4.2 $(WARN) $(PKG_CFLAGS) -Isrc -I.
LDFLAGS :=

ifeq ($(V),release)
CXXFLAGS += -O2
PKG_LIBS += -ljemalloc
CXXFLAGS += -DCLUSTRON_JEMALLOC
else ifeq ($(V),debug)
CXXFLAGS += -O0 -DCLUSTRON_DEBUG
else ifeq ($(V),sim)
CXXFLAGS += -O2 -DCLUSTRON_DEBUG -DCLUSTRON_SIM
PKG_LIBS += -ljemalloc
else ifeq ($(V),asan)
CXXFLAGS += -O1 -DCLUSTRON_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(V),simasan)
CXXFLAGS += -O1 -DCLUSTRON_DEBUG -DCLUSTRON_SIM -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(V),tsan)
CXXFLAGS += -O1 -DCLUSTRON_DEBUG -fsanitize=thread
LDFLAGS += -fsanitize=thread
else
$(error unknown variant V=$(V))
endif

# FEATURE_VERSION=N builds build/$(V)/clustron-server-vN: the same program, except that it says that it
# knows the log's rules up to version N. For tests of mixed versions; one file is compiled anew.
ifdef FEATURE_VERSION
FEATURE_OBJ := $(B)/obj/feature_version-$(FEATURE_VERSION).o
VERSIONED := $(B)/clustron-server-v$(FEATURE_VERSION)
endif

SRCS := $(shell find src -name '*.cc')
TEST_SRCS := $(filter %_test.cc,$(SRCS)) $(shell find tests -maxdepth 1 -name 'unit_main.cc') $(shell find tests/support -name '*.cc' 2>/dev/null)
LIB_SRCS := $(filter-out %_test.cc src/main.cc,$(SRCS))
# One archive for each layer, each above those that follow it.
LAYERS := server state cluster commands store persist resp net base
include tests/sim/sim.mk
obj = $(patsubst %.cc,$(B)/obj/%.o,$(1))
LIBS := $(LAYERS:%=$(B)/lib%.a)

.PHONY: all server unit sim clean help test check asan tsan debug tidy house format bench compat sim-long demo mutants
all: server
server: $(or $(VERSIONED),build/clustron-server)
unit: $(B)/unit-tests
sim: ; $(MAKE) V=sim build/sim/clustron-sim
sim-long: sim ; build/sim/clustron-sim --regression --probes --seeds 1..30000

build/clustron-server: $(B)/clustron-server
	@mkdir -p build && ln -sf $(V)/clustron-server $@

$(B)/clustron-server: $(call obj,src/main.cc) $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
ifdef FEATURE_VERSION
$(FEATURE_OBJ): src/cluster/log/feature_version.cc src/cluster/log/feature_version.h
	@mkdir -p $(dir $@)
	$(CCACHE) $(CXX) $(CXXFLAGS) -DCLUSTRON_FEATURE_VERSION=$(FEATURE_VERSION) -c -o $@ $<
# Its object comes before the library's of the same name, which is not taken then.
$(VERSIONED): $(call obj,src/main.cc) $(FEATURE_OBJ) $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
endif
$(B)/unit-tests: $(call obj,$(TEST_SRCS)) $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/clustron-sim: $(call obj,$(SIM_SRCS)) $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
define layer_archive
$(B)/lib$(1).a: $(call obj,$(filter src/$(1)/%,$(LIB_SRCS)))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_archive,$(l))))

# `make layers`: a layer's unit tests are linked against that layer and the lower ones alone, so that
# nothing in there calls upwards by a declaration of its own.
LAYERS_BELOW_store := base
LAYERS_BELOW_commands := store persist resp base
LAYERS_BELOW_cluster := persist net base
LAYERS_BELOW_state := cluster commands store persist resp net base
LAYERS_BELOW_persist := base
LAYERS_BELOW_resp := base
LAYERS_BELOW_net := base
LAYERS_BELOW_base :=
LOWER_LAYERS := $(filter-out server,$(LAYERS))
.PHONY: layers
layers: $(LOWER_LAYERS:%=$(B)/layers/%)
define layer_tests
$(B)/layers/$(1): $(call obj,tests/unit_main.cc $(filter src/$(1)/%_test.cc,$(SRCS))) $(B)/libsupport.a $(B)/lib$(1).a $(LAYERS_BELOW_$(1):%=$(B)/lib%.a)
	@mkdir -p $$(@D)
	$$(CXX) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach l,$(LOWER_LAYERS),$(eval $(call layer_tests,$(l))))
$(B)/libsupport.a: $(call obj,$(filter tests/support/%,$(TEST_SRCS)) $(SIM_FOUNDATIONS))
	@rm -f $@
	ar rcs $@ $^

$(B)/obj/%.o: %.cc
	@mkdir -p $(dir $@)
	$(CCACHE) $(CXX) $(CXXFLAGS) -MMD -MP -c -o $@ $<

include tests/bench/bench.mk
-include $(patsubst %.o,%.d,$(call obj,$(SRCS) $(TEST_SRCS) $(SIM_SRCS)))

-include tests/fuzz/fuzz.mk

# Tests. `make test` is the quick part of ./scripts/test, which is everything.
test: ; ./scripts/test --quick
tidy: ; scripts/tidy.py
house: ; scripts/house.py
format: ; git ls-files -co --exclude-standard -- 'src/*.cc' 'src/*.h' 'tests/*.cc' 'tests/*.h' | xargs -r clang-format-19 -i
debug: ; $(MAKE) V=debug build/debug/clustron-server unit && build/debug/unit-tests
asan: ; $(MAKE) V=asan build/asan/clustron-server unit && build/asan/unit-tests && CLUSTRON_SERVER=$(CURDIR)/build/asan/clustron-server tests/commands/run_cases.py
tsan: ; $(MAKE) V=tsan build/tsan/clustron-server unit && build/tsan/unit-tests && CLUSTRON_SERVER=$(CURDIR)/build/tsan/clustron-server tests/commands/run_cases.py --durability always
compat: server ; scripts/test compat-python compat-node compat-dotnet compat-cli compat-tcl
bench: server ; scripts/bench
demo: server ; scripts/demo packages
mutants: ; scripts/mutants

clean:
	rm -rf build
help:
	@sed -n '1,10p' Makefile
	@echo '#'
	@echo '# all unit sim          build the server, the unit tests, the simulator'
	@echo '# test                  the quick tests;  ./scripts/test runs all of them'
	@echo '# tidy format house     style checks; reformat; the layout in figures'
	@echo '# layers                the unit tests of each layer, linked against lower layers alone'
	@echo '# debug asan tsan       build that variant, run unit tests and command cases with it'
	@echo '# fuzz-smoke fuzz       fuzz targets: shortly; under libFuzzer (tests/fuzz/fuzz.mk)'
	@echo '# compat bench demo     client suites; measurements; the demonstration on real data'
