#include "cluster/paxos/outbox.h"

#include <doctest/doctest.h>

namespace clustron::paxos {
namespace {

LogRecord PromiseRecord(uint64_t round) {
  LogRecord record;
  record.ballot = {round, 1};
  return record;
}

TEST_CASE("a held message leaves when everything written before it is durable, in order") {
  Outbox outbox;
  CHECK(outbox.Persist(PromiseRecord(1)) == 1);
  outbox.SendWhenDurable(2, Promise{{1, 2}, 1, 1, 0, 0, {}, {}});
  CHECK(outbox.Persist(PromiseRecord(2)) == 2);
  outbox.SendWhenDurable(3, Promise{{2, 3}, 1, 1, 0, 0, {}, {}});
  CHECK(outbox.HoldsPromise(2, {1, 2}));
  CHECK_FALSE(outbox.HoldsPromise(2, {2, 3}));
  CHECK(outbox.send().empty());
  outbox.OnDurable(1);
  REQUIRE(outbox.send().size() == 1);
  CHECK(outbox.send()[0].to == 2);
  CHECK_FALSE(outbox.HoldsPromise(2, {1, 2}));
  outbox.OnDurable(1);
  CHECK(outbox.send().size() == 1);
  outbox.OnDurable(2);
  CHECK(outbox.send().size() == 2);
}

TEST_CASE("what is not durable is counted, but for hints, and no more than a group too much") {
  Outbox outbox;
  outbox.Persist({.type = LogRecord::Type::kChosen, .slot = 1});
  CHECK(outbox.undurable_bytes() == 0u);
  const auto persist = [&](size_t bytes) {
    LogRecord record = PromiseRecord(1);
    record.type = LogRecord::Type::kAccept;
    record.accepted.value.payload = std::make_shared<const std::string>(bytes, 'x');
    return outbox.Persist(std::move(record));
  };
  const uint64_t big = persist(1 << 20);
  const uint64_t small = persist(100);
  CHECK(outbox.undurable_bytes() > (1 << 20) + 100);
  // A hint behind the last record may stay where it is.
  outbox.Persist({.type = LogRecord::Type::kChosen, .slot = 2});
  outbox.OnDurable(big);
  CHECK(outbox.undurable_bytes() >= 100);
  CHECK(outbox.undurable_bytes() < 1000);
  outbox.OnDurable(small);
  CHECK(outbox.undurable_bytes() == 0u);
  for (int i = 0; i < 1000; ++i) persist(100);
  const size_t all = outbox.undurable_bytes();
  outbox.OnDurable(small + 1 + 500);
  CHECK(outbox.undurable_bytes() >= all / 2 - 1000);
  CHECK(outbox.undurable_bytes() <= all / 2 + (16 << 10) + 1000);
  outbox.OnDurable(outbox.last_seq());
  CHECK(outbox.undurable_bytes() == 0u);
}

TEST_CASE("with nothing unwritten a message leaves at once") {
  Outbox outbox;
  outbox.SendWhenDurable(2, Nack{});
  CHECK(outbox.send().size() == 1);
}

TEST_CASE("hints alone ask for no fsync") {
  Outbox outbox;
  LogRecord hint;
  hint.type = LogRecord::Type::kChosen;
  hint.slot = 4;
  outbox.Persist(hint);
  Ready ready;
  outbox.MoveTo(&ready);
  CHECK(ready.persist_seq == 1);
  CHECK_FALSE(ready.must_sync);
  ready.Clear();
  outbox.Persist(hint);
  outbox.Persist(PromiseRecord(3));
  outbox.MoveTo(&ready);
  CHECK(ready.persist_seq == 3);
  CHECK(ready.must_sync);
  ready.Clear();
  outbox.MoveTo(&ready);
  CHECK(ready.Empty());
  CHECK(ready.persist_seq == 0);
}

}  // namespace
}  // namespace clustron::paxos
