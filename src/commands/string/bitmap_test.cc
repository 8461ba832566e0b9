// Commands on bits and ranges of strings in pieces agree with their plain definitions.
#include <algorithm>
#include <string>

#include "base/rng.h"
#include "commands/core/test_server.h"

namespace clustron::commands {
namespace {

// Long runs of one byte, so that searches go over whole pieces.
std::string SomeBytes(Rng& rng) {
  std::string bytes;
  const size_t size = 1 + rng.Below(rng.Percent(30) ? 100 : 300'000);
  while (bytes.size() < size) {
    const size_t run = std::min<size_t>(size - bytes.size(), rng.Percent(50) ? 3 : 100'000);
    bytes.append(run,
                 rng.Percent(50) ? '\0' : static_cast<char>(rng.Percent(70) ? 255 : rng.Next()));
  }
  return bytes;
}

bool BitOf(const std::string& bytes, size_t i) { return bytes[i / 8] >> (7 - i % 8) & 1; }

std::string Integer(int64_t value) { return ":" + std::to_string(value) + "\r\n"; }

TEST_CASE("BITCOUNT, BITPOS, BITOP and GETRANGE of strings in pieces") {
  for (uint64_t seed = 1; seed <= 30; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    TestServer server;
    const std::string a = SomeBytes(rng);
    const std::string b = SomeBytes(rng);
    server.Run({"SET", "a", a});
    server.Run({"SET", "b", b});

    const bool in_bits = rng.Percent(50);
    const size_t total = a.size() * (in_bits ? 8 : 1);
    const size_t from = rng.Below(total);
    const size_t to = from + rng.Below(total - from);
    const size_t first = in_bits ? from : from * 8;
    const size_t last = in_bits ? to : to * 8 + 7;
    int64_t count = 0;
    int64_t position[2] = {-1, -1};
    for (size_t i = first; i <= last; i++) {
      const bool bit = BitOf(a, i);
      count += bit ? 1 : 0;
      if (position[bit] < 0) position[bit] = static_cast<int64_t>(i);
    }
    const std::string unit = in_bits ? "BIT" : "BYTE";
    const std::string f = std::to_string(from);
    const std::string t = std::to_string(to);
    CHECK(server.Run({"BITCOUNT", "a", f, t, unit}) == Integer(count));
    CHECK(server.Run({"BITPOS", "a", "0", f, t, unit}) == Integer(position[0]));
    CHECK(server.Run({"BITPOS", "a", "1", f, t, unit}) == Integer(position[1]));
    if (!in_bits) {
      const std::string part = a.substr(from, to - from + 1);
      const bool same = server.Run({"GETRANGE", "a", f, t}) ==
                        "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
      CHECK(same);
    }

    const size_t size = std::max(a.size(), b.size());
    for (const std::string op : {"AND", "OR", "XOR", "NOT"}) {
      CAPTURE(op);
      std::string expected(op == "NOT" ? a.size() : size, '\0');
      for (size_t i = 0; i < expected.size(); i++) {
        const int x = i < a.size() ? a[i] : 0;
        const int y = i < b.size() ? b[i] : 0;
        expected[i] = static_cast<char>(op == "AND"   ? x & y
                                        : op == "OR"  ? x | y
                                        : op == "XOR" ? x ^ y
                                                      : ~x);
      }
      const std::string target = rng.Percent(50) ? "d" : "b";  // which may be a source
      server.Run({"SET", "b", b});
      CHECK((op == "NOT" ? server.Run({"BITOP", op, target, "a"})
                         : server.Run({"BITOP", op, target, "a", "b", "a"})) ==
            Integer(static_cast<int64_t>(expected.size())));
      if (op == "XOR")  // a twice is nothing
        for (size_t i = 0; i < size; i++) expected[i] = i < b.size() ? b[i] : '\0';
      const bool same = server.Run({"GET", target}) ==
                        "$" + std::to_string(expected.size()) + "\r\n" + expected + "\r\n";
      CHECK(same);
    }
  }
}

}  // namespace
}  // namespace clustron::commands
