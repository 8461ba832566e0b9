// Files that tell others of this process while it runs: its pid file, its unix socket. They go with
// this object, unless somebody has put others in their place since. THREAD: one.
#pragma once

#include <string>
#include <vector>

#include "net/socket.h"

namespace clustron::server {

class OwnFiles {
 public:
  OwnFiles() = default;
  ~OwnFiles();
  OwnFiles(const OwnFiles&) = delete;
  OwnFiles& operator=(const OwnFiles&) = delete;

  // REQUIRES: this process has just made the file.
  void Add(const std::string& path);

 private:
  struct OwnFile {
    std::string path;
    net::Fd held;  // as long as it is open, no other file gets this one's number
  };
  std::vector<OwnFile> files_;
};

}  // namespace clustron::server
