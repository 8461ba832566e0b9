// What nodes say to each other besides Paxos: forwarded items, read rounds, calls to the leader's
// memory, ticks, messages for subscribers, snapshots. One byte of kind, then the body. Losing any
// of them is harmless: whoever needs the answer asks again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/node/read_rounds.h"
#include "cluster/paxos/types.h"
#include "cluster/wire/transport.h"
#include "persist/snapshot_store.h"

namespace clustron::cluster {

enum class WireKind : uint8_t {
  kPaxos = 1,           // body: paxos/messages.h
  kForward = 2,         // ballot, then encoded items of the sender's session
  kReadAsk = 3,         // round id
  kReadGrant = 4,       // round id, slot, elapsed, wall
  kTickAsk = 5,         // tick id: "have the clocks of now applied"
  kLeaderCall = 6,      // call id, body of the caller's host
  kLeaderAnswer = 7,    // call id, body
  kPublish = 8,         // body of the host
  kSnapshotOffer = 9,   // name: "from which offset on do you want this?"
  kSnapshotChunk = 10,  // name, offset, crc32c, bytes
  kSnapshotAck = 11,    // name, offset received so far (all: installed)

  kIntroduction = 20,        // introduction.h: first on each new link
  kIntroductionAnswer = 21,  // introduction.h
  kStanding = 22,            // introduction.h: how far the sender's log is durable

  kDigestAsk = 30,    // slot: "what is your digest there?"
  kDigest = 31,       // slot, the sender's digest there
  kBeyond = 32,       // see Beyond
  kClockAsk = 40,     // the asker's monotonic ns: "what does your wall clock show?"
  kClockAnswer = 41,  // that number again, unix ms
  kTickGrant = 42,    // tick id, slot: chosen, with clocks not older than the question
  kNodeCall = 43,     // call id, body of the caller's host: from feature version 5 on
  kNodeAnswer = 44,   // call id, body
};

// The longest list of forwarded items in one message.
inline constexpr size_t kForwardBytesMax = 256 * 1024;
// Which snapshot a message is about.
struct SnapshotName {
  paxos::Slot slot = 0;
  uint64_t bytes = 0;
  uint64_t file_id = 0;  // its checksum: two nodes' snapshots of one slot may differ in order
  friend bool operator==(const SnapshotName&, const SnapshotName&) = default;
};

// What a node's heartbeats and their answers say of its state.
struct StateNews {
  uint64_t boot = 0;  // of the sender
  paxos::Slot applied = 0;
  paxos::Ballot follows;  // its leader's ballot; zero: none
  paxos::Slot slot = 0;   // the last 64th one that is applied; 0: none
  uint64_t digest = 0;    // there
  bool disk_low = false;
};

// A leader to a member that claims more than was ever proposed: it has another log.
struct Beyond {
  paxos::Slot proposed = 0;  // nothing beyond it
  uint32_t agree = 0;        // voters that go along with the leader, itself included
};

std::string EncodeNews(const StateNews& news);
bool DecodeNews(std::string_view bytes, StateNews* news);
std::string WireDigestAsk(paxos::Slot slot);
std::string WireDigest(paxos::Slot slot, uint64_t digest);
std::string WireBeyond(const Beyond& beyond);
bool ReadDigestAsk(std::string_view body, paxos::Slot* slot);
bool ReadDigest(std::string_view body, paxos::Slot* slot, uint64_t* digest);
bool ReadBeyond(std::string_view body, Beyond* beyond);
std::string WireOf(WireKind kind, std::string_view body);
std::string WirePaxos(std::string_view body);
std::string WireReadAsk(uint64_t id);
std::string WireReadGrant(uint64_t id, const ReadGrant& grant);
std::string WireTickAsk(uint64_t id);
std::string WireTickGrant(uint64_t id, paxos::Slot slot);
std::string WireClockAsk(int64_t asked_ns);
std::string WireClockAnswer(int64_t asked_ns, int64_t wall_ms);
std::string WireCall(WireKind kind, uint64_t id, std::string_view body);
// Small calls to the leader's memory, and small answers, go with the urgent messages: a keepalive
// does not wait behind another client's bulk.
inline Urgency UrgencyOfCall(std::string_view body) {
  return body.size() <= 4096 ? Urgency::kUrgent : Urgency::kBulk;
}
std::string WirePublish(std::string_view body);
std::string WireSnapshotOffer(const SnapshotName& name);
std::string WireSnapshotChunk(const SnapshotName& name, const persist::SnapshotChunk& chunk);
std::string WireSnapshotAck(const SnapshotName& name, uint64_t offset);

// Builds kForward messages item by item.
class ForwardBuilder {
 public:
  explicit ForwardBuilder(paxos::Ballot ballot);
  void Add(std::string_view item) { bytes_.append(item); }
  size_t size() const { return bytes_.size(); }
  bool empty() const;
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Splits off the kind. False: empty or unknown.
bool ReadWireKind(std::string_view message, WireKind* kind, std::string_view* body);
// The bodies. False: malformed; the caller drops the link.
bool ReadForward(std::string_view body, paxos::Ballot* ballot, std::string_view* items);
bool ReadReadAsk(std::string_view body, uint64_t* id);
bool ReadReadGrant(std::string_view body, uint64_t* id, ReadGrant* grant);
bool ReadTickAsk(std::string_view body, uint64_t* id);
bool ReadTickGrant(std::string_view body, uint64_t* id, paxos::Slot* slot);
bool ReadClockAsk(std::string_view body, int64_t* asked_ns);
bool ReadClockAnswer(std::string_view body, int64_t* asked_ns, int64_t* wall_ms);
bool ReadCall(std::string_view body, uint64_t* id, std::string_view* rest);
bool ReadSnapshotOffer(std::string_view body, SnapshotName* name);
bool ReadSnapshotChunk(std::string_view body, SnapshotName* name, persist::SnapshotChunk* chunk);
bool ReadSnapshotAck(std::string_view body, SnapshotName* name, uint64_t* offset);

}  // namespace clustron::cluster
