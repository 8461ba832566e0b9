#include "resp/reply_writer.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

namespace clustron::resp {

namespace {

std::string Written(int version, const std::function<void(ReplyWriter&)>& write) {
  std::string out;
  ReplyWriter writer(&out, version);
  write(writer);
  return out;
}

}  // namespace

TEST_CASE("what both protocols share is written alike") {
  for (int version : {2, 3}) {
    const std::string out = Written(version, [](ReplyWriter& w) {
      w.Array(5);
      w.Ok();
      w.Int(-5);
      w.Bulk(std::string_view("a\0b", 3));
      w.Simple("QUEUED");
      w.BulkInt(17);
    });
    constexpr char kExpected[] = "*5\r\n+OK\r\n:-5\r\n$3\r\na\0b\r\n+QUEUED\r\n$2\r\n17\r\n";
    CHECK(out == std::string(kExpected, sizeof kExpected - 1));
  }
}

TEST_CASE("RESP2 lacks kinds that RESP3 has") {
  const auto write = [](ReplyWriter& w) {
    w.Map(1);
    w.Null();
    w.NullArray();
    w.Set(1);
    w.Bool(true);
    w.Double(1.5);
    w.Verbatim("x");
  };
  CHECK(Written(2, write) == "*2\r\n$-1\r\n*-1\r\n*1\r\n:1\r\n$3\r\n1.5\r\n$1\r\nx\r\n");
  CHECK(Written(3, write) == "%1\r\n_\r\n_\r\n~1\r\n#t\r\n,1.5\r\n=5\r\ntxt:x\r\n");
}

TEST_CASE("an error stays on its line and is counted") {
  std::string out;
  ReplyWriter writer(&out, 2);
  writer.Error("ERR unknown command 'a\r\nb'");
  CHECK(out == "-ERR unknown command 'a  b'\r\n");
  CHECK(writer.error_count() == 1);
}

TEST_CASE("a count may come at the end") {
  const auto write = [](ReplyWriter& w) {
    w.Int(7);
    const size_t place = w.Deferred();
    w.Bulk("a");
    w.Bulk("b");
    w.DeferredMap(place, 1);
  };
  CHECK(Written(2, write) == ":7\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(Written(3, write) == ":7\r\n%1\r\n$1\r\na\r\n$1\r\nb\r\n");
}

}  // namespace clustron::resp
