// Two protocols over one kind of connection: RESP, and gRPC as etcd speaks it (HTTP/2 without TLS,
// protobuf), written by hand so that the generator costs about the same for both servers.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/load/socket.h"

namespace clustron::load {

// RESP.

std::string Command(std::initializer_list<std::string_view> words);
std::string CommandOf(const std::vector<std::string>& words);
// Bytes of the first whole reply of the text; 0 if there is none yet.
size_t ReplyLength(std::string_view text);
// The element `n` of a flat array of integers and bulk strings, as text; empty if there is none or
// it is nil.
std::string_view Element(std::string_view reply, size_t n);

// Protobuf: fields of wire types 0 and 2.

void PutVarint(std::string* out, uint64_t value);
void PutInt(std::string* out, int field, uint64_t value);
void PutBytes(std::string* out, int field, std::string_view value);
// The first field of that number; false if there is none. `text` is set for type 2, `number` for
// type 0.
struct Field {
  uint64_t number = 0;
  std::string_view text;
};
bool FindField(std::string_view message, int field, Field* found);
// Calls for each field of that number.
void EachField(std::string_view message, int field, const std::function<void(const Field&)>& call);

// What is sent: `path` names the method ("/etcdserverpb.KV/Put") and is empty for RESP; `body` is
// the message or the command.
struct Request {
  std::string_view path;
  std::string body;
};

// A connection of either protocol. The replies of RESP come in order, whole, as they were sent;
// those of gRPC are messages, of one call after the other (empty: it has failed) (the generator has
// one under way) or of one stream that stays open.
class Wire {
 public:
  using OnReply = std::function<void(std::string_view)>;
  virtual ~Wire() = default;
  virtual void Send(const Request& request) = 0;
  // Sends behind the first message of a stream that stays open (gRPC), a command (RESP).
  virtual void SendOn(const Request& request) = 0;
  virtual void Flush() = 0;
};

std::unique_ptr<Wire> ConnectResp(Loop* loop, int port, Wire::OnReply on_reply);
std::unique_ptr<Wire> ConnectGrpc(Loop* loop, int port, Wire::OnReply on_reply);

}  // namespace clustron::load
