# Micro benches: one program per tests/bench/*_bench.cc. `make store_bench && build/release/store_bench`.
BENCHES := $(patsubst tests/bench/%.cc,%,$(wildcard tests/bench/*_bench.cc))
.PHONY: benches $(BENCHES)
benches: $(BENCHES)
$(BENCHES): %: $(B)/%
$(B)/%_bench: $(B)/obj/tests/bench/%_bench.o $(LIBS)
	$(CXX) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
-include $(patsubst %,$(B)/obj/tests/bench/%.d,$(BENCHES))
