#include "server/front/session_queue.h"

#include <doctest/doctest.h>

#include "server/front/fake_link.h"

namespace clustron::server {
namespace {

using Kind = Pending::Kind;

constexpr commands::CommandSpec kSet = {.name = "SET", .arity = -3};

struct Queue {
  Pending& Write(size_t bytes) {
    Pending& pending = queue.Push(Kind::kRun, fake.client);
    pending.spec = &kSet;
    queue.BeginWrite(pending, bytes);
    return pending;
  }
  FakeClient fake{1};
  SessionQueue queue;
};

TEST_CASE("a command keeps the database and the protocol that it was sent with") {
  Queue q;
  q.fake.client.modes().db = 3;
  q.fake.client.modes().resp_version = 3;
  const Pending& pending = q.queue.Push(Kind::kReply, q.fake.client);
  CHECK(pending.db == 3);
  CHECK(pending.resp_version == 3);
}

TEST_CASE("items leave in order; a failed one leaves its place to an error") {
  Queue q;
  q.queue.Push(Kind::kReply, q.fake.client);
  q.Write(100);
  q.Write(200);
  CHECK(q.queue.writes() == 2);
  CHECK(q.queue.under_way_bytes() == 300);
  CHECK(q.queue.FailFirstWrite() == 1);
  CHECK(q.queue[1].kind == Kind::kReply);
  CHECK(q.queue.writes() == 1);
  CHECK(q.queue.under_way_bytes() == 200);
  q.queue.PopFront();
  q.queue.PopFront();
  q.queue.EndWrite();
  CHECK(q.queue.empty());
  CHECK(q.queue.under_way_bytes() == 0);
}

TEST_CASE("a read that turns out to be a write counts as the item that it becomes") {
  Queue q;
  Pending& read = q.queue.Push(Kind::kRun, q.fake.client);
  read.spec = &kSet;
  q.queue.CountBytes(read, 10);
  q.queue.BeginWrite(q.queue.front(), 150);
  CHECK(q.queue.under_way_bytes() == 150);
  CHECK(q.queue.writes() == 1);
  q.queue.EndWrite();
}

TEST_CASE("nothing more is parsed while a queue is stalled, full, or long") {
  Queue q;
  CHECK(q.queue.TakesMore());
  SUBCASE("stalled, until it is empty") {
    q.queue.Push(Kind::kCall, q.fake.client).spec = &kSet;
    q.queue.Stall();
    CHECK_FALSE(q.queue.TakesMore());
    q.queue.BeginCall(7);
    CHECK(q.queue.front().round == 7);
    CHECK(q.queue.BecomeReply(q.queue.front()).empty());
    q.queue.PopFront();
    CHECK_FALSE(q.queue.TakesMore());
    q.queue.Resume();
    CHECK(q.queue.TakesMore());
  }
  SUBCASE("too many bytes under way, until half of them are done") {
    for (int i = 0; i < 9; ++i) q.Write(1 << 20);
    CHECK_FALSE(q.queue.TakesMore());
    for (int i = 0; i < 4; ++i) q.queue.EndWrite();
    CHECK_FALSE(q.queue.TakesMore());
    q.queue.EndWrite();
    CHECK(q.queue.TakesMore());
    while (!q.queue.empty()) q.queue.EndWrite();
  }
  SUBCASE("too many commands") {
    while (q.queue.TakesMore()) q.queue.Push(Kind::kReply, q.fake.client);
    CHECK(q.queue.size() == 16384);
    q.queue.PopFront();
    CHECK(q.queue.TakesMore());
  }
}

}  // namespace
}  // namespace clustron::server
