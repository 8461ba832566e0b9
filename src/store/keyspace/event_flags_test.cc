#include "store/keyspace/event_flags.h"

#include <doctest/doctest.h>

namespace clustron::store {

TEST_CASE("event flags are printed as Redis prints them") {
  const auto canonical = [](std::string_view text) { return *CanonicalEventFlags(text); };
  CHECK(canonical("") == "");
  CHECK(canonical("KEA") == "AKE");
  CHECK(canonical("Kx") == "xK");
  CHECK(canonical("gx") == "gx");
  CHECK(canonical("KEg$lshzxetd") == "AKE");
  CHECK(canonical("te") == "et");
  CHECK(canonical("AmE") == "AEm");
  CHECK(canonical("nKA") == "AnK");
  CHECK(canonical("nmKg") == "gnKm");
  CHECK(CanonicalEventFlags("KQ").error().detail ==
        "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
}

TEST_CASE("A stands for all classes but new and missed keys") {
  const uint32_t flags = *ParseEventFlags("AE");
  CHECK((flags & kEventKeyevent) != 0);
  CHECK((flags & kEventKeyspace) == 0);
  for (EventClass cls : {EventClass::kGeneric, EventClass::kString, EventClass::kHash,
                         EventClass::kStream, EventClass::kExpired, EventClass::kEvicted}) {
    CHECK((flags & EventBit(cls)) != 0);
  }
  CHECK((flags & EventBit(EventClass::kMiss)) == 0);
  CHECK((flags & EventBit(EventClass::kNew)) == 0);
}

}  // namespace clustron::store
