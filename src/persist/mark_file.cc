#include "persist/mark_file.h"

#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc.h"
#include "base/reach.h"

namespace clustron::persist {
namespace {

constexpr uint32_t kMagic = 0x4b4d4c43;  // "CLMK"
constexpr uint64_t kHeaderBytes = 20;
constexpr uint64_t kValueBytesMax = 1 << 20;

}  // namespace

MarkFile::MarkFile(Fs* fs, std::string dir, std::string name)
    : fs_(*fs), dir_(std::move(dir)), name_(std::move(name)) {}

std::string MarkFile::PathOf(int copy) const {
  return dir_ + "/" + name_ + (copy == 0 ? ".a" : ".b");
}

Result<MarkFile::Copy> MarkFile::LoadCopy(int copy) {
  Copy result;
  Result<std::string> bytes = ReadFile(fs_, PathOf(copy), kValueBytesMax + kHeaderBytes);
  if (!bytes) {
    if (bytes.error().code == Errc::kNotFound) return result;
    if (bytes.error().code != Errc::kLimit) return std::unexpected(std::move(bytes).error());
    result.state = CopyState::kDamaged;
    return result;
  }
  result.state = CopyState::kDamaged;
  Reader in(*bytes);
  const uint32_t magic = in.U32();
  const uint32_t crc = in.U32();
  if (!in.ok() || magic != kMagic) return result;
  const std::string_view covered = std::string_view(*bytes).substr(8);
  const uint64_t sequence = in.U64();
  const uint32_t length = in.U32();
  const std::string_view value = in.Raw(length);
  // The file may be longer than its value: an earlier value was longer.
  if (!in.ok() || Crc32c(covered.substr(0, 12 + length)) != crc) return result;
  result.state = CopyState::kGood;
  result.sequence = sequence;
  result.value = std::string(value);
  return result;
}

Status MarkFile::Load() {
  value_.reset();
  sequence_ = 0;
  newest_ = 1;
  names_synced_ = false;
  alike_ = false;
  for (int copy = 0; copy < 2; ++copy) {
    ASSIGN_OR_RETURN(Copy loaded, LoadCopy(copy));
    states_[copy] = loaded.state;
    alike_ = value_ && loaded.state == CopyState::kGood && loaded.value == *value_;
    if (loaded.state != CopyState::kGood || (value_ && loaded.sequence <= sequence_)) continue;
    value_ = std::move(loaded.value);
    sequence_ = loaded.sequence;
    newest_ = copy;
  }
  return {};
}

// Where it is, so that a damaged copy stays known as one: the same bytes, which leave as they are
// those that the disk has already, whatever a power cut makes of this.
Status MarkFile::Keep() {
  if (!value_) return {};
  const std::string path = PathOf(newest_);
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(fs_, path, kValueBytesMax + kHeaderBytes));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs_.Open(path, OpenMode::kReadWrite));
  TRY(file->WriteAt(0, bytes));
  TRY(file->Sync());
  TRY(fs_.SyncDir(dir_));
  names_synced_ = true;
  return {};
}

// The newest copy first: while the other one is written it is the only one.
Status MarkFile::KeepBoth() {
  TRY(Keep());
  if (!value_ || alike_) return {};
  REACH("mark file whose copies differ");
  const Status healed = WriteBoth(*value_);
  return !healed && healed.error().code == Errc::kNoSpace ? Status() : healed;
}

bool MarkFile::damaged() const {
  return states_[0] == CopyState::kDamaged || states_[1] == CopyState::kDamaged;
}

bool MarkFile::missing() const {
  return states_[0] == CopyState::kMissing && states_[1] == CopyState::kMissing;
}

Status MarkFile::Write(std::string_view value) {
  CHECK(value.size() <= kValueBytesMax);
  const int copy = 1 - newest_;
  std::string body;
  Writer out(&body);
  out.U64(sequence_ + 1);
  out.U32(static_cast<uint32_t>(value.size()));
  out.Raw(value);
  std::string bytes;
  Writer head(&bytes);
  head.U32(kMagic);
  head.U32(Crc32c(body));
  head.Raw(body);

  // A copy's first write must not leave a torn file behind that looks like a damaged value.
  const bool first = states_[copy] == CopyState::kMissing;
  const std::string path = first ? PathOf(copy) + ".tmp" : PathOf(copy);
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                   fs_.Open(path, first ? OpenMode::kCreate : OpenMode::kReadWrite));
  TRY(file->WriteAt(0, bytes));
  TRY(file->Sync());
  if (first) TRY(fs_.Rename(path, PathOf(copy)));
  if (first || !names_synced_) TRY(fs_.SyncDir(dir_));
  names_synced_ = true;
  states_[copy] = CopyState::kGood;
  value_ = std::string(value);
  ++sequence_;
  newest_ = copy;
  return {};
}

Status MarkFile::WriteBoth(std::string_view value) {
  const std::string bytes(value);  // it may be value_
  TRY(Write(bytes));
  return Write(bytes);
}

}  // namespace clustron::persist
