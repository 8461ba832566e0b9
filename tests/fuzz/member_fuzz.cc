// A member that knows the secret and says anything: the input is a script of messages in the name
// of nodes 2 and 3, between them time and a client's own commands. Whatever comes, node 1 refuses a
// message (that ends the link, which is made anew) or goes on; the process never ends by it (but
// where two values under one ballot show that votes can't be trusted any more), and afterwards each
// request still has its answer.
//
// Fields are picked from what matters: slots near the chosen ones, ballots near the current one,
// bounds. A number in sixteen is any number, a message in sixteen is any bytes.
#define DOCTEST_CONFIG_IMPLEMENT
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc.h"
#include "base/crc64.h"
#include "server/dispatch/engine.h"

// Behind our own headers: doctest has a CHECK of its own.
#include "tests/support/engine_bench.h"

namespace {

using namespace clustron;
using namespace clustron::server;
using paxos::Accepted;
using paxos::Ballot;
using paxos::Slot;

// The script; when it is over, zeros.
class Script {
 public:
  Script(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool over() const { return at_ == end_; }
  uint8_t Byte() { return over() ? uint8_t{0} : *at_++; }
  size_t Below(size_t n) { return Byte() % n; }
  uint64_t Any() {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | Byte();
    return value;
  }
  std::string Bytes(size_t size) {
    std::string bytes;
    while (bytes.size() < size && !over()) bytes.push_back(static_cast<char>(Byte()));
    return bytes;
  }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

// A real snapshot: three slots beyond what the fuzzed node has, keys, a hash, a lease, a lock.
std::string SnapshotFile() {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  bench.Choose(kTwo, paxos::EntryKind::kBatch,
               EntryOf(1000, 1'700'000'000'000,
                       {CommandItem({"HSET", "h", "f", "1", "g", "2"}),
                        CommandItem({"LEASE", "GRANT", "60000"}),
                        CommandItem({"LOCK", "ACQUIRE", "l", "60000", "OWNER", "o"}),
                        CommandItem({"SET", "e", std::string(300, 'e'), "PX", "5000"})}));
  for (int i = 0; i < 2; ++i)
    bench.Choose(kTwo, paxos::EntryKind::kBatch, EntryOf(1000 + i, 1'700'000'000'000, {}));
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 20; ++i) bench.Tick();
  const std::string name = std::to_string(bench.node().parts().snapshots.slot());
  return bench.fs.Content("/data/snapshots/" + std::string(20 - name.size(), '0') + name + ".rdb");
}

class Member {
 public:
  Member(Script& script, EngineBench& bench) : script_(script), bench_(bench) {}

  // A message, and what kind it is.
  std::string Message(uint32_t* from) {
    *from = 2 + static_cast<uint32_t>(script_.Below(2));
    from_ = *from;
    if (!chunks_.empty()) {
      *from = from_ = offered_by_;
      std::string chunk = std::move(chunks_.back());
      chunks_.pop_back();
      return chunk;
    }
    switch (script_.Below(16)) {
      case 0:
        return script_.Bytes(script_.Below(200));
      case 1:
      case 2:
        return Forward();
      case 3:
        return cluster::WireReadAsk(Number(1));
      case 4:
        return cluster::WireReadGrant(Asked(cluster::WireKind::kReadAsk),
                                      {Slots(), Clock(), Clock()});
      case 5:
        switch (script_.Below(5)) {
          case 0:
            return cluster::WireTickAsk(Number(1));
          case 1:
            return cluster::WireTickGrant(Asked(cluster::WireKind::kTickAsk), Slots());
          case 2:
            return cluster::WireClockAsk(static_cast<int64_t>(script_.Any()));
          case 3:
            return cluster::WireClockAnswer(bench_.clock.ns, Clock());
          default:  // of the kinds that have codecs of their own
            return cluster::WireOf(
                static_cast<cluster::WireKind>(script_.Below(2) == 0 ? 20 + script_.Below(35)
                                                                     : script_.Byte()),
                script_.Bytes(script_.Below(80)));
        }
      case 6:
        return cluster::WireCall(cluster::WireKind::kLeaderCall, Number(1), CallBody());
      case 7:
        return cluster::WireCall(cluster::WireKind::kLeaderAnswer,
                                 Asked(cluster::WireKind::kLeaderCall),
                                 script_.Bytes(script_.Below(40)));
      case 8:
        return cluster::WirePublish(script_.Bytes(script_.Below(40)));
      case 9:
        return Snapshot();
      default:
        return Paxos();
    }
  }

