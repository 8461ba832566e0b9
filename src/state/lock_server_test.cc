// To whom locks are handed over, and what becomes of those who wait for them: by entries applied by
// hand.
#include "state/lock_server.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "store/tables/lock_table.h"
#include "tests/support/waiting_state.h"

namespace clustron::state {
namespace {

class Fixture : public WaitingState {
 public:
  Fixture() { RaiseVersion(cluster::kLocksQueue); }
  const store::Lock* Find(std::string_view name) { return LocksOf(executor.store()).Find(0, name); }
  uint64_t Take(std::string_view name) {
    Do({"LOCK", "ACQUIRE", name, "60000"});
    return Find(name)->holder().token;
  }
  uint64_t Wait(Session session, std::string_view name,
                const std::vector<std::string_view>& more = {}) {
    std::vector<std::string_view> words{"LOCK", "ACQUIRE", name, "60000", "WAIT", "0"};
    words.insert(words.end(), more.begin(), more.end());
    return Ask(session, words);
  }
  void Release(std::string_view name, uint64_t token) {
    Do({"LOCK", "RELEASE", name, std::to_string(token)});
  }
  void End(std::string_view name, uint64_t part, uint64_t renewed = 0) {
    std::string revision;
    Writer(&revision).U64(part);
    std::string by;
    Writer(&by).U64(renewed);
    std::string item;
    const std::vector<std::string_view> args{std::string_view("\0", 1), name, revision, by};
    cluster::AppendItem({.kind = cluster::ItemKind::kLockEnd}, args, &item);
    Items({item});
  }
  static std::string Granted(uint64_t token) {
    return "*3\r\n:1\r\n:" + std::to_string(token) + "\r\n:60000\r\n";
  }
};

TEST_CASE_FIXTURE(Fixture, "a lock goes to whoever came first, whichever the node") {
  const uint64_t first = Take("n");
  Wait(kThree, "n");
  const uint64_t mine = Wait(kOne, "n");
  Wait(kTwo, "n");
  CHECK(waits_by == std::vector<uint64_t>{mine});
  Release("n", first);
  const uint64_t second = Find("n")->holder().token;
  CHECK(second > first);
  CHECK(served.empty());
  Release("n", second);
  const uint64_t third = Find("n")->holder().token;
  CHECK(third > second);
  CHECK(served[mine] == Granted(third));
  CHECK(waiting() == 1);
}

TEST_CASE_FIXTURE(Fixture, "each grant has a revision of its own, in the order of the queue") {
  const uint64_t writer = Take("n");
  const uint64_t a = Wait(kOne, "n", {"SHARED"});
  const uint64_t b = Wait(kOne, "n", {"SHARED"});
  const uint64_t before = executor.revision();
  Release("n", writer);
  CHECK(executor.revision() == before + 3);
  CHECK(served[a] == Granted(before + 2));
  CHECK(served[b] == Granted(before + 3));
}

TEST_CASE_FIXTURE(Fixture, "who can't be reached is passed over, and keeps the place") {
  const uint64_t token = Take("n");
  Wait(kTwo, "n");
  const uint64_t mine = Wait(kOne, "n");
  Park(kTwo);
  Release("n", token);
  CHECK(served.contains(mine));
  const uint64_t now = Find("n")->holder().token;
  CHECK(Find("n")->queue.size() == 1);
  const uint64_t later = Wait(kOne, "n");
  Tell(kTwo, {.what = WaitNews::What::kBack});
  Release("n", now);
  CHECK_FALSE(served.contains(later));
  // A later process of the node has begun.
  Park(kTwo);
  Ask({2, 9}, {"SET", "x", "y"});
  CHECK(Find("n")->queue.size() == 1);
  CHECK_FALSE(served.contains(later));  // the first of its process holds the lock
  Release("n", Find("n")->holder().token);
  CHECK(served.contains(later));
}

TEST_CASE_FIXTURE(Fixture, "what a later process of a node ends is a change of its own") {
  Take("n");
  Wait(kTwo, "n");
  Do({"SET", "before", "x"});
  const uint64_t before = executor.revision();
  Ask({2, 9}, {"SET", "x", "y"});
  CHECK(waiting() == 0);
  CHECK(Find("n")->queue.empty());
  // Else a replay from a snapshot, which has no item at hand, would count otherwise.
  CHECK(executor.revision() == before + 1);
}

TEST_CASE_FIXTURE(Fixture, "a lock that nobody holds goes to a node that comes back") {
  const uint64_t token = Take("n");
  Wait(kTwo, "n");
  Park(kTwo);
  Release("n", token);
  CHECK_FALSE(Find("n")->held());
  // It holds nobody up meanwhile.
  const uint64_t now = Take("n");
  Release("n", now);
  CHECK_FALSE(Find("n")->held());
  Tell(kTwo, {.what = WaitNews::What::kBack});
  CHECK(Find("n")->held());
  CHECK(waiting() == 0);
}

TEST_CASE_FIXTURE(Fixture, "who is out of reach does not keep a lock in its mode") {
  const uint64_t token = Take("n");
  Wait(kTwo, "n");
  Park(kTwo);
  Do({"LOCK", "ACQUIRE", "n", "60000", "LIMIT", "3"});
  CHECK(Find("n")->limit == 1);  // it is held
  Release("n", token);
  CHECK(waiting() == 1);
  const uint64_t mine = Wait(kOne, "n", {"ADVISORY"});  // granted at once
  CHECK_FALSE(served.contains(mine));
  CHECK(Find("n")->advisory);
  CHECK(Find("n")->held());
  CHECK(Find("n")->queue.empty());
  CHECK(waiting() == 0);
  // It is told so when its node is back, whoever holds the lock then.
  Tell(kTwo, {.what = WaitNews::What::kBack});
  CHECK(Find("n")->holders.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "this node's own client is told that it was passed over") {
  const uint64_t token = Take("n");
  const uint64_t mine = Wait(kOne, "n");
  Park(kOne);
  Release("n", token);
  CHECK_FALSE(Find("n")->held());
  Do({"LOCK", "ACQUIRE", "n", "60000", "LIMIT", "2"});
  CHECK(Find("n")->limit == 2);
  CHECK(served[mine].starts_with("-UNBLOCKED this node was out of reach"));
  CHECK(waiting() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a ticket that is kept by CLAIM keeps the mode") {
  const uint64_t token = Take("n");
  Wait(kTwo, "n");
  Park(kTwo);
  Do({"LOCK", "ACQUIRE", "n", "60000", "ENQUEUE", "60000"});
  Release("n", token);
  Do({"LOCK", "ACQUIRE", "n", "60000", "LIMIT", "2"});
  CHECK(Find("n")->limit == 1);
  CHECK(Find("n")->queue.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "who is passed over is not told that a lease ended, but by its end") {
  Do({"LEASE", "GRANT", "60000", "ID", "l"});
  const uint64_t token = Take("lease");
  const uint64_t named = Wait(kOne, "lease");
  const uint64_t with = Wait(kOne, "lease", {"LEASE", "l"});
  const uint64_t owner = Wait(kOne, "lease", {"OWNER", "LEASE"});
  Park(kOne);
  Release("lease", token);
  Do({"LOCK", "ACQUIRE", "lease", "60000", "LIMIT", "2"});
  for (const uint64_t wait : {named, with, owner})
    CHECK(served[wait].starts_with("-UNBLOCKED this node was out of reach"));
  Take("other");
  const uint64_t lost = Wait(kOne, "other", {"LEASE", "l"});
  Park(kOne);
  Do({"LEASE", "REVOKE", "l"});
  CHECK(served[lost].starts_with("-NOLEASE"));
}

TEST_CASE_FIXTURE(Fixture,
                  "who asks again gets what his attempt on a node out of reach could not") {
  for (const char* how : {"", "ENQUEUE", "WAIT"}) {
    CAPTURE(how);
    served.clear();
    const std::string name = std::string("n") + how;
    const uint64_t token = Take(name);
    const uint64_t before = Wait(kOne, name, {"OWNER", "o1"});
    Park(kOne);
    Release(name, token);
    CHECK(Find(name)->abandoned());
    std::vector<std::string_view> again = {"LOCK", "ACQUIRE", name, "60000", "OWNER", "o1"};
    if (*how != '\0') again.insert(again.end(), {how, "5000"});
    Ask(kTwo, again);
    REQUIRE(Find(name) != nullptr);
    CHECK(Find(name)->held());
    CHECK(Find(name)->holder().owner == "o1");
    CHECK(Find(name)->queue.empty());
    CHECK(served[before].starts_with("-UNBLOCKED"));
  }
}

TEST_CASE_FIXTURE(Fixture, "BREAK ends those of a node that is gone") {
  const uint64_t token = Take("n");
  Wait(kTwo, "n");
  Wait(kTwo, "n");
  Park(kTwo);
  Release("n", token);
  CHECK(Find("n")->queue.size() == 2);
  Do({"LOCK", "BREAK", "n"});
  CHECK(Find("n") == nullptr);
  CHECK(waiting() == 0);
  Tell(kTwo, {.what = WaitNews::What::kBack});
  CHECK(Find("n") == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "an entry hands over a thousand locks, the next one the rest") {
  Do({"LEASE", "GRANT", "60000", "ID", "l"});
  std::vector<std::string> names;
  for (int i = 0; i < 1200; i++) names.push_back("n" + std::to_string(i));
  for (const std::string& name : names) {
    Do({"LOCK", "ACQUIRE", name, "60000", "LEASE", "l"});
    Do({"LOCK", "ACQUIRE", name, "60000", "ENQUEUE", "60000"});
  }
  Do({"LEASE", "REVOKE", "l"});
  CHECK(LocksOf(executor.store()).index().held() == 1000);
  CHECK(executor.NextWaitEndMs() <= executor.elapsed_ms());
  Items({});
  CHECK(LocksOf(executor.store()).index().held() == 1200);
  CHECK(executor.NextWaitEndMs() == INT64_MAX);
}

TEST_CASE_FIXTURE(Fixture, "the end of a ticket or a grant names its last renewal") {
  const uint64_t token = Take("n");
  Do({"LOCK", "ACQUIRE", "n", "60000", "ENQUEUE", "60000"});
  const uint64_t ticket = executor.revision();
  Do({"TXN", "THEN", "1", "4", "LOCK", "CLAIM", "n", std::to_string(ticket)});
  const uint64_t kept = executor.revision();
  End("n", ticket);
  CHECK(Find("n")->queue.size() == 1);
  Release("n", token);
  const uint64_t granted = Find("n")->holder().token;
  End("n", ticket, kept);  // it is no ticket any more
  CHECK(Find("n")->Find(granted) != nullptr);
  Do({"LOCK", "CLAIM", "n", std::to_string(ticket)});
  End("n", granted);
  CHECK(Find("n")->Find(granted) != nullptr);
  End("n", granted, executor.revision());
  CHECK(Find("n") == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "a ticket that is waited for ends with its client alone") {
  Take("n");
  const uint64_t mine = Wait(kOne, "n");
  End("n", executor.revision());
  CHECK(Find("n")->queue.size() == 1);
  Tell(kOne,
       {.what = WaitNews::What::kEnd, .owner = {}, .id = mine, .how = cluster::WaitEnd::kGone});
  CHECK(Find("n")->queue.empty());
}

TEST_CASE_FIXTURE(Fixture, "a delay that follows another lasts as long as the longer of both") {
  Do({"LOCK", "ACQUIRE", "n", "60000", "LIMIT", "2", "DELAY", "9000"});
  const uint64_t a = executor.revision();
  Do({"LOCK", "ACQUIRE", "n", "60000", "LIMIT", "2", "DELAY", "5000"});
  const uint64_t b = executor.revision();
  End("n", a);
  const uint64_t first = Find("n")->delay.token;
  CHECK(Find("n")->delay.ms == 9000);
  End("n", b);
  CHECK(Find("n")->delay.ms == 9000);
  const uint64_t second = Find("n")->delay.token;
  CHECK(second != first);
  End("n", first);
  CHECK(Find("n") != nullptr);
  const uint64_t mine = Wait(kOne, "n", {"LIMIT", "2"});
  CHECK_FALSE(served.contains(mine));
  End("n", second);
  CHECK(served.contains(mine));
}

TEST_CASE_FIXTURE(Fixture, "a new leader is told of all that has a time of its own") {
  std::vector<std::string> parts;
  const auto told = [&] {
    parts.clear();
    executor.ForEachLockPart([&](const cluster::StateMachine::LockPart& part) {
      parts.push_back(std::to_string(part.revision) + ":" + std::to_string(part.ttl_ms));
    });
    return parts;
  };
  const uint64_t token = Take("n");
  Do({"LOCK", "ACQUIRE", "n", "50000", "ENQUEUE", "7000"});
  const uint64_t ticket = executor.revision();
  const std::string t = std::to_string(ticket);
  CHECK(told() == std::vector<std::string>{std::to_string(token) + ":60000", t + ":7000"});
  Release("n", token);
  const std::string g = std::to_string(executor.revision());
  CHECK(told() == std::vector<std::string>{g + ":7000"});
  Do({"LOCK", "CLAIM", "n", t});
  CHECK(told() == std::vector<std::string>{g + ":50000"});
}

}  // namespace
}  // namespace clustron::state
