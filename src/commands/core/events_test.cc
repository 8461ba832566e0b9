// What commands announce, and what counts as a change: the keyspace events of each, as a
// redis-server sends them (recorded from one, with notify-keyspace-events EAn). Two differences:
// "new" comes with the change that makes the key, not before the whole command, and a key that COPY
// replaces is not new.
#include <string>
#include <vector>

#include "commands/core/test_server.h"

namespace clustron::commands {

namespace {

class Recorder : public store::Observer {
 public:
  void OnChange(const store::Change& change) override {
    if (change.created) Add(change.db, "new", change.key);
    if (!change.event.name.empty()) Add(change.db, change.event.name, change.key);
  }
  void OnNotify(int db, std::string_view key, store::Event event) override {
    Add(db, event.name, key);
  }
  void OnFlush(int, store::Revision) override {}
  void OnSwap(int, int, store::Revision) override {}
  void OnLease(const store::LeaseEvent&) override {}
  void OnLock(const store::LockEvent&) override {}

  std::string events;

 private:
  void Add(int db, std::string_view name, std::string_view key) {
    if (!events.empty()) events += ", ";
    events += std::to_string(db) + ":" + std::string(name) + " " + std::string(key);
  }
};

struct Step {
  std::string_view command;
  std::string_view events;
};

constexpr Step kSteps[] = {
    {"SET k v", "0:new k, 0:set k"},
    {"SET k v EX 100", "0:set k, 0:expire k"},
    {"SET k v KEEPTTL", "0:set k"},
    {"SETNX n v", "0:new n, 0:set n"},
    {"SETNX n v", ""},
    {"SETEX k 100 v", "0:set k, 0:expire k"},
    {"PSETEX k 100000 v", "0:set k, 0:expire k"},
    {"GETSET k w", "0:set k"},
    {"GETDEL k", "0:del k"},
    {"SET k v", "0:new k, 0:set k"},
    {"GETEX k", ""},
    {"GETEX k EX 100", "0:expire k"},
    {"GETEX k PERSIST", "0:persist k"},
    {"GETEX k PERSIST", ""},
    {"GETEX k EXAT 1", "0:del k"},
    {"SET k v EXAT 1", "0:new k, 0:set k, 0:expire k, 0:expired k"},
    {"SET a v", "0:new a, 0:set a"},
    {"SET a v PXAT 1", "0:set a, 0:expire a, 0:expired a"},
    {"MSET a 1 b 2", "0:new a, 0:set a, 0:new b, 0:set b"},
    {"MSETNX a 1 c 2", ""},
    {"MSETNX c 1 d 2", "0:new c, 0:set c, 0:new d, 0:set d"},
    {"MSETEX 2 a 1 e2 2 EX 100", "0:set a, 0:expire a, 0:new e2, 0:set e2, 0:expire e2"},
    {"MSETEX 2 a 1 f 2 XX", ""},
    {"MSETEX 2 a 1 f 2 NX", ""},
    {"MSETEX 2 a 1 e2 2 KEEPTTL", "0:set a, 0:set e2"},
    {"MSETEX 1 e2 1 EXAT 1", "0:set e2, 0:expire e2, 0:expired e2"},
    {"APPEND a x", "0:append a"},
    {"APPEND e x", "0:new e, 0:append e"},
    {"SETRANGE a 1 yy", "0:setrange a"},
    {"INCR i", "0:new i, 0:incrby i"},
    {"DECR i", "0:incrby i"},
    {"INCRBY i 5", "0:incrby i"},
    {"DECRBY i 5", "0:incrby i"},
    {"INCRBYFLOAT i 1.5", "0:incrbyfloat i"},
    {"INCREX x BYINT 5", "0:new x, 0:incrby x"},
    {"INCREX x BYINT 5 UBOUND 7 EX 100", ""},
    {"INCREX x BYINT 5 UBOUND 7 SATURATE", "0:incrby x"},
    {"INCREX x EX 100", "0:incrby x, 0:expire x"},
    {"INCREX x EX 200 ENX", "0:incrby x"},
    {"INCREX x PERSIST", "0:incrby x, 0:persist x"},
    {"INCREX x BYFLOAT 0.5 PERSIST", "0:incrbyfloat x"},
    {"INCREX x BYFLOAT 1 EXAT 1", "0:del x"},
    {"INCREX x EXAT 1", ""},
    {"SETBIT bits 5 1", "0:new bits, 0:setbit bits"},
    {"SETBIT bits 5 1", ""},
    {"SETBIT bits 20 0", "0:setbit bits"},
    {"SETBIT bits 20 0", ""},
    {"BITOP NOT b2 bits", "0:new b2, 0:set b2"},
    {"BITOP AND b2 none", "0:del b2"},
    {"BITOP AND b2 none", ""},
    {"BITFIELD bits SET u8 0 1", "0:setbit bits"},
    {"BITFIELD bits GET u8 0", ""},
    {"BITFIELD bits OVERFLOW FAIL INCRBY u8 0 300", ""},
    {"DEL a none", "0:del a"},
    {"UNLINK b", "0:del b"},
    {"SET k v", "0:new k, 0:set k"},
    {"EXPIRE k 100", "0:expire k"},
    {"PEXPIRE k 200000", "0:expire k"},
    {"EXPIRE k 100 NX", ""},
    {"EXPIREAT k 33177117420", "0:expire k"},
    {"PEXPIREAT k 33177117420000", "0:expire k"},
    {"PERSIST k", "0:persist k"},
    {"PERSIST k", ""},
    {"EXPIRE k 0", "0:del k"},
    {"SET k v", "0:new k, 0:set k"},
    {"RENAME k k2", "0:rename_from k, 0:new k2, 0:rename_to k2"},
    {"RENAMENX k2 k3", "0:rename_from k2, 0:new k3, 0:rename_to k3"},
    {"RENAME k3 k3", ""},
    {"COPY k3 k4", "0:new k4, 0:copy_to k4"},
    {"COPY k3 k4 REPLACE", "0:copy_to k4"},
    {"MOVE k4 1", "0:move_from k4, 1:new k4, 1:move_to k4"},
    {"HSET h a 1 b 2", "0:new h, 0:hset h"},
    {"HSET h a 1", "0:hset h"},
    {"HMSET h c 3", "0:hset h"},
    {"HSETNX h a 9", ""},
    {"HSETNX h d 4", "0:hset h"},
    {"HINCRBY h n 1", "0:hincrby h"},
    {"HINCRBYFLOAT h n 1.5", "0:hincrbyfloat h"},
    {"HDEL h none", ""},
    {"HDEL h a b", "0:hdel h"},
    {"HDEL h c d n", "0:hdel h, 0:del h"},
    {"GET k3", ""},
    {"FLUSHDB PREFIX k3", "0:del k3"},
    {"FLUSHDB PREFIX k3", ""},
    {"FLUSHDB", ""},
};

}  // namespace

TEST_CASE(
    "commands announce what Redis announces, and take a revision iff they changed something") {
  TestServer server;
  Recorder recorder;
  server.store.set_observer(&recorder);
  for (int db = 0; db < store::kDatabases; db++) {
    server.store.SetHook(db, store::Hook::kNotifications, true);
  }
  for (const Step& step : kSteps) {
    CAPTURE(step.command);
    recorder.events.clear();
    const uint64_t before = server.store.revision();
    server.Run(step.command);
    CHECK(recorder.events == step.events);
    // FLUSHDB is a change without an event.
    const uint64_t taken = step.events.empty() && step.command != "FLUSHDB" ? 0 : 1;
    CHECK(server.store.revision() == before + taken);
  }
}

TEST_CASE("an empty part changes nothing") {
  TestServer server;
  server.Run("SET k v");
  server.Run({"SETRANGE", "k", "0", ""});
  server.Run({"SETRANGE", "none", "5", ""});
  CHECK(server.store.revision() == 1);
  CHECK(server.Run("EXISTS none") == ":0\r\n");
}

TEST_CASE("the end of a key is announced once, by whoever meets it first") {
  TestServer server;
  Recorder recorder;
  server.store.set_observer(&recorder);
  server.store.SetHook(0, store::Hook::kNotifications, true);
  server.Run("SET k v PX 10");
  server.Run("SET other v PX 10");
  server.Advance(20);
  recorder.events.clear();
  CHECK(server.Run("GET k") == "$-1\r\n");
  CHECK(recorder.events.empty());  // reads remove nothing
  CHECK(server.Run("INCR k") == ":1\r\n");
  CHECK(recorder.events == "0:expired k, 0:new k, 0:incrby k");
}

}  // namespace clustron::commands