 private:
  // One near `center`, or any.
  uint64_t Number(uint64_t center) {
    switch (script_.Below(16)) {
      case 0:
        return script_.Any();
      case 1:
        return 0;
      case 2:
        return UINT64_MAX >> script_.Below(4);
      case 3:
        return center + 1000;
      default:
        return center + script_.Below(8) - 2;
    }
  }
  Slot Slots() { return Number(bench_.node().replica().chosen_slot()); }
  int64_t Clock() {
    const int64_t now =
        script_.Below(2) == 0 ? bench_.executor().elapsed_ms() : bench_.executor().wall_ms();
    return static_cast<int64_t>(Number(static_cast<uint64_t>(now)));
  }
  Ballot Ballots() {
    const Ballot current = bench_.node().replica().promised();
    const uint64_t round = Number(current.round);
    return {round, script_.Below(8) == 0 ? static_cast<uint32_t>(Number(1)) : from_};
  }
  // What the node has asked for last, or something else.
  uint64_t Asked(cluster::WireKind kind) {
    for (const auto& [sent, body] : bench_.TakeAllSent(from_)) {
      uint64_t id = 0;
      std::string_view rest;
      if (sent == kind && cluster::ReadCall(body, &id, &rest)) asked_ = id;
    }
    return script_.Below(4) == 0 ? Number(asked_) : asked_;
  }

  std::string Item() {
    static constexpr const char* kWords[] = {
        "SET",  "k", "v",    "EX", "10",   "INCR", "DEL", "EXEC",  "TXN",   "THEN", "GET",
        "HSET", "f", "LOCK", "DO", "ONCE", "1",    "-1",  "LEASE", "GRANT", ""};
    std::vector<std::string> words;
    for (size_t i = script_.Below(6) + 1; i > 0; --i)
      words.push_back(script_.Below(8) == 0 ? script_.Bytes(script_.Below(20))
                                            : kWords[script_.Below(std::size(kWords))]);
    const std::vector<std::string_view> args(words.begin(), words.end());
    cluster::ItemHeader header;
    const auto& commands = commands::Registry::Get().All();
    header.command_id = script_.Below(8) == 0 ? static_cast<uint16_t>(script_.Any())
                                              : commands[script_.Any() % commands.size()]->id;
    header.kind = static_cast<cluster::ItemKind>(script_.Below(4) == 0 ? script_.Byte() : 0);
    header.flags = script_.Below(4) == 0 ? script_.Byte() : uint8_t{0};
    header.db = script_.Below(8) == 0 ? script_.Byte() : uint8_t{0};
    header.resp_version = script_.Below(8) == 0 ? script_.Byte() : uint8_t{2};
    header.session = {script_.Below(8) == 0 ? static_cast<uint32_t>(Number(1)) : from_,
                      script_.Below(8) == 0 ? static_cast<uint32_t>(Number(1)) : 1};
    header.sequence = script_.Below(8) == 0 ? Number(1) : ++sequence_[from_ % 4];
    std::string item;
    cluster::AppendItem(header, args, &item);
    Damage(&item);
    return item;
  }
  void Damage(std::string* bytes) {
    if (script_.Below(8) != 0 || bytes->empty()) return;
    (*bytes)[script_.Any() % bytes->size()] = static_cast<char>(script_.Byte());
  }

  std::string Forward() {
    cluster::ForwardBuilder builder(script_.Below(4) == 0 ? Ballots() : bench_.node().ballot());
    for (size_t i = script_.Below(3) + 1; i > 0; --i) builder.Add(Item());
    std::string message = builder.Take();
    Damage(&message);
    return message;
  }

  std::string CallBody() {
    if (script_.Below(2) == 0) return script_.Bytes(script_.Below(40));
    return Item();
  }

