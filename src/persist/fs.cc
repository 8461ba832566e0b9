#include "persist/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace clustron::persist {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirMode = 0755;

std::unexpected<Error> OsError(const char* call, const std::string& path, int error) {
  Errc code = Errc::kIo;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = Errc::kNoSpace;
  if (error == ENOENT) code = Errc::kNotFound;
  if (error == EEXIST) code = Errc::kExists;
  return Fail(code, std::string(call) + " " + path + ": " + std::strerror(error));
}

// Repeats a call that a signal interrupted.
template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t n = Retry(
          [&] { return ::pread(fd_, out + done, size - done, static_cast<off_t>(offset + done)); });
      if (n < 0) return OsError("pread", path_, errno);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = Retry(
          [&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (n < 0) return OsError("pwrite", path_, errno);
      if (n == 0) return OsError("pwrite", path_, ENOSPC);
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return {};
  }

  Status Sync() override {
    // Not retried on EINTR either: what a failed sync left behind is unknown.
    if (::fdatasync(fd_) != 0) return OsError("fdatasync", path_, errno);
    return {};
  }

  Status Allocate(uint64_t size) override {
    ASSIGN_OR_RETURN(const uint64_t now, Size());
    if (now >= size) return {};
    const int error =
        ::posix_fallocate(fd_, static_cast<off_t>(now), static_cast<off_t>(size - now));
    if (error != 0) {
      // Some of it may have been taken: give it back.
      if (::ftruncate(fd_, static_cast<off_t>(now)) != 0) return OsError("ftruncate", path_, errno);
      return OsError("fallocate", path_, error);
    }
    return {};
  }

  Status Truncate(uint64_t size) override {
    if (Retry([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) != 0) {
      return OsError("ftruncate", path_, errno);
    }
    return {};
  }

  Result<uint64_t> Size() override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return OsError("fstat", path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int fd_;
  const std::string path_;
};

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<File>> PosixFs::Open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::kRead:
      flags |= O_RDONLY;
      break;
    case OpenMode::kReadWrite:
      flags |= O_RDWR;
      break;
    case OpenMode::kCreate:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  const int fd = Retry([&] { return ::open(path.c_str(), flags, kFileMode); });
  if (fd < 0) return OsError("open", path, errno);
  return std::make_unique<PosixFile>(fd, path);
}

Status PosixFs::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return OsError("rename", from, errno);
  return {};
}

Status PosixFs::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return OsError("unlink", path, errno);
  return {};
}

Result<std::vector<std::string>> PosixFs::List(const std::string& dir) {
  DIR* handle = ::opendir(dir.c_str());
  if (handle == nullptr) return OsError("opendir", dir, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(handle)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  const int error = errno;
  ::closedir(handle);
  if (error != 0) return OsError("readdir", dir, error);
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixFs::MakeDir(const std::string& dir) {
  if (::mkdir(dir.c_str(), kDirMode) == 0) return SyncDir(ParentOf(dir));
  if (errno == EEXIST) {
    struct stat info;
    if (::stat(dir.c_str(), &info) != 0) return OsError("stat", dir, errno);
    if (!S_ISDIR(info.st_mode)) return OsError("mkdir", dir, ENOTDIR);
    return {};
  }
  if (errno != ENOENT) return OsError("mkdir", dir, errno);
  const std::string parent = ParentOf(dir);
  if (parent == dir) return OsError("mkdir", dir, ENOENT);
  TRY(MakeDir(parent));
  if (::mkdir(dir.c_str(), kDirMode) != 0 && errno != EEXIST) return OsError("mkdir", dir, errno);
  return SyncDir(parent);
}

Status PosixFs::SyncDir(const std::string& dir) {
  const int fd = Retry([&] { return ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return OsError("open", dir, errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return OsError("fsync", dir, error);
  return {};
}

bool PosixFs::Exists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}

Result<FreeSpace> PosixFs::Free(const std::string& dir) {
  struct statvfs info;
  if (::statvfs(dir.c_str(), &info) != 0) return OsError("statvfs", dir, errno);
  FreeSpace free{.bytes = static_cast<uint64_t>(info.f_bavail) * info.f_frsize};
  if (info.f_files != 0) free.files = info.f_favail;
  return free;
}

Result<std::string> ReadFile(Fs& fs, const std::string& path, uint64_t size_max) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs.Open(path, OpenMode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > size_max) return Fail(Errc::kLimit, path + " is longer than expected");
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t read, file->ReadAt(0, bytes.data(), bytes.size()));
  bytes.resize(read);
  return bytes;
}

}  // namespace clustron::persist
