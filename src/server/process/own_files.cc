#include "server/process/own_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace clustron::server {

OwnFiles::~OwnFiles() {
  for (const OwnFile& file : files_) {
    struct stat own, there;
    const bool mine = fstat(file.held.get(), &own) == 0 && lstat(file.path.c_str(), &there) == 0 &&
                      own.st_dev == there.st_dev && own.st_ino == there.st_ino;
    if (mine) unlink(file.path.c_str());
  }
}

void OwnFiles::Add(const std::string& path) {
  net::Fd held(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (held.valid()) files_.push_back({path, std::move(held)});
}

}  // namespace clustron::server
