// The words of the consensus core: nodes, slots, ballots, entries, log records.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/payload.h"

namespace clustron::paxos {

// A member of the group. Ids are given once and never again to another disk; 0 is "none".
using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0;

// A place in the log. The first is 1; 0 is "none" and the end of the empty prefix.
using Slot = uint64_t;
inline constexpr Slot kNoSlot = 0;
inline constexpr Slot kMaxSlot = ~Slot{0};

// Orders leaderships. A ballot belongs to one node, so no two nodes ever propose under the same.
struct Ballot {
  uint64_t round = 0;
  NodeId node = kNoNode;

  friend auto operator<=>(const Ballot&, const Ballot&) = default;
  explicit operator bool() const { return round != 0; }
};

// The bytes of an entry, never changed after they were proposed. Shared, and that is intended: the
// same bytes are held at once by the log window, the WAL thread, a queue per peer and the apply
// loop, all of which let go at different times and one of which is another thread. Null and empty
// mean the same.
using Payload = clustron::Payload;

inline std::string_view BytesOf(const Payload& payload) { return payload.view(); }

// What Paxos needs to know of an entry. Values go to disk and over the wire: never renumber.
enum class EntryKind : uint8_t {
  kNoop = 1,    // first entry of a new leader's own ballot; eight random bytes that tell it from
                // that of another life under the same ballot. All entries whose first_ballot is
                // below the highest applied kNoop's are void.
  kFiller = 2,  // closes a hole that an earlier leader left; no payload, means nothing
  kBatch = 3,   // items of clients and of the server itself; opaque here
  kConfig = 4,  // a membership change; opaque here, but nothing is proposed behind it until it
                // has been applied (SetMembers)
};
inline constexpr uint8_t kEntryKindMax = 4;

// What a slot is agreed on.
struct Value {
  EntryKind kind = EntryKind::kFiller;
  // The ballot that first proposed it. Re-proposals under later ballots keep it, so that apply can
  // tell a deposed leader's entry that came back (void) from a current one.
  Ballot first_ballot;
  Payload payload;

  friend bool operator==(const Value& a, const Value& b) {
    return a.kind == b.kind && a.first_ballot == b.first_ballot &&
           BytesOf(a.payload) == BytesOf(b.payload);
  }
};

// An acceptor's answer to "what did you last accept in this slot".
struct Accepted {
  Slot slot = kNoSlot;
  Ballot ballot;  // the ballot it was accepted under
  Value value;

  friend bool operator==(const Accepted&, const Accepted&) = default;
};

// One record of the durable log, written in the order given.
//
// Recovery: promised = the highest of all promise and accept ballots; of several accepts of one
// slot the last written holds; chosen_hint = the last kChosen.
struct LogRecord {
  enum class Type : uint8_t {
    kPromise = 1,  // `ballot`
    kAccept = 2,   // `accepted`; implies the promise of accepted.ballot
    kChosen = 3,   // `slot`: everything up to it is chosen, and the values accepted here are the
                   // chosen ones. A hint: may be lost, may come late; needs no fsync of its own.
  };
  Type type = Type::kPromise;
  uint64_t seq = 0;  // 1, 2, 3 … within this process; what OnDurable counts in
  Ballot ballot;
  Accepted accepted;
  Slot slot = kNoSlot;
};

enum class Role : uint8_t { kFollower, kCandidate, kLeader };

}  // namespace clustron::paxos
