#include "server/ops/maintenance.h"

#include "commands/core/spec.h"
#include "server/config/config.h"
#include "server/front/client_table.h"
#include "server/front/fake_link.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

using commands::MaintNotices;

namespace {

struct Fixture {
  FakeClock clock;
  Config config;
  ClientTable table{clock, config};
  Maintenance maintenance{table};
  std::vector<std::unique_ptr<FakeClient>> all;

  ~Fixture() {
    for (auto& one : all) table.Remove(one->client);
  }
  FakeClient& Add(MaintNotices wish, int resp_version = 3) {
    all.push_back(std::make_unique<FakeClient>(table.NextId()));
    table.Add(all.back()->client);
    all.back()->client.modes().resp_version = resp_version;
    all.back()->client.modes().maint_notices = wish;
    return *all.back();
  }
};

constexpr std::string_view kFailingOver =
    ">4\r\n$12\r\nFAILING_OVER\r\n:7\r\n:5\r\n$5\r\n[\"1\"]\r\n";
constexpr std::string_view kFailedOver = ">3\r\n$11\r\nFAILED_OVER\r\n:8\r\n$5\r\n[\"1\"]\r\n";

}  // namespace

TEST_CASE("who asked under RESP3 is told once where to go, and counted until it has gone") {
  Fixture f;
  FakeClient& asked = f.Add(MaintNotices::kWithEndpoint);
  FakeClient& none = f.Add(MaintNotices::kWithoutEndpoint);
  FakeClient& silent = f.Add(MaintNotices::kOff);
  FakeClient& old = f.Add(MaintNotices::kWithEndpoint, 2);
  f.maintenance.TellMoving(9, 10, {"10.0.0.7:6379"});
  CHECK(asked.link.Take() == ">4\r\n$6\r\nMOVING\r\n:9\r\n:10\r\n$13\r\n10.0.0.7:6379\r\n");
  CHECK(none.link.Take() == ">4\r\n$6\r\nMOVING\r\n:9\r\n:10\r\n_\r\n");
  CHECK(silent.link.Take().empty());
  CHECK(old.link.Take().empty());
  CHECK(f.maintenance.Movers() == 2);

  f.maintenance.TellMoving(9, 8, {"10.0.0.7:6379"});
  CHECK(asked.link.Take().empty());
  old.client.modes().resp_version = 3;
  f.maintenance.TellMoving(9, 7, {"10.0.0.7:6379"});
  CHECK(old.link.Take() == ">4\r\n$6\r\nMOVING\r\n:9\r\n:7\r\n$13\r\n10.0.0.7:6379\r\n");
  CHECK(f.maintenance.Movers() == 3);
  old.client.modes().maint_notices = MaintNotices::kOff;
  asked.client.closing = true;
  CHECK(f.maintenance.Movers() == 1);
  none.client.Reset();
  CHECK(f.maintenance.Movers() == 0);
}

TEST_CASE("without an address only those are told to move who want none") {
  Fixture f;
  FakeClient& asked = f.Add(MaintNotices::kWithEndpoint);
  FakeClient& none = f.Add(MaintNotices::kWithoutEndpoint);
  f.maintenance.TellMoving(9, 10, {});
  CHECK(asked.link.Take().empty());
  CHECK(!none.link.Take().empty());
}

TEST_CASE("all connections of one address are sent to one member") {
  Fixture f;
  std::vector<FakeClient*> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(&f.Add(MaintNotices::kWithEndpoint));
  f.maintenance.TellMoving(1, 10, {"a:1", "b:2", "c:3"});
  const std::string first = clients[0]->link.Take();
  CHECK(first.ends_with("\r\n"));
  for (size_t i = 1; i < clients.size(); ++i) CHECK(clients[i]->link.Take() == first);
}

TEST_CASE("who asks for the stop is not told to move: it waits for it") {
  Fixture f;
  static constexpr commands::CommandSpec kShutdown = {.name = "SHUTDOWN",
                                                      .flags = commands::kStopsNode};
  FakeClient& asked = f.Add(MaintNotices::kWithEndpoint);
  asked.client.Touch(1000, &kShutdown);
  f.maintenance.TellMoving(9, 10, {"a:1"});
  CHECK(asked.link.Take().empty());
  CHECK(f.maintenance.Movers() == 0);
}

TEST_CASE("a stop that was called off can be told again") {
  Fixture f;
  FakeClient& asked = f.Add(MaintNotices::kWithEndpoint);
  f.maintenance.TellMoving(9, 10, {"a:1"});
  CHECK(!asked.link.Take().empty());
  f.maintenance.ForgetMoving();
  CHECK(f.maintenance.Movers() == 0);
  f.maintenance.TellMoving(10, 10, {"a:1"});
  CHECK(!asked.link.Take().empty());
}

TEST_CASE("FAILED_OVER goes exactly to those who were told FAILING_OVER") {
  Fixture f;
  FakeClient& asked = f.Add(MaintNotices::kWithEndpoint);
  FakeClient& off = f.Add(MaintNotices::kWithEndpoint);
  f.maintenance.BeginHandOver(7, 1000);
  CHECK(asked.link.Take() == kFailingOver);
  CHECK(off.link.Take() == kFailingOver);
  FakeClient& late = f.Add(MaintNotices::kWithEndpoint);
  off.client.modes().maint_notices = MaintNotices::kOff;
  f.maintenance.EndHandOver();
  CHECK(asked.link.Take() == kFailedOver);
  CHECK(off.link.Take() == kFailedOver);
  CHECK(late.link.Take().empty());
  f.maintenance.EndHandOver();
  CHECK(asked.link.Take().empty());
}

TEST_CASE("a hand-over that does not come about is ended after its time") {
  Fixture f;
  FakeClient& asked = f.Add(MaintNotices::kWithEndpoint);
  f.maintenance.BeginHandOver(7, 1000);
  asked.link.Take();
  f.maintenance.Step(5999);
  CHECK(asked.link.Take().empty());
  f.maintenance.Step(6000);
  CHECK(asked.link.Take() == kFailedOver);
}

TEST_CASE("who is sent away hears of no hand-over, and one that it knows of is ended first") {
  Fixture f;
  FakeClient& early = f.Add(MaintNotices::kWithEndpoint);
  f.maintenance.BeginHandOver(7, 1000);
  early.link.Take();
  FakeClient& late = f.Add(MaintNotices::kWithEndpoint);
  f.maintenance.TellMoving(9, 10, {"a:1"});
  const std::string moving = late.link.Take();
  CHECK(early.link.Take() == std::string(kFailedOver) + moving);
  f.maintenance.BeginHandOver(11, 1100);
  f.maintenance.EndHandOver();
  CHECK(early.link.Take().empty());
  CHECK(late.link.Take().empty());
}

TEST_CASE("numbers of events rise though the clock goes back") {
  Fixture f;
  CHECK(f.maintenance.NextSeq(5000) == 5000);
  CHECK(f.maintenance.NextSeq(4000) == 5001);
  f.maintenance.BeginHandOver(9000, 0);  // another node's
  CHECK(f.maintenance.NextSeq(5000) == 9001);
}

}  // namespace clustron::server
