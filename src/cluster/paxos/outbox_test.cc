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
