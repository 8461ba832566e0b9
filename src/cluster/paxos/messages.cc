#include "cluster/paxos/messages.h"

#include <algorithm>
#include <utility>

#include "base/breather.h"
#include "base/coding.h"

namespace clustron::paxos {

namespace {

// On the wire: never renumber. The order of Message's alternatives is free.
enum class Type : uint8_t {
  kHeartbeat = 1,
  kHeartbeatReply = 2,
  kPrepare = 3,
  kPromise = 4,
  kNack = 5,
  kAccept = 6,
  kAcceptOk = 7,
  kChosen = 8,
  kCatchUpRequest = 9,
  kCatchUpReply = 10,
  kRelease = 11,
};

void Put(Writer& w, Type type) { w.U8(static_cast<uint8_t>(type)); }

void Put(Writer& w, const Ballot& ballot) {
  w.Varint(ballot.round);
  w.Varint(ballot.node);
}

bool Get(Reader& r, Ballot* ballot) {
  ballot->round = r.Varint();
  const uint64_t node = r.Varint();
  if (node > UINT32_MAX || ballot->round > kMaxRound) return false;
  ballot->node = static_cast<NodeId>(node);
  // A ballot without a node or without a round is none at all.
  return (ballot->round == 0) == (ballot->node == kNoNode);
}

// All of an entry but its bytes; their number comes last.
void PutHead(Writer& w, const Accepted& entry) {
  w.Varint(entry.slot);
  Put(w, entry.ballot);
  w.U8(static_cast<uint8_t>(entry.value.kind));
  Put(w, entry.value.first_ballot);
  w.Varint(BytesOf(entry.value.payload).size());
}

// Of a message. Of one that is shared, an entry's bytes are a part, if they are most of it.
struct MessageReader : Reader {
  MessageReader(std::string_view bytes_in, std::shared_ptr<const std::string> owner_in)
      : Reader(bytes_in), owner(std::move(owner_in)) {}

  Payload Keep(std::string_view part) const {
    if (owner != nullptr && part.size() >= owner->size() / 2) return {owner, part};
    auto copy = std::make_shared<std::string>();
    AppendBreathing(copy.get(), part);
    return copy;
  }

  const std::shared_ptr<const std::string> owner;  // null: not shared
};

bool Get(MessageReader& r, Accepted* entry) {
  entry->slot = r.Varint();
  if (!Get(r, &entry->ballot)) return false;
  const uint8_t kind = r.U8();
  if (kind < 1 || kind > kEntryKindMax) return false;
  entry->value.kind = static_cast<EntryKind>(kind);
  if (!Get(r, &entry->value.first_ballot)) return false;
  const std::string_view bytes = r.Bytes();
  if (!r.ok()) return false;
  if (!bytes.empty()) entry->value.payload = r.Keep(bytes);
  if (entry->slot == kNoSlot || entry->slot >= kMaxSlot / 2) return false;
  return entry->ballot && entry->value.first_ballot && entry->value.first_ballot <= entry->ballot;
}

// `last`: takes the bytes of the last entry instead.
void PutAll(Writer& w, std::string* out, const std::vector<Accepted>& entries, Payload* last) {
  w.Varint(entries.size());
  for (const Accepted& entry : entries) {
    PutHead(w, entry);
    if (last != nullptr && &entry == &entries.back()) {
      *last = entry.value.payload;
    } else {
      AppendBreathing(out, BytesOf(entry.value.payload));
    }
  }
}

bool GetAll(MessageReader& r, std::vector<Accepted>* entries) {
  const uint64_t count = r.Varint();
  if (count > kMaxEntriesPerMessage) return false;
  Slot last = kNoSlot;
  for (uint64_t i = 0; i < count; ++i) {
    Accepted& entry = entries->emplace_back();
    if (!Get(r, &entry) || entry.slot <= last) return false;
    last = entry.slot;
  }
  return true;
}

// A chosen prefix; the bound keeps the sums that follow from wrapping round.
bool GetPrefix(Reader& r, Slot* slot) {
  *slot = r.Varint();
  return *slot < kMaxSlot / 2;
}

bool GetBlob(Reader& r, std::string* blob) {
  const std::string_view bytes = r.Bytes();
  if (bytes.size() > kMaxBlobBytes) return false;
  blob->assign(bytes);
  return true;
}

// --- One pair per message ---

struct HeadWriter {
  Writer w;
  std::string* out;
  Payload payload;

