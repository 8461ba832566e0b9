// What clients hear while a cluster is being formed, which blocks the start: PING is answered, so
// that whoever starts the nodes one after the other (a StatefulSet) goes on; everything else gets
// "-CLUSTERDOWN forming: waits for …". When there are as many as may be, the one that has been idle
// longest makes room for the next: nobody has anything here that would be lost with it.
//
// OWNS: a thread, from the constructor to Stop. THREAD: any may call WaitsFor; the rest is for the
// one that starts the server.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/socket.h"
#include "resp/request_parser.h"

namespace clustron::server {

class FormingClients {
 public:
  struct Listening {
    int fd;  // stays the caller's
    bool unix_socket;
  };
  struct Accepted {
    net::Fd fd;
    bool unix_socket;
  };
  // `refusal(fd, unix_socket)`: what a newcomer is told who is not to be served; empty: welcome.
  // It is called on the thread. `connections_max`: at least 1.
  FormingClients(std::vector<Listening> listening,
                 std::function<std::string(int fd, bool unix_socket)> refusal,
                 size_t connections_max, std::string waits_for);
  ~FormingClients();
  FormingClients(const FormingClients&) = delete;
  FormingClients& operator=(const FormingClients&) = delete;

  void WaitsFor(std::string what);
  std::string waits_for() const;
  // Ends the thread. Connections on which no request and no reply is half done go on elsewhere; the
  // others are closed.
  std::vector<Accepted> Stop();

 private:
  struct Connection {
    net::Fd fd;
    bool unix_socket = false;
    std::string in, out;
    resp::RequestParser parser;
    uint64_t heard = 0;  // the higher, the later something was heard of it
    bool ended = false;  // closed when all is said
  };

  void ThreadMain();
  void Accept(const Listening& listening);
  void Welcome(net::Fd fd, bool unix_socket);
  void EndLongestIdle();
  void Read(Connection& connection);
  void Answer(Connection& connection);
  void Write(Connection& connection);

  const std::vector<Listening> listening_;
  const std::function<std::string(int, bool)> refusal_;
  mutable std::mutex mutex_;
  std::string waits_for_;  // guarded by mutex_
  net::Fd wake_[2];        // a pipe: written to by Stop
  const size_t connections_max_;
  std::vector<Connection> connections_;
  uint64_t heard_ = 0;               // the last that was given
  bool out_of_descriptors_ = false;  // so the next turn accepts nobody
  std::thread thread_;               // last: it uses all of the above
};

}  // namespace clustron::server
