#include "cluster/node/digest_log.h"

#include "base/coding.h"

namespace clustron::cluster {

using paxos::Slot;

void DigestLog::Keep(Slot slot, uint64_t digest) {
  // Behind a gap (a snapshot that tells none) what was before can't be told apart from it.
  if (!kept_.empty() && slot != newest() + kEvery) kept_.clear();
  if (kept_.empty()) first_ = slot;
  if (kept_.size() == kKeptMax) {
    kept_.pop_front();
    first_ += kEvery;
  }
  kept_.push_back(digest);
}

std::optional<uint64_t> DigestLog::Find(Slot slot) const {
  if (slot % kEvery != 0 || kept_.empty() || slot < first_ || slot > newest()) return std::nullopt;
  return kept_[(slot - first_) / kEvery];
}

void DigestLog::ForgetBelow(Slot slot) {
  while (!kept_.empty() && first_ < slot) {
    kept_.pop_front();
    first_ += kEvery;
  }
}

void DigestLog::Encode(std::string* out) const {
  Writer writer(out);
  writer.U64(oldest());
  for (size_t i = 0; i < kept_.size(); ++i) writer.U64(kept_[i]);
}

Status DigestLog::Decode(std::string_view bytes) {
  Reader reader(bytes);
  const Slot first = reader.U64();
  const size_t count = reader.remaining() / sizeof(uint64_t);
  const bool whole = reader.ok() && reader.remaining() == count * sizeof(uint64_t);
  if (!whole || count > kKeptMax || first % kEvery != 0 || (first == 0) != (count == 0))
    return Fail(Errc::kCorruption, "the section of digests is malformed");
  kept_.clear();
  for (size_t i = 0; i < count; ++i) Keep(first + i * kEvery, reader.U64());
  return {};
}

}  // namespace clustron::cluster
