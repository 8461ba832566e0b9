// What the commands of one read of a client's bytes have in common, found out at most once. It
// stands on the stack of RequestReader::Feed.
#pragma once

#include <cstdint>

namespace clustron::server {

struct Turn {
  int64_t now_ns = 0;  // at its beginning
  int64_t now_ms() const { return now_ns / 1'000'000; }

  // Whether reads need not ask anybody: see ReadGate::MayReadNow.
  enum class ReadNow : uint8_t { kUnknown, kYes, kNo };
  ReadNow read_now = ReadNow::kUnknown;

  // Whether any key is due by the clocks that reads go by: see ReadGate::NeedsTickNow.
  enum class Due : uint8_t { kUnknown, kNothing, kSomething };
  Due due = Due::kUnknown;

  uint64_t key_hash = 0;  // of the second word of the request at hand; 0: not known
};

}  // namespace clustron::server
