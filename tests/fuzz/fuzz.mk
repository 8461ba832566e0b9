# Fuzz targets: every tests/fuzz/NAME_fuzz.cc with its corpus in tests/fuzz/corpus/NAME. Included by
# the Makefile.
#   make fuzz-smoke          all targets, with our own driver: the corpus and FUZZ_RUNS changed inputs each
#   make fuzz FUZZ=request   one target under clang's libFuzzer with sanitizers, for FUZZ_SECONDS;
#                            without FUZZ all of them, one after another
#   make redis-model         numbers, globs, quoting, protocol errors compared with a redis-server
FUZZ_TARGETS := $(patsubst tests/fuzz/%_fuzz.cc,%,$(wildcard tests/fuzz/*_fuzz.cc))
FUZZ ?= $(FUZZ_TARGETS)
FUZZ_RUNS ?= 20000
FUZZ_SEED ?= 1
FUZZ_SECONDS ?= 60
FUZZ_CXX ?= clang++-19

.PHONY: fuzz fuzz-smoke redis-model
fuzz-smoke: $(FUZZ_TARGETS:%=$(B)/fuzz/%)
	@for t in $(FUZZ_TARGETS); do \
	  $(B)/fuzz/$$t --runs $(FUZZ_RUNS) --seed $(FUZZ_SEED) --dict tests/fuzz/resp.dict tests/fuzz/corpus/$$t || exit 1; \
	done; echo "$(words $(FUZZ_TARGETS)) passed, 0 failed"

$(B)/fuzz/%: $(B)/obj/tests/fuzz/%_fuzz.o $(B)/obj/tests/fuzz/driver.o $(LIBS)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)

# Runs a whole node on a simulated disk.
$(B)/fuzz/member: $(call obj,$(SIM_FOUNDATIONS))
build/fuzzer/member: $(patsubst %.cc,build/fuzzer/obj/%.o,$(SIM_FOUNDATIONS))

redis-model: $(B)/redis-model ; $(B)/redis-model --seed $(FUZZ_SEED)
$(B)/redis-model: $(call obj,tests/fuzz/redis_model.cc tests/support/resp_client.cc) $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# libFuzzer wants all code compiled by clang with coverage: a tree of its own.
FUZZ_CXXFLAGS := $(filter-out -O2 -DCLUSTRON_JEMALLOC,$(CXXFLAGS)) -O1 -DCLUSTRON_DEBUG -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
build/fuzzer/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CCACHE) $(FUZZ_CXX) $(FUZZ_CXXFLAGS) -MMD -MP -c -o $@ $<
build/fuzzer/%: build/fuzzer/obj/tests/fuzz/%_fuzz.o $(patsubst %.cc,build/fuzzer/obj/%.o,$(LIB_SRCS))
	$(FUZZ_CXX) -fsanitize=fuzzer,address,undefined -o $@ $^ $(filter-out -ljemalloc,$(PKG_LIBS))
fuzz: $(FUZZ:%=build/fuzzer/%)
	@for t in $(FUZZ); do \
	  mkdir -p build/fuzzer/corpus/$$t; \
	  build/fuzzer/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -dict=tests/fuzz/resp.dict \
	    -artifact_prefix=build/fuzzer/ build/fuzzer/corpus/$$t tests/fuzz/corpus/$$t || exit 1; \
	done

.SECONDARY:
-include $(wildcard $(B)/obj/tests/fuzz/*.d) $(wildcard build/fuzzer/obj/tests/fuzz/*.d)
