#include "base/host_port.h"

#include <doctest/doctest.h>

namespace clustron {
namespace {

TEST_CASE("names, IPv4 and bracketed IPv6 addresses with a port, printed as they are written") {
  struct Case {
    std::string text, host;
    int port;
  };
  for (const auto& [text, host, port] : {Case{"db1:6379", "db1", 6379},
                                         {"127.0.0.1:1", "127.0.0.1", 1},
                                         {"a.b-c_d:65535", "a.b-c_d", 65535},
                                         {"[::1]:7000", "::1", 7000},
                                         {"[fe80::1%eth0]:7000", "fe80::1%eth0", 7000}}) {
    CAPTURE(text);
    const auto parsed = ParseHostPort(text);
    REQUIRE(parsed);
    CHECK(parsed->host == host);
    CHECK(parsed->port == port);
    CHECK(PrintHostPort(parsed->host, parsed->port) == text);
  }
}

TEST_CASE("what is no HOST:PORT is named, and why") {
  for (const char* text :
       {"",          ":",         "a",     "a:",    ":1",    "a:0",      "a:65536",
        "a:-1",      "a:1x",      "a: 1",  "[]:1",  "[a]:1", "::1:7000", "[::1]7000",
        "[::1:7000", "::1]:7000", "a b:1", "a,b:1", "a@b:1", "a:1@2"}) {
    CAPTURE(text);
    const auto parsed = ParseHostPort(text);
    REQUIRE(!parsed);
    CHECK(parsed.error().detail.starts_with("'" + std::string(text) + "' is not HOST:PORT"));
  }
  CHECK(ParseHostPort("::1:7000").error().detail.find("in brackets") != std::string::npos);
}

}  // namespace
}  // namespace clustron