  void operator()(const Heartbeat& m) {
    Put(w, Type::kHeartbeat);
    w.U64(m.probe);
    w.I64(m.sent_ns);
    Put(w, m.ballot);
    w.Varint(m.chosen);
    w.Bytes(m.blob);
  }
  void operator()(const HeartbeatReply& m) {
    Put(w, Type::kHeartbeatReply);
    w.U64(m.probe);
    w.I64(m.sent_ns);
    Put(w, m.ballot);
    Put(w, m.promised);
    Put(w, m.leader);
    w.U8(static_cast<uint8_t>((m.happy ? 1 : 0) | (m.granted ? 2 : 0)));
    w.I64(m.lease_ns);
    w.Varint(m.chosen);
    w.Varint(m.durable);
    w.Bytes(m.blob);
  }
  void operator()(const Prepare& m) {
    Put(w, Type::kPrepare);
    Put(w, m.ballot);
    w.Varint(m.first);
    Put(w, m.released);
  }
  void operator()(const Promise& m) {
    Put(w, Type::kPromise);
    Put(w, m.ballot);
    w.Varint(m.first);
    w.Varint(m.last);
    w.Varint(m.chosen);
    w.Varint(m.compacted);
    PutAll(w, out, m.accepted, nullptr);
    w.Varint(m.unknown.size());
    for (Slot slot : m.unknown) w.Varint(slot);
  }
  void operator()(const Nack& m) {
    Put(w, Type::kNack);
    Put(w, m.ballot);
    Put(w, m.promised);
  }
  void operator()(const Accept& m) {
    Put(w, Type::kAccept);
    w.Varint(m.chosen);
    PutHead(w, m.entry);
    payload = m.entry.value.payload;
  }
  void operator()(const AcceptOk& m) {
    Put(w, Type::kAcceptOk);
    Put(w, m.ballot);
    w.Varint(m.up_to);
    w.Varint(m.more);
  }
  void operator()(const Chosen& m) {
    Put(w, Type::kChosen);
    Put(w, m.ballot);
    w.Varint(m.up_to);
  }
  void operator()(const CatchUpRequest& m) {
    Put(w, Type::kCatchUpRequest);
    w.Varint(m.first);
    w.Varint(m.last);
  }
  void operator()(const CatchUpReply& m) {
    Put(w, Type::kCatchUpReply);
    w.Varint(m.chosen);
    w.Varint(m.compacted);
    PutAll(w, out, m.entries, &payload);
  }
  void operator()(const Release& m) {
    Put(w, Type::kRelease);
    Put(w, m.ballot);
    w.Varint(m.target);
  }
};

// False: not what an honest peer sends. Overruns are latched in the reader and checked at the end.
bool Get(Reader& r, Heartbeat* m) {
  m->probe = r.U64();
  m->sent_ns = r.I64();
  if (!Get(r, &m->ballot)) return false;
  return GetPrefix(r, &m->chosen) && GetBlob(r, &m->blob);
}

bool Get(Reader& r, HeartbeatReply* m) {
  m->probe = r.U64();
  m->sent_ns = r.I64();
  if (!Get(r, &m->ballot) || !Get(r, &m->promised) || !Get(r, &m->leader)) return false;
  const uint8_t flags = r.U8();
  if (flags > 3) return false;
  m->happy = (flags & 1) != 0;
  m->granted = (flags & 2) != 0;
  m->lease_ns = r.I64();
  if (m->lease_ns < 0 || m->lease_ns > kMaxLeaseNs) return false;
  return GetPrefix(r, &m->chosen) && GetPrefix(r, &m->durable) && GetBlob(r, &m->blob);
}

bool Get(Reader& r, Prepare* m) {
  if (!Get(r, &m->ballot) || !m->ballot) return false;
  return GetPrefix(r, &m->first) && m->first != kNoSlot && Get(r, &m->released);
}

bool Get(MessageReader& r, Promise* m) {
  if (!Get(r, &m->ballot) || !m->ballot) return false;
  if (!GetPrefix(r, &m->first)) return false;
  m->last = r.Varint();
  if (!GetPrefix(r, &m->chosen) || !GetPrefix(r, &m->compacted)) return false;
  if (m->first == kNoSlot || m->last < m->first || !GetAll(r, &m->accepted)) return false;
  const uint64_t count = r.Varint();
  if (count > kMaxEntriesPerMessage) return false;
  const auto in_range = [m](Slot slot) { return slot >= m->first && slot <= m->last; };
  for (const Accepted& entry : m->accepted) {
    if (!in_range(entry.slot)) return false;
  }
  Slot last = kNoSlot;
  for (uint64_t i = 0; i < count; ++i) {
    const Slot slot = r.Varint();
    if (slot <= last || slot >= kMaxSlot / 2 || !in_range(slot)) return false;
    last = m->unknown.emplace_back(slot);
  }
  return true;
}

bool Get(Reader& r, Nack* m) { return Get(r, &m->ballot) && Get(r, &m->promised); }

bool Get(MessageReader& r, Accept* m) { return GetPrefix(r, &m->chosen) && Get(r, &m->entry); }

bool Get(Reader& r, AcceptOk* m) {
  if (!Get(r, &m->ballot) || !m->ballot) return false;
  if (!GetPrefix(r, &m->up_to)) return false;
  m->more = r.Varint();
  return true;
}

bool Get(Reader& r, Chosen* m) {
  if (!Get(r, &m->ballot) || !m->ballot) return false;
  return GetPrefix(r, &m->up_to);
}

bool Get(Reader& r, CatchUpRequest* m) {
  if (!GetPrefix(r, &m->first)) return false;
  m->last = r.Varint();
  return m->first != kNoSlot && m->first <= m->last;
}

bool Get(MessageReader& r, CatchUpReply* m) {
  return GetPrefix(r, &m->chosen) && GetPrefix(r, &m->compacted) && GetAll(r, &m->entries);
}

bool Get(Reader& r, Release* m) {
  if (!Get(r, &m->ballot) || !m->ballot) return false;
  const uint64_t target = r.Varint();
  if (target > UINT32_MAX) return false;
  m->target = static_cast<NodeId>(target);
  return true;
}

template <typename M>
Result<Message> DecodeAs(MessageReader& r) {
  M message;
  if (!Get(r, &message) || !r.Done()) {
    return Fail(Errc::kCorruption, std::string("peer message: malformed ") + NameOf(Message(M{})));
  }
  return Message(std::move(message));
}

size_t EntriesBytes(const std::vector<Accepted>& entries) {
  size_t size = 0;
  for (const Accepted& entry : entries) {
    size += sizeof(Accepted) + BytesOf(entry.value.payload).size();
  }
  return size;
}

}  // namespace

Payload EncodeHead(const Message& message, std::string* out) {
  HeadWriter writer{Writer(out), out, nullptr};
  std::visit([&writer](const auto& m) { writer(m); }, message);
  return std::move(writer.payload);
}

void Encode(const Message& message, std::string* out) {
  const Payload payload = EncodeHead(message, out);
  out->append(BytesOf(payload));
}

Result<Message> Decode(std::string_view bytes, std::shared_ptr<const std::string> owner) {
  MessageReader r(bytes, std::move(owner));
  switch (static_cast<Type>(r.U8())) {
    case Type::kHeartbeat:
      return DecodeAs<Heartbeat>(r);
    case Type::kHeartbeatReply:
      return DecodeAs<HeartbeatReply>(r);
    case Type::kPrepare:
      return DecodeAs<Prepare>(r);
    case Type::kPromise:
      return DecodeAs<Promise>(r);
    case Type::kNack:
      return DecodeAs<Nack>(r);
    case Type::kAccept:
      return DecodeAs<Accept>(r);
    case Type::kAcceptOk:
      return DecodeAs<AcceptOk>(r);
    case Type::kChosen:
      return DecodeAs<Chosen>(r);
    case Type::kCatchUpRequest:
      return DecodeAs<CatchUpRequest>(r);
    case Type::kCatchUpReply:
      return DecodeAs<CatchUpReply>(r);
    case Type::kRelease:
      return DecodeAs<Release>(r);
  }
  return Fail(Errc::kCorruption, "peer message: unknown type");
}

bool IsUrgent(const Message& message) {
  if (const auto* reply = std::get_if<CatchUpReply>(&message)) return reply->entries.empty();
  return std::holds_alternative<Heartbeat>(message) ||
         std::holds_alternative<HeartbeatReply>(message) ||
         std::holds_alternative<AcceptOk>(message) || std::holds_alternative<Prepare>(message) ||
         std::holds_alternative<Nack>(message) || std::holds_alternative<Release>(message);
}

size_t SizeBytes(const Message& message) {
  size_t size = sizeof(Message);
  if (const auto* accept = std::get_if<Accept>(&message)) {
    size += BytesOf(accept->entry.value.payload).size();
  } else if (const auto* promise = std::get_if<Promise>(&message)) {
    size += EntriesBytes(promise->accepted) + promise->unknown.size() * sizeof(Slot);
  } else if (const auto* reply = std::get_if<CatchUpReply>(&message)) {
    size += EntriesBytes(reply->entries);
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    size += heartbeat->blob.size();
  } else if (const auto* answer = std::get_if<HeartbeatReply>(&message)) {
    size += answer->blob.size();
  }
  return size;
}

const char* NameOf(const Message& message) {
  struct Name {
    const char* operator()(const Heartbeat&) const { return "heartbeat"; }
    const char* operator()(const HeartbeatReply&) const { return "heartbeat-reply"; }
    const char* operator()(const Prepare&) const { return "prepare"; }
    const char* operator()(const Promise&) const { return "promise"; }
    const char* operator()(const Nack&) const { return "nack"; }
    const char* operator()(const Accept&) const { return "accept"; }
    const char* operator()(const AcceptOk&) const { return "accept-ok"; }
    const char* operator()(const Chosen&) const { return "chosen"; }
    const char* operator()(const CatchUpRequest&) const { return "catch-up-request"; }
    const char* operator()(const CatchUpReply&) const { return "catch-up-reply"; }
    const char* operator()(const Release&) const { return "release"; }
  };
  return std::visit(Name{}, message);
}

uint64_t HighestRound(const Message& message) {
  struct Highest {
    static uint64_t Of(const std::vector<Accepted>& entries) {
      uint64_t highest = 0;
      for (const Accepted& entry : entries) highest = std::max(highest, entry.ballot.round);
      return highest;
    }
    uint64_t operator()(const Heartbeat& m) const { return m.ballot.round; }
    uint64_t operator()(const HeartbeatReply& m) const {
      return std::max({m.ballot.round, m.promised.round, m.leader.round});
    }
    uint64_t operator()(const Prepare& m) const {
      return std::max(m.ballot.round, m.released.round);
    }
    uint64_t operator()(const Promise& m) const { return std::max(m.ballot.round, Of(m.accepted)); }
    uint64_t operator()(const Nack& m) const { return std::max(m.ballot.round, m.promised.round); }
    uint64_t operator()(const Accept& m) const { return m.entry.ballot.round; }
    uint64_t operator()(const AcceptOk& m) const { return m.ballot.round; }
    uint64_t operator()(const Chosen& m) const { return m.ballot.round; }
    uint64_t operator()(const CatchUpRequest&) const { return 0; }
    uint64_t operator()(const CatchUpReply& m) const { return Of(m.entries); }
    uint64_t operator()(const Release& m) const { return m.ballot.round; }
  };
  return std::visit(Highest{}, message);  // an entry's first ballot is not above its ballot
}

void EncodeAcceptedHead(const Accepted& entry, std::string* out) {
  Writer w(out);
  PutHead(w, entry);
}

Result<Accepted> DecodeAccepted(std::string_view bytes) {
  MessageReader r(bytes, nullptr);
  Accepted entry;
  if (!Get(r, &entry) || !r.Done()) return Fail(Errc::kCorruption, "log entry: malformed");
  return entry;
}

}  // namespace clustron::paxos
