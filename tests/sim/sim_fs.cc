#include "tests/sim/sim_fs.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace clustron::sim {
namespace {

constexpr uint64_t kSectorBytes = 512;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

struct SimFs::Inode {
  std::string data;     // as processes see it
  std::string durable;  // as a crash would leave it without the unsynced changes
};

class SimFile : public persist::File {
 public:
  SimFile(SimFs* fs, SimFs::InodeRef inode, std::string path, bool writable)
      : fs_(*fs),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(writable),
        generation_(fs->generation_) {}

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    TRY(Alive());
    const std::string& data = inode_->data;
    if (offset >= data.size()) return size_t{0};
    const size_t n = std::min<uint64_t>(size, data.size() - offset);
    std::memcpy(out, data.data() + offset, n);
    return n;
  }

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    TRY(Alive());
    CHECK(writable_);
    const Status begun = fs_.Begin("write " + path_, false);
    if (!begun && !fs_.stopped()) return begun;
    const uint64_t end = offset + bytes.size();
    if (begun && end > inode_->data.size()) TRY(fs_.Room(end - inode_->data.size()));
    SimFs::Write(inode_->data, offset, bytes);
    fs_.changes_.push_back({.kind = SimFs::Change::Kind::kWrite,
                            .inode = inode_,
                            .offset = offset,
                            .bytes = std::string(bytes),
                            .name = {},
                            .to = {}});
    return begun;
  }

  Status Sync() override {
    TRY(Alive());
    const bool fails = std::exchange(fs_.fail_next_sync_, false);
    TRY(fs_.Begin("sync " + path_, true));
    if (fails) {
      // The kernel reports the error once and forgets that the pages were dirty.
      std::erase_if(fs_.changes_,
                    [&](const SimFs::Change& c) { return c.inode == inode_ && c.name.empty(); });
      return Fail(Errc::kIo, "sync " + path_ + ": simulated failure");
    }
    fs_.SyncFile(inode_);
    return {};
  }

  Status Allocate(uint64_t size) override {
    if (Result<uint64_t> now = Size(); !now || *now >= size) {
      if (!now) return std::unexpected(now.error());
      return {};
    }
    return Resize(size);
  }

  Status Truncate(uint64_t size) override { return Resize(size); }

  Result<uint64_t> Size() override {
    TRY(Alive());
    return inode_->data.size();
  }

 private:
  Status Alive() const {
    if (generation_ != fs_.generation_ || fs_.stopped()) {
      return Fail(Errc::kIo, path_ + ": the process is dead");
    }
    return {};
  }

  Status Resize(uint64_t size) {
    TRY(Alive());
    CHECK(writable_);
    const Status begun = fs_.Begin("resize " + path_, false);
    if (!begun && !fs_.stopped()) return begun;
    if (begun && size > inode_->data.size()) TRY(fs_.Room(size - inode_->data.size()));
    inode_->data.resize(size);
    fs_.changes_.push_back({.kind = SimFs::Change::Kind::kResize,
                            .inode = inode_,
                            .offset = size,
                            .bytes = {},
                            .name = {},
                            .to = {}});
    return begun;
  }

  SimFs& fs_;
  const SimFs::InodeRef inode_;
  const std::string path_;
  const bool writable_;
  const uint64_t generation_;
};

SimFs::SimFs() = default;
SimFs::~SimFs() = default;

Status SimFs::Begin(const std::string& what, bool is_sync) {
  static_cast<void>(is_sync);
  if (stopped()) return Fail(Errc::kIo, what + ": the process is dead");
  ++operations_;
  if (stopped()) return Fail(Errc::kIo, what + ": the process died here");
  if (const auto it = fail_at_.find(operations_); it != fail_at_.end()) {
    const Errc code = it->second;
    fail_at_.erase(it);
    return Fail(code, what + ": simulated failure");
  }
  return {};
}

Status SimFs::Room(uint64_t more) const {
  for (const uint64_t limit : {capacity_, quota_})
    if (limit != 0 && used_bytes() + more > limit)
      return Fail(Errc::kNoSpace, limit == capacity_ ? "disk full" : "Disk quota exceeded");
  return {};
}

