// What clients hear while a cluster is being formed, which blocks the start: PING is answered, so
// that whoever starts the nodes one after the other (a StatefulSet) goes on; everything else gets
// "-CLUSTERDOWN forming: waits for …".
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
  // It is called on the thread.
  FormingClients(std::vector<Listening> listening,
                 std::function<std::string(int fd, bool unix_socket)> refusal,
                 std::string waits_for);
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
    bool ended = false;  // closed when all is said
  };

  void ThreadMain();
  void Accept(const Listening& listening);
  void Read(Connection& connection);
  void Answer(Connection& connection);
  void Write(Connection& connection);

  const std::vector<Listening> listening_;
  const std::function<std::string(int, bool)> refusal_;
  mutable std::mutex mutex_;
  std::string waits_for_;  // guarded by mutex_
  net::Fd wake_[2];        // a pipe: written to by Stop
  std::vector<Connection> connections_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace clustron::server
