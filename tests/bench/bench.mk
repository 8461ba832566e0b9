# Micro benches: one program per tests/bench/*_bench.cc. `make store_bench && build/release/store_bench`.
BENCHES := $(patsubst tests/bench/%.cc,%,$(wildcard tests/bench/*_bench.cc))
.PHONY: benches load $(BENCHES)
benches: $(BENCHES) load
$(BENCHES): %: $(B)/%
$(B)/%_bench: $(B)/obj/tests/bench/%_bench.o $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
-include $(patsubst %,$(B)/obj/tests/bench/%.d,$(BENCHES))

# The load generator of scripts/bench-coordination and scripts/overload.
LOAD_SRCS := $(wildcard tests/bench/load/*.cc)
load: $(B)/load
$(B)/load: $(call obj,$(LOAD_SRCS)) $(B)/libbase.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
-include $(patsubst %.o,%.d,$(call obj,$(LOAD_SRCS)))