  std::string Snapshot() {
    const cluster::SnapshotName name{Slots(), Number(300), Number(7)};
    if (script_.Below(2) == 0) last_ = name;
    switch (script_.Below(6)) {
      case 3:
      case 4:
      case 5:
        return WholeSnapshot();
      case 0:
        return cluster::WireSnapshotOffer(last_);
      case 1: {
        const std::string bytes = script_.Bytes(script_.Below(100));
        const uint32_t crc =
            script_.Below(4) == 0 ? static_cast<uint32_t>(script_.Any()) : Crc32c(bytes);
        return cluster::WireSnapshotChunk(last_, {Number(0), bytes, crc});
      }
      default:
        return cluster::WireSnapshotAck(last_, Number(0));
    }
  }

  // A file with a right checksum, and up to three bytes of it changed.
  std::string WholeSnapshot() {
    static const std::string file = SnapshotFile();
    std::string bytes = file;
    for (size_t i = script_.Below(4); i > 0; --i)
      bytes[script_.Any() % bytes.size()] = static_cast<char>(script_.Byte());
    if (script_.Below(8) == 0) bytes.resize(8 + script_.Any() % bytes.size());
    bytes.resize(bytes.size() - 8);
    const uint64_t crc = Crc64(bytes);
    bytes.append(reinterpret_cast<const char*>(&crc), 8);
    const cluster::SnapshotName name{script_.Below(4) == 0 ? Slots() : kSnapshotSlot, bytes.size(),
                                     crc};
    chunks_.push_back(cluster::WireSnapshotChunk(name, {0, bytes, Crc32c(bytes)}));
    offered_by_ = from_;
    return cluster::WireSnapshotOffer(name);
  }

  Accepted Entry() {
    Accepted entry;
    entry.slot = Slots();
    entry.ballot = Ballots();
    entry.value.kind = static_cast<paxos::EntryKind>(1 + script_.Below(5));
    entry.value.first_ballot = script_.Below(4) == 0 ? Ballots() : entry.ballot;
    if (entry.value.kind == paxos::EntryKind::kBatch) {
      std::vector<std::string> items;
      for (size_t i = script_.Below(3); i > 0; --i) items.push_back(Item());
      std::string bytes = EntryOf(Clock(), Clock(), items);
      Damage(&bytes);
      entry.value.payload = std::make_shared<const std::string>(std::move(bytes));
    } else if (script_.Below(8) == 0) {
      entry.value.payload = std::make_shared<const std::string>(script_.Bytes(script_.Below(40)));
    }
    return entry;
  }
  std::vector<Accepted> Entries() {
    std::vector<Accepted> entries;
    for (size_t i = script_.Below(4); i > 0; --i) entries.push_back(Entry());
    return entries;
  }

  std::string Paxos() {
    std::string bytes;
    paxos::Encode(PaxosMessage(), &bytes);
    Damage(&bytes);
    return cluster::WirePaxos(bytes);
  }
  paxos::Message PaxosMessage() {
    switch (script_.Below(11)) {
      case 0:
        return paxos::Heartbeat{Number(1), static_cast<int64_t>(script_.Any()), Ballots(), Slots(),
                                script_.Bytes(script_.Below(40))};
      case 1: {
        paxos::HeartbeatReply reply;
        reply.probe = Number(1);
        reply.sent_ns = bench_.clock.ns - static_cast<int64_t>(Number(0));
        reply.ballot = Ballots();
        reply.promised = Ballots();
        reply.leader = Ballots();
        reply.happy = script_.Below(2) == 0;
        reply.granted = script_.Below(2) == 0;
        reply.lease_ns = static_cast<int64_t>(Number(450'000'000));
        reply.chosen = Slots();
        reply.durable = Slots();
        reply.blob = script_.Bytes(script_.Below(40));
        return reply;
      }
      case 2:
        return paxos::Prepare{Ballots(), Slots(), Ballots()};
      case 3: {
        paxos::Promise promise{Ballots(), Slots(), 0, Slots(), Slots(), Entries(), {}};
        promise.last = script_.Below(2) == 0 ? paxos::kMaxSlot : Slots();
        for (size_t i = script_.Below(3); i > 0; --i) promise.unknown.push_back(Slots());
        return promise;
      }
      case 4:
        return paxos::Nack{Ballots(), Ballots()};
      case 5:
      case 6: {
        paxos::Accept accept;
        accept.entry = Entry();
        accept.chosen = Slots();
        return accept;
      }
      case 7:
        return paxos::AcceptOk{script_.Below(2) == 0 ? bench_.node().ballot() : Ballots(), Slots(),
                               script_.Any()};
      case 8:
        return paxos::Chosen{Ballots(), Slots()};
      case 9:
        return script_.Below(2) == 0
                   ? paxos::Message(paxos::CatchUpRequest{Slots(), Slots()})
                   : paxos::Message(paxos::CatchUpReply{Slots(), Slots(), Entries()});
      default:
        return paxos::Release{Ballots(), static_cast<uint32_t>(Number(1))};
    }
  }