uint64_t SimFs::used_bytes() const {
  uint64_t sum = 0;
  for (const auto& [path, inode] : names_) sum += inode->data.size();
  return sum;
}

void SimFs::Write(std::string& data, uint64_t offset, std::string_view bytes) {
  if (data.size() < offset + bytes.size()) data.resize(offset + bytes.size());
  std::memcpy(data.data() + offset, bytes.data(), bytes.size());
}

void SimFs::ApplyTo(Names& names, const Change& change) {
  switch (change.kind) {
    case Change::Kind::kWrite:
      Write(change.inode->durable, change.offset, change.bytes);
      break;
    case Change::Kind::kResize:
      change.inode->durable.resize(change.offset);
      break;
    case Change::Kind::kLink:
      names[change.name] = change.inode;
      break;
    case Change::Kind::kRename:
      if (const auto it = names.find(change.name); it != names.end()) {
        const InodeRef inode = it->second;
        names.erase(it);
        names[change.to] = inode;
      } else {
        // The link that it renames was dropped by the crash; the new name still points to the file.
        names[change.to] = change.inode;
      }
      break;
    case Change::Kind::kUnlink:
      names.erase(change.name);
      break;
  }
}

void SimFs::SyncFile(const InodeRef& inode) {
  std::erase_if(changes_, [&](const Change& change) {
    const bool covered = change.inode == inode && (change.kind == Change::Kind::kWrite ||
                                                   change.kind == Change::Kind::kResize);
    // Change by change: what a failed sync dropped stays dropped.
    if (covered) ApplyTo(durable_names_, change);
    return covered;
  });
}

Result<std::unique_ptr<persist::File>> SimFs::Open(const std::string& path,
                                                   persist::OpenMode mode) {
  if (stopped()) return Fail(Errc::kIo, path + ": the process is dead");
  auto it = names_.find(path);
  if (mode != persist::OpenMode::kCreate) {
    if (it == names_.end()) return Fail(Errc::kNotFound, "open " + path + ": no such file");
    return std::make_unique<SimFile>(this, it->second, path, mode == persist::OpenMode::kReadWrite);
  }
  if (!dirs_.contains(ParentOf(path))) {
    return Fail(Errc::kNotFound, "open " + path + ": no such directory");
  }
  if (it == names_.end() && files_max_ != 0 && names_.size() >= files_max_)
    return Fail(Errc::kNoSpace, "create " + path + ": no inodes");
  const Status begun = Begin("create " + path, false);
  if (!begun && !stopped()) return std::unexpected(begun.error());
  if (it == names_.end()) {
    it = names_.emplace(path, std::make_shared<Inode>()).first;
    changes_.push_back({.kind = Change::Kind::kLink,
                        .inode = it->second,
                        .offset = 0,
                        .bytes = {},
                        .name = path,
                        .to = {}});
  } else if (!it->second->data.empty()) {
    it->second->data.clear();
    changes_.push_back({.kind = Change::Kind::kResize,
                        .inode = it->second,
                        .offset = 0,
                        .bytes = {},
                        .name = {},
                        .to = {}});
  }
  if (!begun) return std::unexpected(begun.error());
  return std::make_unique<SimFile>(this, it->second, path, true);
}

Status SimFs::Rename(const std::string& from, const std::string& to) {
  if (stopped()) return Fail(Errc::kIo, from + ": the process is dead");
  const auto it = names_.find(from);
  if (it == names_.end()) return Fail(Errc::kNotFound, "rename " + from + ": no such file");
  CHECK(ParentOf(from) == ParentOf(to));  // one directory to sync
  const Status begun = Begin("rename " + from, false);
  if (!begun && !stopped()) return begun;
  const InodeRef inode = it->second;
  names_.erase(it);
  names_[to] = inode;
  changes_.push_back({.kind = Change::Kind::kRename,
                      .inode = inode,
                      .offset = 0,
                      .bytes = {},
                      .name = from,
                      .to = to});
  return begun;
}

