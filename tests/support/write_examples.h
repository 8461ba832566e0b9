// A call of each command that writes keys, behind what it needs: tests run them to see by their
// effects which keys a command writes. That none is missing is checked against the command table
// (commands/coordination/guard_table_test.cc).
#pragma once

#include <set>
#include <string_view>
#include <vector>

namespace clustron::test {

struct WriteExample {
  std::string_view call;
  std::vector<std::string_view> before = {};
};

inline const std::vector<WriteExample>& WriteExamples() {
  static const std::vector<WriteExample> examples = {
      {"SET k v"},
      {"SETNX k v"},
      {"SETEX k 10 v"},
      {"PSETEX k 10 v"},
      {"GETSET k v", {"SET k a"}},
      {"GETDEL k", {"SET k a"}},
      {"GETEX k PX 0", {"SET k a"}},
      {"GETEX k EXAT 1", {"SET k a"}},
      {"MSET k 1 l 2"},
      {"MSETNX k 1 l 2"},
      {"MSETEX 2 k 1 l 2 PX 1000"},
      {"APPEND k x", {"SET k a"}},
      {"SETRANGE k 3 x"},
      {"INCR k"},
      {"DECR k"},
      {"INCRBY k 3"},
      {"DECRBY k 3"},
      {"INCRBYFLOAT k 1.5"},
      {"INCREX k BYINT 3"},
      {"SETBIT k 9 1"},
      {"BITFIELD k SET u8 0 7"},
      {"BITOP OR k a b", {"SET a x", "SET b y"}},
      {"DEL k l", {"SET k a"}},
      {"UNLINK k", {"SET k a"}},
      {"DELEX k", {"SET k a"}},
      {"EXPIRE k 0", {"SET k a"}},
      {"EXPIRE k 100", {"SET k a"}},
      {"PEXPIRE k 0", {"SET k a"}},
      {"EXPIREAT k 1", {"SET k a"}},
      {"PEXPIREAT k 1", {"SET k a"}},
      {"PERSIST k", {"SETEX k 10 v"}},
      {"RENAME k l", {"SET k a"}},
      {"RENAME k l", {"SET k a", "SET l b"}},
      {"RENAMENX k l", {"SET k a"}},
      {"MOVE k 1", {"SET k a"}},
      {"COPY k l", {"SET k a"}},
      {"COPY k l REPLACE", {"SET k a", "RPUSH l b"}},
      {"FLUSHDB", {"SET k a"}},
      {"FLUSHDB PREFIX k", {"SET k a", "SET kk b", "SET l c"}},
      {"FLUSHALL", {"SET k a"}},
      {"SWAPDB 0 1", {"SET k a"}},
      {"HSET k f v"},
      {"HSETNX k f v"},
      {"HMSET k f v"},
      {"HDEL k f", {"HSET k f v"}},
      {"HDEL k f", {"HSET k f v g w"}},
      {"HINCRBY k f 1"},
      {"HINCRBYFLOAT k f 1"},
      {"LPUSH k a"},
      {"RPUSH k a"},
      {"LPUSHX k a", {"RPUSH k b"}},
      {"RPUSHX k a", {"RPUSH k b"}},
      {"LPOP k", {"RPUSH k b"}},
      {"RPOP k", {"RPUSH k b c"}},
      {"LSET k 0 a", {"RPUSH k b"}},
      {"LREM k 0 b", {"RPUSH k b"}},
      {"LTRIM k 1 1", {"RPUSH k b c"}},
      {"LINSERT k BEFORE b a", {"RPUSH k b"}},
      {"LMOVE k l LEFT LEFT", {"RPUSH k b"}},
      {"RPOPLPUSH k k", {"RPUSH k b c"}},
      {"LMPOP 1 k LEFT", {"RPUSH k b"}},
      {"BLPOP k 0", {"RPUSH k b"}},
      {"BRPOP k 0", {"RPUSH k b"}},
      {"BLMOVE k l LEFT LEFT 0", {"RPUSH k b"}},
      {"BRPOPLPUSH k l 0", {"RPUSH k b"}},
      {"BLMPOP 0 1 k LEFT", {"RPUSH k b"}},
      {"INDEX LABEL k 1 city Berlin", {"SET k a"}},
      {"INDEX UNLABEL k", {"SET k a", "INDEX LABEL k 1 city Berlin"}},
      {"INDEX PURGE i WHERE f='v'", {"INDEX CREATE i ON HASH FIELDS 1 f TAG", "HSET k f v"}},
      {"LEASE ATTACH x k", {"LEASE GRANT 1000 ID x", "SET k a"}},
      {"LEASE DETACH k", {"LEASE GRANT 1000 ID x", "SET k a LEASE x"}},
      {"LEASE DO x SET k a", {"LEASE GRANT 1000 ID x"}},
      {"LEASE REVOKE x", {"LEASE GRANT 1000 ID x", "SET k a LEASE x", "SET l b LEASE x"}},
      {"LOCK DO lock 1 SET k a", {"LOCK ACQUIRE lock 60000"}},
      {"ONCE id 1000 SET k a"},
      {"TXN THEN 2 3 SET k a 2 DEL k"},
      {"TXN THEN 2 3 SET k a 2 DEL k", {"INDEX CREATE i ON HASH FIELDS 1 f TAG"}},
      {"TXN THEN 2 3 SET k a 2 DEL k", {"INDEX CREATE i ON KEYS"}},
      {"TXN THEN 3 3 SET k a 2 DEL k 3 SET k b"},
      {"TXN THEN 2 2 DEL k 3 LPUSH k b", {"SET k a"}},
      {"TXN THEN 2 3 SET k b 3 LPUSH k b", {"SET k a"}},
      {"TXN THEN 3 3 RENAME k l 2 DEL l 3 SET m 1", {"SET k a", "SET l b"}},
      {"TXN THEN 2 1 FLUSHDB 3 SET k b", {"SET k a"}},
  };
  return examples;
}

// Writes whose calls can't be made of plain words (EXEC, TXN COMMIT, RESTORE have tests of their
// own), or that change no client's key.
inline const std::set<std::string_view> kWritesWithoutExample = {
    "EXEC",         "TXN|COMMIT",  "RESTORE",    "CONFIG|SET",   "LEASE|GRANT", "LOCK|ACQUIRE",
    "LOCK|RELEASE", "LOCK|CANCEL", "LOCK|BREAK", "INDEX|CREATE", "INDEX|DROP"};

}  // namespace clustron::test