  Script& script_;
  EngineBench& bench_;
  uint32_t from_ = 2;
  uint64_t asked_ = 0;
  uint64_t sequence_[4] = {};
  cluster::SnapshotName last_{5, 300, 7};
  static constexpr Slot kSnapshotSlot = 5;
  std::vector<std::string> chunks_;  // that follow the offer
  uint32_t offered_by_ = 0;
};

// Whatever has happened, a request has one answer within the time that it may take without a
// leader.
void CheckAnswers(EngineBench& bench) {
  auto& client = bench.Connect();
  bench.Say(client, "PING");
  bench.Turn();
  CHECK(client.Take() == "+PONG\r\n");
  bench.Say(client, "SET last v");
  for (int i = 0; i < 60 && client.got.empty(); ++i) {
    bench.AnswerAll();
    bench.Tick(100);
  }
  const std::string answer = client.Take();
  const bool whole = answer == "+OK\r\n" || (answer.starts_with("-") && answer.ends_with("\r\n"));
  if (!whole) std::fprintf(stderr, "SET: '%s'\n", answer.c_str());
  CHECK(whole);
}

void Run(Script& script) {
  EngineBench bench(3);
  const size_t role = script.Below(3);
  if (role == 0) bench.Lead();
  if (role == 1) FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  auto& client = bench.Connect();
  Member member(script, bench);
  static constexpr const char* kSaid[] = {
      "SET k v",     "GET k",  "INCR n",           "LOCK ACQUIRE l 1000 OWNER o",
      "SUBSCRIBE c", "BGSAVE", "LEASE GRANT 1000", "WAIT 1 10"};
  while (!script.over() && bench.fatal.empty()) {
    switch (script.Below(8)) {
      case 0:
        bench.Tick(script.Byte());
        break;
      case 1:
        bench.Turn();
        break;
      case 2:
        bench.Say(client, kSaid[script.Below(std::size(kSaid))]);
        break;
      default: {
        uint32_t from = 2;
        const std::string message = member.Message(&from);
        if (script.Below(16) == 0 && bench.node().OnMessageWhileBusy(from, message)) break;
        if (bench.node().OnMessage(from, message)) break;
        bench.node().OnPeerDown(from);
        bench.node().OnPeerUp(from);
      }
    }
  }
  if (bench.fatal.empty()) {
    bench.Turn();
    bench.Tick(100);
  }
  if (bench.fatal.empty()) CheckAnswers(bench);
  if (bench.fatal.empty()) return;
  if (std::getenv("MEMBER_FUZZ_VERBOSE") != nullptr)
    std::fprintf(stderr, "fatal: %s\n", bench.fatal.c_str());
  const bool two_values = bench.fatal.find("has two values") != std::string::npos;
  if (!two_values) std::fprintf(stderr, "fatal: %s\n", bench.fatal.c_str());
  CHECK(two_values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The bench checks itself with doctest's macros: here a failure of those ends the process.
  static doctest::Context context;
  static const bool ready = [] {
    context.setAsDefaultForAssertsOutOfTestCases();
    context.setAssertHandler([](const doctest::AssertData& failed) {
      if (!failed.m_failed) return;
      std::fprintf(stderr, "%s:%d: %s\n", failed.m_file, failed.m_line, failed.m_expr);
      std::abort();
    });
    return true;
  }();
  static_cast<void>(ready);
  Script script(data, size);
  Run(script);
  return 0;
}
