// The server's files. While it starts, opening one breathes (base/breather.h): a long log is read
// segment by segment before the first of its entries is applied. Later, files are opened where
// nothing may come in between.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/breather.h"
#include "persist/fs.h"

namespace clustron::server {

class BreathingFs final : public persist::PosixFs {
 public:
  void SetBreathing(bool breathing) { breathing_ = breathing; }

  Result<std::unique_ptr<persist::File>> Open(const std::string& path,
                                              persist::OpenMode mode) override {
    if (breathing_) Breathe();
    return persist::PosixFs::Open(path, mode);
  }

 private:
  std::atomic<bool> breathing_ = false;  // other threads open files, too
};

}  // namespace clustron::server
