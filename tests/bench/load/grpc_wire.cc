// The client's side of gRPC over HTTP/2, as much of it as a load needs. Calls send small messages,
// well below the windows that a server opens with, so those are not counted; answers are given
// windows that don't fill up. Header blocks of answers are not read: a call that ends without a
// message has failed.
#include <map>
#include <utility>

#include "tests/bench/load/wire.h"

namespace clustron::load {
namespace {

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8
};
constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
constexpr uint32_t kWindow = 1U << 30;

void PutU32(std::string* out, uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(v >> shift));
}

uint32_t GetU32(std::string_view text) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; i++) v = v << 8 | static_cast<uint8_t>(text[i]);
  return v;
}

void PutFrame(std::string* out, uint8_t type, uint8_t flags, uint32_t stream,
              std::string_view payload) {
  PutU32(out, static_cast<uint32_t>(payload.size()) << 8 | type);
  out->push_back(static_cast<char>(flags));
  PutU32(out, stream);
  *out += payload;
}

// The header block of a call (HPACK without tables or Huffman codes).
std::string HeaderBlock(std::string_view path) {
  const auto text = [](std::string_view s) { return static_cast<char>(s.size()) + std::string(s); };
  std::string out = "\x83\x86";       // :method POST, :scheme http
  out += "\x04" + text(path);         // :path
  out += "\x01" + text("127.0.0.1");  // :authority
  out += std::string(1, '\0') + text("te") + text("trailers");
  out += "\x0f\x10" + text("application/grpc");  // content-type
  return out;
}

class GrpcWire : public Wire {
 public:
  GrpcWire(Loop* loop, int port, OnReply on_reply)
      : loop_(loop), socket_(port), on_reply_(std::move(on_reply)) {
    socket_.set_on_input([this] { Take(); });
    loop->Add(&socket_);
    std::string& out = socket_.out();
    out += "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    std::string settings;
    settings.append("\0\x04", 2);  // SETTINGS_INITIAL_WINDOW_SIZE
    PutU32(&settings, kWindow);
    PutFrame(&out, kSettings, 0, 0, settings);
    Widen(0, kWindow);
  }

  void Send(const Request& request) override { Open(request, kEndStream); }
  void SendOn(const Request& request) override {
    if (open_ == 0) {
      open_ = Open(request, 0);
    } else {
      PutMessage(open_, 0, request.body);
    }
  }
  void Flush() override { loop_->Flush(&socket_); }

 private:
  uint32_t Open(const Request& request, uint8_t end) {
    const uint32_t stream = next_;
    next_ += 2;
    PutFrame(&socket_.out(), kHeaders, kEndHeaders, stream, HeaderBlock(request.path));
    PutMessage(stream, end, request.body);
    return stream;
  }

  void PutMessage(uint32_t stream, uint8_t end, std::string_view message) {
    std::string framed(1, '\0');  // not compressed
    PutU32(&framed, static_cast<uint32_t>(message.size()));
    framed += message;
    PutFrame(&socket_.out(), kData, end, stream, framed);
  }

  void Widen(uint32_t stream, uint32_t by) {
    std::string payload;
    PutU32(&payload, by);
    PutFrame(&socket_.out(), kWindowUpdate, 0, stream, payload);
  }

  void Take() {
    while (socket_.Input().size() >= 9) {
      const std::string_view in = socket_.Input();
      const size_t length = GetU32(in) >> 8;
      if (in.size() < 9 + length) break;
      const auto type = static_cast<uint8_t>(in[3]), flags = static_cast<uint8_t>(in[4]);
      const uint32_t stream = GetU32(in.substr(5)) & 0x7fffffff;
      const std::string_view payload = in.substr(9, length);
      socket_.Consume(9 + length);
      TakeFrame(type, flags, stream, payload);
    }
    Flush();
  }

  void TakeFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
    if (type == kSettings && (flags & kAck) == 0) PutFrame(&socket_.out(), kSettings, kAck, 0, {});
    if (type == kPing && (flags & kAck) == 0) PutFrame(&socket_.out(), kPing, kAck, 0, payload);
    if (type == kGoAway) Fail("etcd ends a connection (GOAWAY)");
    if (type == kReset) Fail("etcd resets a call");
    if (type == kData) TakeData(stream, payload);
    if ((type == kData || type == kHeaders) && (flags & kEndStream) != 0) {
      const bool failed = streams_[stream].messages == 0;
      streams_.erase(stream);
      if (stream == open_) Fail("etcd ends a stream");
      if (failed) on_reply_({});
    }
  }

  void TakeData(uint32_t stream, std::string_view payload) {
    Stream& s = streams_[stream];
    s.in += payload;
    s.taken += payload.size();
    taken_ += payload.size();
    if (s.taken > kWindow / 2) Widen(stream, static_cast<uint32_t>(std::exchange(s.taken, 0)));
    if (taken_ > kWindow / 2) Widen(0, static_cast<uint32_t>(std::exchange(taken_, 0)));
    size_t at = 0;
    while (s.in.size() >= at + 5 &&
           s.in.size() >= at + 5 + GetU32(std::string_view(s.in).substr(at + 1))) {
      const size_t bytes = GetU32(std::string_view(s.in).substr(at + 1));
      s.messages++;
      on_reply_(std::string_view(s.in).substr(at + 5, bytes));
      at += 5 + bytes;
    }
    s.in.erase(0, at);
  }

  struct Stream {
    std::string in;
    uint64_t messages = 0;
    size_t taken = 0;
  };

  Loop* loop_;
  Socket socket_;
  OnReply on_reply_;
  uint32_t next_ = 1, open_ = 0;
  size_t taken_ = 0;
  std::map<uint32_t, Stream> streams_;
};

}  // namespace

void PutVarint(std::string* out, uint64_t value) {
  for (; value >= 128; value >>= 7) out->push_back(static_cast<char>(value | 128));
  out->push_back(static_cast<char>(value));
}

void PutInt(std::string* out, int field, uint64_t value) {
  PutVarint(out, static_cast<uint64_t>(field) << 3);
  PutVarint(out, value);
}

void PutBytes(std::string* out, int field, std::string_view value) {
  PutVarint(out, static_cast<uint64_t>(field) << 3 | 2);
  PutVarint(out, value.size());
  *out += value;
}

namespace {

bool TakeVarint(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

}  // namespace

void EachField(std::string_view message, int field, const std::function<void(const Field&)>& call) {
  while (!message.empty()) {
    uint64_t tag = 0;
    Field found;
    if (!TakeVarint(&message, &tag) || !TakeVarint(&message, &found.number))
      Fail("a message of etcd is malformed");
    if ((tag & 7) == 2) {
      found.text = message.substr(0, found.number);
      message.remove_prefix(found.text.size());
    } else if ((tag & 7) != 0) {
      Fail("a message of etcd has a field of an unknown type");
    }
    if (tag >> 3 == static_cast<uint64_t>(field)) call(found);
  }
}

bool FindField(std::string_view message, int field, Field* found) {
  bool any = false;
  EachField(message, field, [&](const Field& f) {
    if (!any) *found = f;
    any = true;
  });
  return any;
}

std::unique_ptr<Wire> ConnectGrpc(Loop* loop, int port, Wire::OnReply on_reply) {
  return std::make_unique<GrpcWire>(loop, port, std::move(on_reply));
}

}  // namespace clustron::load
