// For unit tests: a client whose socket is a string.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "server/front/client.h"

namespace clustron::server {

class FakeClock : public Clock {
 public:
  int64_t MonotonicNs() const override { return ms * 1'000'000; }
  int64_t WallMs() const override { return 1'700'000'000'000 + ms; }
  int64_t ms = 1000;
};

class FakeLink : public ClientLink {
 public:
  void Push(std::string_view frames) override { out.append(frames); }
  void CloseAfterReply() override { close_after_reply = true; }
  void CloseNow() override { closed = true; }
  size_t input_bytes() const override { return input; }
  size_t input_free_bytes() const override { return 0; }
  size_t output_bytes() const override { return output; }
  std::string Take() { return std::exchange(out, std::string()); }

  std::string out;
  size_t input = 0;
  size_t output = 0;
  bool close_after_reply = false;
  bool closed = false;
};

struct FakeClient {
  explicit FakeClient(uint64_t id, int64_t now_ms = 1000)
      : client(id, link,
               {.peer = "10.0.0.1:" + std::to_string(id), .local = "10.0.0.2:6379", .fd = 7},
               now_ms) {}
  FakeLink link;
  Client client;
};

}  // namespace clustron::server