Status SimFs::Remove(const std::string& path) {
  if (stopped()) return Fail(Errc::kIo, path + ": the process is dead");
  const auto it = names_.find(path);
  if (it == names_.end()) return Fail(Errc::kNotFound, "unlink " + path + ": no such file");
  const Status begun = Begin("unlink " + path, false);
  if (!begun && !stopped()) return begun;
  changes_.push_back({.kind = Change::Kind::kUnlink,
                      .inode = it->second,
                      .offset = 0,
                      .bytes = {},
                      .name = path,
                      .to = {}});
  names_.erase(it);
  return begun;
}

Result<std::vector<std::string>> SimFs::List(const std::string& dir) {
  if (stopped()) return Fail(Errc::kIo, dir + ": the process is dead");
  if (!dirs_.contains(dir)) return Fail(Errc::kNotFound, "list " + dir + ": no such directory");
  std::set<std::string> found;
  const std::string prefix = dir + "/";
  for (const auto& [path, inode] : names_) {
    if (ParentOf(path) == dir) found.insert(path.substr(prefix.size()));
  }
  for (const std::string& other : dirs_) {
    if (other.starts_with(prefix) && ParentOf(other) == dir) {
      found.insert(other.substr(prefix.size()));
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

Status SimFs::MakeDir(const std::string& dir) {
  if (stopped()) return Fail(Errc::kIo, dir + ": the process is dead");
  for (std::string path = dir; !path.empty(); path = ParentOf(path)) dirs_.insert(path);
  return {};
}

Status SimFs::SyncDir(const std::string& dir) {
  if (stopped()) return Fail(Errc::kIo, dir + ": the process is dead");
  const bool fails = std::exchange(fail_next_sync_, false);
  TRY(Begin("sync " + dir, true));
  if (fails) return Fail(Errc::kIo, "sync " + dir + ": simulated failure");
  std::vector<Change> rest;
  for (Change& change : changes_) {
    if (!change.name.empty() && ParentOf(change.name) == dir) {
      ApplyTo(durable_names_, change);
    } else {
      rest.push_back(std::move(change));
    }
  }
  changes_ = std::move(rest);
  return {};
}

bool SimFs::Exists(const std::string& path) {
  return !stopped() && (names_.contains(path) || dirs_.contains(path));
}

Result<persist::FreeSpace> SimFs::Free(const std::string& dir) {
  static_cast<void>(dir);
  if (stopped()) return Fail(Errc::kIo, "the process is dead");
  const auto left = [](uint64_t limit, uint64_t used) { return used >= limit ? 0 : limit - used; };
  persist::FreeSpace free{.bytes = uint64_t{1} << 40};
  if (capacity_ != 0) free.bytes = left(capacity_, used_bytes());
  if (files_max_ != 0) free.files = left(files_max_, names_.size());
  return free;
}

// Some sectors of a write reach the disk, each whole: with what earlier writes put into it too, as
// the page cache hands it out.
void SimFs::KeepTorn(Rng& rng, const Change& change, const std::string& cache) {
  const uint64_t end = change.offset + change.bytes.size();
  std::string& disk = change.inode->durable;
  for (uint64_t at = change.offset / kSectorBytes * kSectorBytes; at < end; at += kSectorBytes) {
    const uint64_t size = std::min(kSectorBytes, cache.size() - at);
    if (disk.size() < at + size) disk.resize(at + size);
    if (rng.Percent(50)) Write(disk, at, std::string_view(cache).substr(at, size));
  }
}

void SimFs::Crash(Rng& rng, CrashMode mode) {
  ++generation_;
  stop_at_ = 0;
  fail_at_.clear();
  fail_next_sync_ = false;
  size_t last_write = changes_.size();
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (changes_[i].kind == Change::Kind::kWrite) last_write = i;
  }
  const size_t keep = mode == CrashMode::kPrefix ? rng.Below(changes_.size() + 1) : changes_.size();
  std::map<const Inode*, std::string> caches;
  for (size_t i = 0; i < changes_.size(); ++i) {
    Change& change = changes_[i];
    const bool write = change.kind == Change::Kind::kWrite;
    std::string* cache = nullptr;
    if (write || change.kind == Change::Kind::kResize) {
      cache = &caches.try_emplace(change.inode.get(), change.inode->durable).first->second;
      if (write) Write(*cache, change.offset, change.bytes);
      if (!write) cache->resize(change.offset);
    }
    switch (mode) {
      case CrashMode::kLost:
        break;
      case CrashMode::kPrefix:
        if (i > keep) break;
        if (i == keep) {
          if (!write) break;
          change.bytes.resize(rng.Below(change.bytes.size() + 1));
        }
        ApplyTo(durable_names_, change);
        break;
      case CrashMode::kTorn:
        if (i == last_write) {
          KeepTorn(rng, change, *cache);
        } else {
          ApplyTo(durable_names_, change);
        }
        break;
      case CrashMode::kReorder:
        if (write) {
          if (rng.Percent(70)) KeepTorn(rng, change, *cache);
        } else if (rng.Percent(50)) {
          ApplyTo(durable_names_, change);
        }
        break;
    }
  }
  changes_.clear();
  names_ = durable_names_;
  for (const auto& [path, inode] : names_) {
    inode->data = inode->durable;
  }
}

void SimFs::Kill() {
  ++generation_;
  stop_at_ = 0;
}

void SimFs::ClearFaults() {
  stop_at_ = 0;
  fail_at_.clear();
  fail_next_sync_ = false;
  capacity_ = quota_ = files_max_ = 0;
}

void SimFs::FailAt(uint64_t operation, Errc code) { fail_at_[operations_ + operation] = code; }

void SimFs::Overwrite(const std::string& path, uint64_t offset, std::string_view bytes) {
  const auto it = names_.find(path);
  CHECK(it != names_.end());
  CHECK(offset + bytes.size() <= it->second->data.size());
  Write(it->second->data, offset, bytes);
  if (offset + bytes.size() <= it->second->durable.size()) {
    Write(it->second->durable, offset, bytes);
  }
}

void SimFs::FlipBit(const std::string& path, uint64_t offset, int bit) {
  const auto it = names_.find(path);
  CHECK(it != names_.end());
  CHECK(offset < it->second->data.size());
  const char flipped = static_cast<char>(it->second->data[offset] ^ (1 << bit));
  Overwrite(path, offset, std::string_view(&flipped, 1));
}

std::vector<std::string> SimFs::Files() const {
  std::vector<std::string> paths;
  for (const auto& [path, inode] : names_) paths.push_back(path);
  return paths;
}

std::string SimFs::Content(const std::string& path) const {
  const auto it = names_.find(path);
  CHECK(it != names_.end());
  return it->second->data;
}

bool SimFs::AllSynced() const { return changes_.empty(); }

std::unique_ptr<SimFs> SimFs::Clone() const {
  auto copy = std::make_unique<SimFs>();
  std::map<const Inode*, InodeRef> made;
  const auto clone = [&](const InodeRef& inode) -> InodeRef {
    if (inode == nullptr) return nullptr;
    InodeRef& ref = made[inode.get()];
    if (ref == nullptr) ref = std::make_shared<Inode>(*inode);
    return ref;
  };
  for (const auto& [path, inode] : names_) copy->names_[path] = clone(inode);
  for (const auto& [path, inode] : durable_names_) copy->durable_names_[path] = clone(inode);
  for (Change change : changes_) {
    change.inode = clone(change.inode);
    copy->changes_.push_back(std::move(change));
  }
  copy->dirs_ = dirs_;
  copy->capacity_ = capacity_;
  copy->quota_ = quota_;
  copy->files_max_ = files_max_;
  return copy;
}

void SimFs::Become(const SimFs& other) {
  const std::unique_ptr<SimFs> copy = other.Clone();
  names_.swap(copy->names_);
  durable_names_.swap(copy->durable_names_);
  changes_.swap(copy->changes_);
  dirs_.swap(copy->dirs_);
  ++generation_;
}

}  // namespace clustron::sim
