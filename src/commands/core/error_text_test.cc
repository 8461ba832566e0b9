#include "commands/core/error_text.h"

#include "commands/core/errors.h"
#include "commands/core/test_server.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

TEST_CASE("others' words are shown cut and printable") {
  CHECK(Quoted("") == "''");
  CHECK(Quoted("a b") == "'a b'");
  CHECK(Quoted(std::string_view("a\r\n\0\xff", 5)) ==
        "'a???"
        "?'");
  CHECK(Quoted(std::string(64, 'x')) == "'" + std::string(64, 'x') + "'");
  CHECK(Quoted(std::string(65, 'x')) == "'" + std::string(64, 'x') + "...'");
}

TEST_CASE("an error's code stays its first word") {
  CHECK(WithPrefix("ERR syntax error", "command 2") == "ERR command 2: syntax error");
  CHECK(WithPrefix("OOM", "command 2") == "OOM command 2");
}

TEST_CASE("EXEC says why it was discarded, without the code of most errors") {
  const std::string begin = "EXECABORT Transaction discarded because of: ";
  CHECK(ExecAborted("ERR syntax error") == begin + "syntax error");
  CHECK(ExecAborted(kErrOom) == begin + std::string(kErrOom));
}

TEST_CASE("an error inside TXN names its command, behind what programs read") {
  CHECK(InTxn("ERR syntax error", "command 2") == "ERR command 2: syntax error");
  CHECK(InTxn(Fenced("k", nullptr), "command 2") ==
        "FENCED current=0 lock 'k' is free, in command 2");
}

TEST_CASE("a call is shown by its name and its first argument") {
  const std::vector<std::string_view> call = {"SET", "k", "secret"};
  CHECK(Sketch(Args(call)) == "SET k ...");
  CHECK(Sketch(Args(call).first(2)) == "SET k");
  CHECK(Sketch(Args(call).first(1)) == "SET");
  CHECK(Sketch({}).empty());
}

TEST_CASE("who holds a lock is said with the token, and the owner if there is one") {
  CHECK(HeldBy(nullptr) == "free");
  TestServer server;
  server.Run("LOCK ACQUIRE k 1000");
  server.Run("LOCK ACQUIRE j 1000 OWNER me");
  const store::LockTable& locks = LocksOf(server.store);
  CHECK(HeldBy(locks.Find(0, "k")) == "held with token 1");
  CHECK(HeldBy(locks.Find(0, "j")) == "held by 'me' with token 2");
}

TEST_CASE("what Redis has and is not here is known by its whole name, and is not here") {
  for (const char* name : {"SADD", "zadd", "Eval", "MEMORY|DOCTOR", "DEBUG", "XADD", "HEXPIRE"}) {
    CAPTURE(name);
    CHECK(IsRedisCommand(name));
  }
  for (const char* name :
       {"", " ", "LPUS", "PUSH", "LPUSH ", "NOSUCH", "GET", "MEMORY|NOSUCH", "|"}) {
    CAPTURE(name);
    CHECK(!IsRedisCommand(name));
  }
  for (const CommandSpec* spec : Registry::Get().All()) {
    CAPTURE(spec->name);
    CHECK(!IsRedisCommand(spec->name));
  }
}

}  // namespace clustron::commands
