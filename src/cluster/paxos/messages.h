// What the members of a group say to each other, and its encoding.
//
// All messages may be lost, doubled, delayed and reordered; none of that is harmful. The sender's
// id is not in the message: the transport knows who is at the other end. Cluster id, checksum,
// version and fragments (frames ≤ 64 KB) are the transport's as well.
//
// Encoding (byte by byte in messages.md): one type byte, fixed-width or varint fields, entries,
// and, for the messages with one entry (Accept), the payload as the last bytes, so that a transport
// can send the head from its own buffer and the payload without copying it: whole = head +
// BytesOf(payload).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cluster/paxos/types.h"

namespace clustron::paxos {

// Bounds checked by Decode; a message beyond them is refused as corrupt.
inline constexpr size_t kMaxBlobBytes = 4096;
inline constexpr int64_t kMaxLeaseNs = 3'600'000'000'000;
inline constexpr size_t kMaxEntriesPerMessage = 4096;
// Rounds of ballots: one that no group reaches, so that adding to one never wraps round …
inline constexpr uint64_t kMaxRound = UINT64_MAX / 2;
// … and how far one may be above all that was promised here: as many elections as take a hundred
// years. Beyond it no member that means well can be, and one that doesn't uses up no rounds.
inline constexpr uint64_t kRoundLeapMax = uint64_t{1} << 32;
// Above this it is possible, and worth a word.
inline constexpr uint64_t kRoundLeapUsual = 1'000'000;
// Lists of entries are cut at this many payload bytes (a single bigger entry goes alone).
inline constexpr size_t kChunkBytes = 64 << 10;

// Election poll; from a leader also lease request, read round and news of the chosen slot.
struct Heartbeat {
  uint64_t probe = 0;   // the sender's counter, never used twice under one ballot
  int64_t sent_ns = 0;  // the sender's clock; echoed, never compared with the receiver's
  Ballot ballot;        // leader: the ballot it leads with. Others: zero.
  Slot chosen = 0;      // the sender's chosen prefix
  std::string blob;     // the driver's (digests …), opaque here
};

struct HeartbeatReply {
  uint64_t probe = 0;   // echoed
  int64_t sent_ns = 0;  // echoed
  Ballot ballot;        // echoed
  Ballot promised;      // highest ballot promised to anyone
  Ballot leader;        // ballot of the leader it follows or is; zero if none
  bool happy = false;   // hears a leader that hears a quorum (see election.h)
  // Only when `ballot` was a leader's: not below any promise given here. This reply counts for read
  // rounds, and a lease of `lease_ns`, the sender's setting, runs from the receipt.
  bool granted = false;
  int64_t lease_ns = 0;
  Slot chosen = 0;
  Slot durable = 0;  // highest slot durable here without a gap below it
  std::string blob;
};

// Phase 1a for every slot from `first` on.
struct Prepare {
  Ballot ballot;
  Slot first = 0;
  // The ballot of a leader that handed over to the sender: a lease granted under it is void.
  Ballot released;
};

// Phase 1b for the slots [first, last], durable. Long answers come in several: each is complete for
// its range, so the candidate can use any prefix and ask again (Prepare.first) from there.
struct Promise {
  Ballot ballot;
  Slot first = 0;
  Slot last = 0;       // kMaxSlot in the final one
  Slot chosen = 0;     // the sender's chosen prefix: slots up to it are not reported but must be
                       // learned (catch-up)
  Slot compacted = 0;  // slots up to it exist only inside the sender's snapshot
  std::vector<Accepted> accepted;  // by rising slot; what is not listed was never accepted …
  std::vector<Slot> unknown;       // … except these: the record is damaged, there is no answer
};

// Answer to a Prepare or Accept below a promise, or to one refused for a lease.
struct Nack {
  Ballot ballot;    // the refused one
  Ballot promised;  // what stands against it; equal to or below `ballot` when it is only a lease
};

// Phase 2a of one slot.
struct Accept {
  Accepted entry;
  Slot chosen = 0;  // the leader's chosen prefix, for the same ballot rule as Chosen
};

// Phase 2b, cumulative: every slot up to `up_to` is durably accepted under `ballot` here (or known
// to be chosen); bit i of `more` says the same of slot up_to + 1 + i.
struct AcceptOk {
  Ballot ballot;
  Slot up_to = 0;
  uint64_t more = 0;
};

// All slots up to `up_to` are chosen. What the receiver accepted under this same ballot is the
// chosen value; for slots accepted under another one it must ask (CatchUpRequest).
struct Chosen {
  Ballot ballot;
  Slot up_to = 0;
};

// "Send me what is chosen from `first` on": `last` bounds what is wanted (repair of one slot).
struct CatchUpRequest {
  Slot first = 0;
  Slot last = 0;
};

// Chosen entries by rising slot.
struct CatchUpReply {
  Slot chosen = 0;     // the sender's chosen prefix
  Slot compacted = 0;  // from below this a snapshot is the only way
  std::vector<Accepted> entries;
};

// The leader of `ballot` has stopped leading, and asks `target` (if any) to take over at once. Ends
// leases granted under the ballot.
struct Release {
  Ballot ballot;
  NodeId target = kNoNode;
};

using Message = std::variant<Heartbeat, HeartbeatReply, Prepare, Promise, Nack, Accept, AcceptOk,
                             Chosen, CatchUpRequest, CatchUpReply, Release>;

// Appends the encoding without the trailing payload and returns that payload (null: none). The
// message on the wire is `*out` followed by BytesOf(result).
Payload EncodeHead(const Message& message, std::string* out);
// Appends the whole encoding.
void Encode(const Message& message, std::string* out);
// Checks everything: bytes from a peer are never trusted. Payloads are copied out of `bytes`, or,
// where one is most of what `owner` holds, which `bytes` are part of, are that part of it.
Result<Message> Decode(std::string_view bytes, std::shared_ptr<const std::string> owner = nullptr);

// True for what is small and must not queue behind bulk data: heartbeats, acknowledgements,
// prepares, nacks, releases. (Not Chosen: it had better come after its accept.)
bool IsUrgent(const Message& message);
// Roughly how much memory a queued message holds; for bounded queues.
size_t SizeBytes(const Message& message);
const char* NameOf(const Message& message);
// The highest round of all ballots in it.
uint64_t HighestRound(const Message& message);

// Entries as they are in messages, for whoever stores or ships them (log store, snapshots).
// The head is all but the payload bytes, which follow it.
void EncodeAcceptedHead(const Accepted& entry, std::string* out);
Result<Accepted> DecodeAccepted(std::string_view bytes);

}  // namespace clustron::paxos
