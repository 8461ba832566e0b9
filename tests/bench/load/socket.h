// Non-blocking sockets and a loop over them: what the load generator stands on. One thread. Errors
// end the program.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace clustron::load {

int64_t NowNs();
[[noreturn]] void Fail(std::string_view what);

// A connection to 127.0.0.1. Bytes to write are kept until Flush; bytes read until Consume.
class Socket {
 public:
  explicit Socket(int port);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  std::string& out() { return out_; }
  // Writes as much as the kernel takes; true if something is left.
  bool Flush();
  // Reads what there is. The server's end of the connection ends the program.
  void Fill();
  std::string_view Input() const { return std::string_view(in_).substr(at_); }
  void Consume(size_t bytes) { at_ += bytes; }
  void set_on_input(std::function<void()> call) { on_input_ = std::move(call); }
  void OnInput() { on_input_(); }

 private:
  int fd_;
  std::string in_, out_;
  size_t at_ = 0;  // of in_, what is consumed
  std::function<void()> on_input_;
};

// Waits for input of its sockets, and for the room to write what was left. A timer of 1 ms can be
// asked for.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Add(Socket* socket);
  // Writes what stands in out(); the rest as soon as there is room.
  void Flush(Socket* socket);
  // Calls at each millisecond; late calls are not made up for.
  void EachMillisecond(std::function<void()> call);
  // Besides sockets: calls when the descriptor can be read.
  void OnReadable(int fd, std::function<void()> call);
  void RunUntil(int64_t end_ns);
  void Run(const std::function<bool()>& done, int64_t end_ns);

 private:
  int epoll_, timer_ = -1, other_ = -1;
  std::function<void()> each_ms_, on_other_;
};

}  // namespace clustron::load
