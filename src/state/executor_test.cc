// Entries applied by hand: what is skipped, and what an item must name to take effect.
#include "state/executor.h"

#include <doctest/doctest.h>

#include "persist/rdb_reader.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/tables/once_table.h"
#include "tests/support/log_items.h"

namespace clustron::state {
namespace {

using cluster::ItemKind;
using cluster::Session;
using paxos::Ballot;
using paxos::EntryKind;

struct Fixture {
  Executor executor{7};
  cluster::Slot slot = 0;
  int64_t elapsed_ms = 1000;

  void Apply(EntryKind kind, Ballot first, const std::string& bytes = {}) {
    executor.Apply(++slot,
                   {kind, first, bytes.empty() ? nullptr : std::make_shared<std::string>(bytes)},
                   false);
  }
  void Items(const std::vector<std::string>& items, Ballot first = {1, 1}) {
    Apply(EntryKind::kBatch, first, EntryOf(elapsed_ms, 1'700'000'000'000, items));
  }
  // An entry whose leader's clock showed `wall_ms`.
  void AtWall(int64_t wall_ms, const std::vector<std::string>& items = {}) {
    Apply(EntryKind::kBatch, {1, 1}, EntryOf(elapsed_ms, wall_ms, items));
  }
  void Command(const std::vector<std::string_view>& words) { Items({CommandItem(words)}); }
  void System(ItemKind kind, const std::vector<std::string_view>& args) {
    std::string item;
    cluster::AppendItem({.kind = kind}, args, &item);
    Items({item});
  }
  void Void(Session session, uint64_t sequence) {
    std::string item;
    cluster::AppendItem({.kind = ItemKind::kVoid, .session = session, .sequence = sequence}, {},
                        &item);
    Items({item});
  }
  std::string Read(const std::vector<std::string_view>& words) { return ReadFrom(executor, words); }
  static std::string U16(uint16_t value) {
    std::string bytes;
    Writer(&bytes).U16(value);
    return bytes;
  }
  static std::string U64(uint64_t value) {
    std::string bytes;
    Writer(&bytes).U64(value);
    return bytes;
  }
};

TEST_CASE_FIXTURE(
    Fixture,
    "the end of a lease names its grant: that of an earlier one of the same id does nothing") {
  Command({"LEASE", "GRANT", "60000", "ID", "l"});
  const uint64_t first = LeasesOf(executor.store()).Find("l")->grant_revision;
  Command({"LEASE", "REVOKE", "l"});
  Command({"LEASE", "GRANT", "60000", "ID", "l"});
  const uint64_t second = LeasesOf(executor.store()).Find("l")->grant_revision;
  REQUIRE(second > first);
  System(ItemKind::kLeaseEnd, {"l", U64(first), U64(0)});
  CHECK(LeasesOf(executor.store()).Find("l") != nullptr);
  System(ItemKind::kLeaseEnd, {"l", U64(second), U64(0)});
  CHECK(LeasesOf(executor.store()).Find("l") == nullptr);
  System(ItemKind::kLeaseEnd,
         {"l", U64(second), U64(0)});  // once more is once too often, and harmless
}

TEST_CASE_FIXTURE(
    Fixture,
    "the end of a lock names token and last renewal: an earlier grant's, or one before "
    "a raise, does nothing") {
  const std::string db(1, '\0');
  Command({"LOCK", "ACQUIRE", "n", "1000", "OWNER", "a"});
  const uint64_t token = LocksOf(executor.store()).Find(0, "n")->holder().token;
  System(ItemKind::kLockEnd, {db, "n", U64(token - 1), U64(0)});
  CHECK(LocksOf(executor.store()).Find(0, "n") != nullptr);
  // Raised by an entry after the leader had queued the end.
  Command({"LOCK", "RENEW", "n", std::to_string(token), "5000"});
  REQUIRE(LocksOf(executor.store()).Find(0, "n")->holder().ttl_ms == 5000);
  System(ItemKind::kLockEnd, {db, "n", U64(token), U64(0)});
  CHECK(LocksOf(executor.store()).Find(0, "n") != nullptr);
  System(ItemKind::kLockEnd, {db, "n", U64(token), U64(executor.revision())});
  CHECK(LocksOf(executor.store()).Find(0, "n") == nullptr);
}

TEST_CASE_FIXTURE(Fixture,
                  "options that came with a later feature version are errors in entries of before, "
                  "inside of other commands too") {
  System(ItemKind::kRaiseVersion, {U16(4)});
  Command({"MSET", "a:1", "x", "a:2", "x"});
  const uint64_t before = executor.revision();
  Command({"LOCK", "ACQUIRE", "n", "1000", "SHARED"});
  Command({"FLUSHDB", "PREFIX", "a:"});
  Command({"TXN", "THEN", "1", "3", "FLUSHDB", "PREFIX", "a:"});
  Command({"TXN", "THEN", "1", "5", "LOCK", "ACQUIRE", "n", "1000", "SHARED"});
  CHECK(executor.revision() == before);
  CHECK(Read({"DBSIZE"}) == ":2\r\n");
  CHECK(LocksOf(executor.store()).size() == 0);
  Command({"LOCK", "ACQUIRE", "m", "1000", "OWNER", "WAIT"});
  CHECK(LocksOf(executor.store()).size() == 1);
  System(ItemKind::kRaiseVersion, {U16(5)});
  Command({"LOCK", "ACQUIRE", "n", "1000", "SHARED"});
  Command({"FLUSHDB", "PREFIX", "a:"});
  CHECK(LocksOf(executor.store()).size() == 2);
  CHECK(Read({"DBSIZE"}) == ":0\r\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "the feature version rises by an entry, never falls, and is in snapshots") {
  CHECK(executor.feature_version() == cluster::kFirstFeatureVersion);
  const uint64_t before = executor.digest();
  System(ItemKind::kRaiseVersion, {U16(2)});
  CHECK(executor.feature_version() == 2);
  CHECK(executor.digest() != before);
  System(ItemKind::kRaiseVersion, {U16(1)});
  CHECK(executor.feature_version() == 2);
  std::string tables;
  executor.EncodeTables(&tables);
  Executor other{7};
  REQUIRE(other.DecodeTables(tables).has_value());
  CHECK(other.feature_version() == 2);
  // The section as it was before it knew of versions: theirs is the first.
  tables[0] = 2;
  // … and empty lists of slots to skip and of leaderships, and whether due keys were left.
  tables.erase(1 + 8 + 8 + 12 + 8, 2 + 1 + (8 + 1) + 1);
  REQUIRE(other.DecodeTables(tables).has_value());
  CHECK(other.feature_version() == cluster::kFirstFeatureVersion);
}

TEST_CASE_FIXTURE(Fixture,
                  "what programs of before chained otherwise is not compared: the version that "
                  "compares digests starts them anew") {
  // Two members of one state: one has it by entries, one by a snapshot of an older program.
  Executor other{7};
  std::string tables;
  executor.EncodeTables(&tables);
  tables[1 + 8 + 8 + 12] ^= 1;  // its chained digest
  REQUIRE(other.DecodeTables(tables).has_value());
  REQUIRE(executor.digest() != other.digest());
  const auto both = [&](ItemKind kind, const std::vector<std::string_view>& args) {
    std::string item;
    cluster::AppendItem({.kind = kind}, args, &item);
    Items({item});
    other.Apply(slot,
                {EntryKind::kBatch,
                 {1, 1},
                 std::make_shared<std::string>(EntryOf(elapsed_ms, 1'700'000'000'000, {item}))},
                false);
  };
  while (slot < cluster::DigestLog::kEvery) both(ItemKind::kSnapshot, {});
  CHECK(executor.digest() != other.digest());
  CHECK(executor.digests().newest() == 0);
  both(ItemKind::kRaiseVersion, {U16(cluster::kDigestsComparable)});
  CHECK(executor.digest() == other.digest());
  while (slot < 2 * cluster::DigestLog::kEvery) both(ItemKind::kSnapshot, {});
  CHECK(executor.digest() == other.digest());
  CHECK(executor.digests().oldest() == 2 * cluster::DigestLog::kEvery);
  CHECK(executor.digests().Find(slot) == executor.digest());
}

TEST_CASE_FIXTURE(Fixture, "items of a session apply in the order of their numbers, each once") {
  const Session session{2, 5};
  const auto incr = [&](uint64_t sequence) {
    return CommandItem({"INCR", "n"}, session, sequence);
  };
  Items({incr(1), incr(1), incr(3), incr(2)});
  CHECK(Read({"GET", "n"}) == "$1\r\n2\r\n");
  CHECK(executor.NextSequence(session) == 3);
  Items({incr(2), incr(3)});
  CHECK(Read({"GET", "n"}) == "$1\r\n3\r\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a void item and the one that it replaces: whichever comes first decides") {
  const Session session{2, 5};
  Void(session, 1);
  Items({CommandItem({"SET", "a", "late"}, session, 1)});
  CHECK(Read({"GET", "a"}) == "$-1\r\n");
  Items({CommandItem({"SET", "a", "early"}, session, 2)});
  Void(session, 2);
  CHECK(Read({"GET", "a"}) == "$5\r\nearly\r\n");
  CHECK(executor.NextSequence(session) == 3);
}

TEST_CASE_FIXTURE(Fixture,
                  "items of an earlier start of their node are skipped once a later one is known") {
  Items({CommandItem({"INCR", "n"}, {2, 5}, 1)});
  Items({CommandItem({"INCR", "n"}, {2, 6}, 1)});
  Items({CommandItem({"INCR", "n"}, {2, 5}, 2)});
  CHECK(Read({"GET", "n"}) == "$1\r\n2\r\n");
  CHECK(executor.NextSequence({2, 5}) == 0);
  CHECK(executor.NextSequence({2, 6}) == 2);
  CHECK(executor.NextSequence({2, 7}) == 1);
}

TEST_CASE_FIXTURE(Fixture, "within a wrapper a command is still its user's") {
  const std::vector<std::string_view> words = {"TXN", "THEN",  "1",    "5", "ONCE",
                                               "r",   "60000", "INCR", "n"};
  for (const std::string_view user : {"ann", "bob", "ann"}) {
    std::string item;
    cluster::AppendItem(
        {.command_id = commands::Registry::Get().Find("TXN")->id, .user = std::string(user)}, words,
        &item);
    Items({item});
  }
  CHECK(Read({"GET", "n"}) == "$1\r\n2\r\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "behind a later leader's no-op an earlier one's entry is void, clocks included") {
  Apply(EntryKind::kNoop, {1, 1});
  Items({CommandItem({"SET", "a", "1"}, {2, 1}, 1)}, {1, 1});
  Apply(EntryKind::kNoop, {3, 2});
  elapsed_ms = 900'000;
  Items({CommandItem({"SET", "a", "2"}, {2, 1}, 2)}, {1, 1});
  Items({CommandItem({"SET", "a", "3"}, {2, 1}, 2)}, {2, 3});
  CHECK(executor.elapsed_ms() == 1000);
  CHECK(executor.NextSequence({2, 1}) == 2);
  CHECK(Read({"GET", "a"}) == "$1\r\n1\r\n");
  Items({CommandItem({"SET", "a", "4"}, {2, 1}, 2)}, {3, 2});
  CHECK(Read({"GET", "a"}) == "$1\r\n4\r\n");
}

TEST_CASE_FIXTURE(
    Fixture, "an earlier leader's no-op that comes back behind a later one's revives nothing") {
  Apply(EntryKind::kNoop, {3, 2});
  Apply(EntryKind::kNoop, {1, 1});
  Items({CommandItem({"SET", "a", "1"}, {2, 1}, 1)}, {1, 1});
  CHECK(Read({"EXISTS", "a"}) == ":0\r\n");
  CHECK(executor.NextSequence({2, 1}) == 1);
  Apply(EntryKind::kConfig, {1, 1}, "of a deposed leader");
  CHECK(executor.members().record().version == 0);
}

struct MembersFixture : Fixture {
  MembersFixture() { executor.BeginMembers(First()); }
  static cluster::ConfigRecord First() {
    return {.members = {{1, "a", 7001, 17001}, {2, "b", 7002, 17002}, {3, "c", 7003, 17003}}};
  }
  // Node 3 is elsewhere, and node 4 is new.
  static std::string Second() {
    cluster::ConfigRecord record = First();
    record.version = 1;
    record.members[2].host = "cc";
    record.members.push_back({4, "d", 7004, 17004, false});
    return EncodeConfigRecord(record);
  }
  Status CanApply(const std::string& record, Ballot first = {1, 1}) const {
    return executor.CanApply(
        slot + 1, {EntryKind::kConfig, first, std::make_shared<const std::string>(record)});
  }
};

TEST_CASE_FIXTURE(MembersFixture, "who the members are is what was applied, and is in the digest") {
  CHECK(executor.members().record() == First());
  int changes = 0;
  executor.members().Follow([&] { ++changes; });
  const uint64_t digest = executor.digest();
  REQUIRE(CanApply(Second()).has_value());
  Apply(EntryKind::kConfig, {1, 1}, Second());
  CHECK(changes == 1);
  CHECK(executor.members().Find(3)->host == "cc");
  CHECK((executor.members().Roles() == paxos::Members{{1, 2, 3}, {4}}));
  CHECK(executor.digest() != digest);
  CHECK_FALSE(CanApply(Second()).has_value());  // twice
}

TEST_CASE_FIXTURE(MembersFixture,
                  "a configuration that this program can't go on under is refused") {
  std::string record = Second();
  SUBCASE("malformed") { record.pop_back(); }
  SUBCASE("of other voters") { record.back() = 1; }
  SUBCASE("of a later format") { record.front() = 9; }
  const Status can = CanApply(record);
  REQUIRE_FALSE(can.has_value());
  CHECK(can.error().code == Errc::kMismatch);
  CHECK(can.error().detail.starts_with("slot 1 can't be applied: "));
  CHECK(can.error().detail.find("--skip-slot 1:") != std::string::npos);
  Apply(EntryKind::kNoop, {3, 2});
  CHECK(CanApply(record).has_value());  // it is void
  Apply(EntryKind::kConfig, {1, 1}, record);
  CHECK(executor.members().record() == First());
}

TEST_CASE_FIXTURE(MembersFixture, "members come with a snapshot, once all of it is loaded") {
  std::string first;
  executor.EncodeTables(&first);
  Apply(EntryKind::kConfig, {1, 1}, Second());
  std::string second;
  executor.EncodeTables(&second);
  Executor other(1);
  other.BeginMembers(First());
  REQUIRE(other.DecodeTables(second).has_value());
  CHECK(other.members().record() == First());
  other.SnapshotLoaded();
  CHECK(other.members().record() == executor.members().record());
  // Earlier programs wrote no members, as long as the genesis's were the only ones.
  std::string none;
  Executor(7).EncodeTables(&none);
  REQUIRE(none.size() < first.size());
  REQUIRE(other.DecodeTables(none).has_value());
  other.SnapshotLoaded();
  CHECK(other.members().record() == First());
}

TEST_CASE_FIXTURE(Fixture,
                  "a member that has left is forgotten, and begins anew if it comes back") {
  Items({CommandItem({"INCR", "n"}, {2, 5}, 1), CommandItem({"INCR", "n"}, {3, 5}, 1)});
  System(ItemKind::kEndSession, {std::string("\2\0\0\0", 4)});
  CHECK(executor.NextSequence({2, 5}) == 1);
  CHECK(executor.NextSequence({3, 5}) == 2);
}

struct WallFixture : Fixture {
  static constexpr int64_t kWall = 1'700'000'000'000;
  static constexpr int64_t kTenYears = 10 * 365LL * 86'400'000;

  void AllowFalls() { System(ItemKind::kRaiseVersion, {U16(cluster::kWallMayFall)}); }
  void SetThree() {
    AtWall(kWall, {CommandItem({"SET", "a", "v", "PXAT", "1700000060000"}),
                   CommandItem({"SET", "b", "v", "PXAT", "1700000070000"}),
                   CommandItem({"SET", "c", "v", "PXAT", "1700000080000"})});
  }
  bool Gone() {
    return Read({"GET", "a"}) + Read({"GET", "b"}) + Read({"GET", "c"}) == "$-1\r\n$-1\r\n$-1\r\n";
  }
};

TEST_CASE_FIXTURE(WallFixture,
                  "the wall clock falls once nothing is due: what was gone stays gone") {
  AllowFalls();
  executor.SetExpirePerEntry(1);
  SetThree();
  AtWall(kWall + kTenYears);
  CHECK(Gone());
  CHECK(executor.store().Size(0) == 2);
  AtWall(kWall + 200);
  CHECK(executor.wall_ms() == kWall + kTenYears);
  CHECK(Gone());
  AtWall(kWall + 300);
  CHECK(executor.wall_ms() == kWall + kTenYears);
  CHECK(executor.store().Size(0) == 0);
  AtWall(kWall + 350);  // only now it is known that there are no more
  CHECK(executor.wall_ms() == kWall + kTenYears);
  AtWall(kWall + 400, {CommandItem({"SET", "d", "v", "PXAT", "1700000060000"})});
  CHECK(executor.wall_ms() == kWall + 400);
  CHECK(Gone());
  CHECK(Read({"GET", "d"}) == "$1\r\nv\r\n");
  AtWall(kWall + 59'999);
  CHECK(Read({"EXISTS", "d"}) == ":1\r\n");
  AtWall(kWall + 60'000);
  CHECK(Read({"EXISTS", "d"}) == ":0\r\n");
}

TEST_CASE_FIXTURE(WallFixture, "a key that was filed long before the wall fell ends at its time") {
  AllowFalls();
  AtWall(kWall + kTenYears);
  SetThree();  // the wall falls first
  CHECK_FALSE(Gone());
  AtWall(kWall + 70'000);
  CHECK(executor.store().Size(0) == 1);
  AtWall(kWall + 10);
  CHECK(executor.wall_ms() == kWall + 10);
  CHECK(Read({"EXISTS", "a", "b", "c"}) == ":1\r\n");
  AtWall(kWall + 80'000);
  CHECK(executor.store().Size(0) == 0);
}

TEST_CASE_FIXTURE(
    WallFixture,
    "whether due keys are left is in snapshots: who starts from one lets the wall fall no sooner") {
  AllowFalls();
  executor.SetExpirePerEntry(2);
  SetThree();
  AtWall(kWall + kTenYears);
  std::string tables;
  executor.EncodeTables(&tables);
  Executor other{7};
  REQUIRE(other.DecodeTables(tables).has_value());
  other.store().BeginEntry(executor.elapsed_ms(), executor.wall_ms());
  other.Apply(
      slot + 1,
      {EntryKind::kBatch, {1, 1}, std::make_shared<std::string>(EntryOf(elapsed_ms, kWall, {}))},
      false);
  AtWall(kWall);
  CHECK(executor.wall_ms() == kWall + kTenYears);
  CHECK(other.wall_ms() == kWall + kTenYears);
}

TEST_CASE_FIXTURE(WallFixture, "in entries of the first feature version the wall never falls") {
  AtWall(kWall + kTenYears);
  AtWall(kWall, {CommandItem({"SET", "a", "v", "PXAT", "1700000060000"})});
  CHECK(executor.wall_ms() == kWall + kTenYears);
  CHECK(Read({"EXISTS", "a"}) == ":0\r\n");
  AllowFalls();
  AtWall(kWall, {CommandItem({"SET", "a", "v", "PXAT", "1700000060000"})});
  CHECK(executor.wall_ms() == kWall);
  CHECK(Read({"EXISTS", "a"}) == ":1\r\n");
}

// A read under a grant whose clocks are ahead of what is applied.
struct TickFixture : Fixture {
  bool NeedsTick(const std::vector<std::string_view>& words, int64_t elapsed, int64_t wall) {
    const commands::CommandSpec* container = nullptr;
    return executor.NeedsTick(*commands::Registry::Get().Resolve(commands::Args(words), &container),
                              words, 0, {slot, elapsed, wall});
  }
};

TEST_CASE_FIXTURE(TickFixture, "a read that could meet a due key has a tick applied first") {
  constexpr int64_t kWall = 1'700'000'000'000;
  Items({CommandItem({"SET", "elapsed", "v", "PX", "1000"}),
         CommandItem({"SET", "wall", "v", "PXAT", "1700000005000"}),
         CommandItem({"SET", "stays", "v"})});
  // By one clock, whether or not the other has moved.
  CHECK(NeedsTick({"GET", "elapsed"}, 2000, kWall));
  CHECK(NeedsTick({"GET", "wall"}, 1000, kWall + 5000));
  CHECK_FALSE(NeedsTick({"GET", "elapsed"}, 1999, kWall + 5000));
  CHECK_FALSE(NeedsTick({"GET", "wall"}, 2000, kWall + 4999));
  CHECK_FALSE(NeedsTick({"GET", "stays"}, 2000, kWall + 5000));
  CHECK(NeedsTick({"MGET", "stays", "wall"}, 1000, kWall + 5000));
  // What names no keys may meet any of them.
  CHECK(NeedsTick({"SCAN", "0"}, 2000, kWall));
  CHECK(NeedsTick({"DBSIZE"}, 1000, kWall + 5000));
  CHECK(NeedsTick({"EXEC", "0", "1", "2", "GET", "elapsed"}, 2000, kWall));
}

TEST_CASE_FIXTURE(Fixture,
                  "an EXEC without its queue is an error in an entry, wherever its client is") {
  Command({"EXEC"});
  CHECK(executor.applied_slot() > 0);
  CHECK(executor.revision() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a snapshot tells other programs when keys end, by unix time") {
  struct Ends : persist::RdbVisitor {
    Status OnBegin(const persist::RdbKey& key, persist::RdbKind, uint64_t) override {
      found[key.key] = key.expire_at_ms;
      return {};
    }
    Status OnPart(std::string_view) override { return {}; }
    Status OnEnd() override { return {}; }
    std::map<std::string, int64_t> found;
  };
  Items({CommandItem({"SET", "elapsed", "v", "PX", "60000"}),
         CommandItem({"SET", "wall", "v", "PXAT", "1700000050000"}),
         CommandItem({"SET", "stays", "v"})});
  const auto snapshot = executor.BeginSnapshot();
  std::string file;
  while (snapshot->Step(1000, &file) == cluster::SnapshotSource::Progress::kMore) continue;
  persist::RdbStringSource source(file);
  Ends ends;
  REQUIRE(persist::ReadRdb(source, {}, ends).has_value());
  CHECK(ends.found == std::map<std::string, int64_t>{
                          {"elapsed", 1700000060000}, {"stays", -1}, {"wall", 1700000050000}});
}

TEST_CASE_FIXTURE(Fixture, "numbers that are left out are no changes since the last snapshot") {
  Command({"SET", "k", "v"});
  CHECK(executor.changes_since_save() == 1);
  System(ItemKind::kReserve, {U64(1000)});
  CHECK(executor.changes_since_save() == 1);
  const auto snapshot = executor.BeginSnapshot();
  System(ItemKind::kReserve, {U64(2000)});
  Command({"SET", "k", "w"});
  executor.SnapshotSaved();
  CHECK(executor.changes_since_save() == 1);
}

// The turn's entry of a node alone: applied here while it is made.
struct InlineFixture : Fixture {
  void Open(int64_t ms, int64_t at_wall_ms = 1'700'000'000'000, bool keep_items = true) {
    executor.OpenInline(slot + 1, ms, at_wall_ms, keep_items);
  }
  std::string Inline(const std::vector<std::string_view>& words, uint8_t verdicts = 0) {
    const commands::CommandSpec* container = nullptr;
    resp::ReplyChunks out;
    executor.RunInline(*commands::Registry::Get().Resolve(commands::Args(words), &container), words,
                       caller, verdicts, &out);
    return out.TakeAll();
  }
  std::string Seal() {
    std::string entry = executor.SealInline(0);
    if (!entry.empty()) ++slot;
    return entry;
  }
  Executor::Caller caller;
};

std::string OnceRows(Executor& executor) {
  std::string rows;
  OnceOf(executor.store()).BeginWalk();
  CHECK(OnceOf(executor.store()).Walk(SIZE_MAX, &rows).all);
  return rows;
}

TEST_CASE("an entry of the inline path, applied again at a start, leaves the same state") {
  InlineFixture live;
  Fixture again;
  for (Fixture* f : {static_cast<Fixture*>(&live), &again})
    f->Items({CommandItem({"SET", "due", "v", "PX", "100"}), CommandItem({"SET", "k", "v"})});
  live.Open(2000);
  live.Inline({"DEL", "nosuch"});            // changes nothing: not logged, and takes no number
  live.Inline({"LEASE", "GRANT", "60000"});  // an id by chance
  live.Inline({"SETNX", "k", "w"});
  live.Inline({"SET", "k", "refused"}, commands::kItemDiskLow);
  live.Inline({"LEASE", "GRANT", "60000"});
  live.Inline({"SET", "k", "w"});
  live.caller.db = 3;
  live.caller.resp_version = 3;
  CHECK(live.Inline({"ONCE", "r1", "60000", "SET", "k", "v", "GET"}) == "_\r\n");
  again.Apply(EntryKind::kBatch, {1, 1}, live.Seal());
  CHECK(LeasesOf(live.executor.store()).size() == 2);
  CHECK(live.executor.store().Size(0) == 1);
  CHECK(live.executor.store().Digest() == again.executor.store().Digest());
  CHECK(OnceRows(live.executor) == OnceRows(again.executor));
  CHECK(live.executor.digest() == again.executor.digest());
  CHECK(live.executor.applied_slot() == again.executor.applied_slot());
}

TEST_CASE("an entry that nobody will read tells the clocks only; the state is the same") {
  InlineFixture read;
  InlineFixture unread;
  for (InlineFixture* f : {&read, &unread}) {
    f->Open(2000, 1'700'000'000'000, f == &read);
    f->Inline({"SET", "k", std::string(1000, 'v')});
    f->executor.RunInlineItem(CommandItem({"SET", "of the server", "v"}));
  }
  const std::string whole = read.Seal();
  const std::string clocks = unread.Seal();
  CHECK(whole.size() > 1000);
  CHECK(clocks.size() < 50);
  CHECK(read.executor.digest() == unread.executor.digest());
  CHECK(read.executor.store().Digest() == unread.executor.store().Digest());
  Fixture later;
  later.Apply(EntryKind::kBatch, {1, 1}, clocks);
  CHECK(later.executor.elapsed_ms() == 2000);
  CHECK(later.executor.store().Size(0) == 0);
}

TEST_CASE_FIXTURE(InlineFixture,
                  "a clock by which something is seen gone is logged, by itself too") {
  Open(1500);
  CHECK(Read({"GET", "elapsed"}) == "$-1\r\n");
  CHECK(Seal().empty());
  elapsed_ms = 1500;
  Items({CommandItem({"SET", "elapsed", "v", "PX", "1000"}),
         CommandItem({"SET", "wall", "v", "PXAT", "1700000005000"})});
  SUBCASE("by the elapsed clock") {
    Open(2600);
    CHECK(Read({"GET", "elapsed"}) == "$-1\r\n");
    CHECK_FALSE(Seal().empty());
    CHECK(executor.store().Size(0) == 1);
  }
  SUBCASE("by the wall clock") {
    Open(2000, 1'700'000'005'000);
    CHECK(Read({"GET", "wall"}) == "$-1\r\n");
    CHECK_FALSE(Seal().empty());
    CHECK(executor.store().Size(0) == 1);
  }
}

TEST_CASE("walls of inline entries that nobody logged leave no trace, whether they rose or fell") {
  constexpr int64_t kWall = 1'700'000'000'000;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    InlineFixture live;
    Fixture again;
    for (Fixture* f : {static_cast<Fixture*>(&live), &again}) {
      f->executor.SetExpirePerEntry(2);
      f->System(ItemKind::kRaiseVersion, {Fixture::U16(cluster::kWallMayFall)});
    }
    for (int turn = 0; turn < 60; ++turn) {
      live.Open(1000 + turn, kWall + rng.Between(-2000, 2000));
      for (uint64_t n = rng.Percent(50) ? rng.Below(4) : 0; n > 0; --n) {
        const std::string key(1, static_cast<char>('a' + rng.Below(8)));
        const std::string end = std::to_string(kWall + rng.Between(-2000, 3000));
        live.Inline({"SET", key, "v", "PXAT", end});
      }
      const std::string entry = live.Seal();
      if (!entry.empty()) again.Apply(EntryKind::kBatch, {1, 1}, entry);
    }
    REQUIRE(live.executor.digest() == again.executor.digest());
    live.Open(2000, kWall);
    live.executor.RunInlineItem(CommandItem({"SET", "last", "v"}));
    again.Apply(EntryKind::kBatch, {1, 1}, live.Seal());
    REQUIRE(live.executor.digest() == again.executor.digest());
    REQUIRE(live.executor.store().Digest() == again.executor.store().Digest());
  }
}

TEST_CASE_FIXTURE(InlineFixture, "clocks that went back hold what was applied where it is") {
  Command({"SET", "k", "v", "PX", "100"});
  Open(900, 1'600'000'000'000);
  Inline({"SET", "j", "v", "PX", "100"});
  CHECK_FALSE(Seal().empty());
  CHECK(executor.elapsed_ms() == 1000);
  CHECK(executor.wall_ms() == 1'700'000'000'000);
  Open(1100);
  CHECK(Read({"EXISTS", "k", "j"}) == ":0\r\n");
}

TEST_CASE_FIXTURE(Fixture, "reads that choose by chance choose anew each time") {
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) Command({"SET", key, "v"});
  std::set<std::string> chosen;
  for (int i = 0; i < 100; ++i) chosen.insert(Read({"RANDOMKEY"}));
  CHECK(chosen.size() == 6);
}

TEST_CASE_FIXTURE(Fixture, "the leader's verdict on room holds for commands within commands") {
  const auto flagged = [](const std::vector<std::string_view>& words) {
    std::string item = CommandItem(words);
    cluster::SetItemFlags(&item, 0, commands::kItemDiskLow);
    return item;
  };
  Items({CommandItem({"SET", "old", "v"})});
  Items({flagged({"SET", "k", "v"}), flagged({"ONCE", "r1", "1000", "SET", "k", "v"}),
         flagged({"TXN", "THEN", "1", "3", "SET", "k", "v"}), flagged({"DEL", "old"})});
  CHECK(Read({"EXISTS", "k"}) == ":0\r\n");
  CHECK(Read({"EXISTS", "old"}) == ":0\r\n");  // what frees room is let through
  Items({CommandItem({"SET", "old", "v"})});
  Items({flagged({"EXEC", "0", "2", "2", "DEL", "old", "3", "SET", "k", "v"})});
  CHECK(Read({"EXISTS", "old"}) == ":1\r\n");  // an EXEC is refused whole
}

TEST_CASE_FIXTURE(Fixture, "the guard of a lock is looked at when the write is applied") {
  Command({"LOCK", "ACQUIRE", "k", "1000", "OWNER", "a"});
  const std::string token = std::to_string(LocksOf(executor.store()).Find(0, "k")->holder().token);
  Command({"SET", "k", "without the token"});
  CHECK(Read({"EXISTS", "k"}) == ":0\r\n");
  Command({"LOCK", "DO", "k", token, "SET", "k", "with it"});
  CHECK(Read({"GET", "k"}) == "$7\r\nwith it\r\n");
  Command({"LOCK", "RELEASE", "k", token});
  Command({"LOCK", "DO", "k", token, "SET", "k", "too late"});
  CHECK(Read({"GET", "k"}) == "$7\r\nwith it\r\n");
}

TEST_CASE_FIXTURE(Fixture, "tables travel in a snapshot whole: sessions, ballots, digest") {
  Apply(EntryKind::kNoop, {3, 2});
  Items({CommandItem({"SET", "a", "1"}, {2, 4}, 1)}, {3, 2});
  Items({CommandItem({"ONCE", "r1", "60000", "INCR", "n"}, {2, 4}, 2)}, {3, 2});
  std::string bytes;
  executor.EncodeTables(&bytes);
  Fixture more;
  more.Items({CommandItem({"SET", "a", "1"}, {9, 1}, 1)});
  std::string of_another_state;
  more.executor.EncodeTables(&of_another_state);
  Executor other(1);
  REQUIRE(other.DecodeTables(of_another_state).has_value());
  REQUIRE(other.DecodeTables(bytes).has_value());
  CHECK(other.applied_slot() == executor.applied_slot());
  CHECK(other.digest() == executor.digest());
  CHECK(other.newest_noop() == Ballot{3, 2});
  CHECK(other.NextSequence({2, 4}) == 3);
  CHECK(other.NextSequence({2, 3}) == 0);
  CHECK(other.NextSequence({9, 1}) == 1);
  std::string again;
  other.EncodeTables(&again);
  CHECK(again == bytes);
  CHECK_FALSE(other.DecodeTables(bytes.substr(0, bytes.size() - 1)).has_value());
}

}  // namespace
}  // namespace clustron::state
