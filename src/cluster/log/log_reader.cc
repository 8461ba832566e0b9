#include "cluster/log/log_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/crc.h"

namespace clustron::cluster {

using paxos::Slot;
using persist::WalBuffer;
using persist::WalHeader;
using persist::WalLocation;
using persist::WalType;

namespace {

constexpr size_t kHandlesMax = 8;
constexpr size_t kReadAheadBytes = 256 << 10;
constexpr uint64_t kHead = persist::kWalRecordHeaderBytes;

}  // namespace

Result<std::vector<paxos::Accepted>> LogReader::ReadRange(
    Slot first, Slot last, size_t bytes_max, std::span<const WalBuffer* const> buffers) {
  std::vector<paxos::Accepted> found;
  size_t bytes = 0;
  Ahead ahead;
  for (Slot slot = first; slot <= last && (found.empty() || bytes < bytes_max); ++slot) {
    const WalLocation* const location = index_.Find(slot);
    if (location == nullptr) break;
    std::string_view head;
    std::string_view payload;
    for (const WalBuffer* buffer : buffers) {
      if (!head.empty()) break;
      head = buffer->Find(location->segment, location->offset, kHead);
      payload = buffer->Find(location->segment, location->offset + kHead, location->payload_size);
    }
    if (head.empty()) {
      const size_t size = kHead + location->payload_size;
      const size_t wanted = first == last ? size : std::max(size, kReadAheadBytes);
      ASSIGN_OR_RETURN(const std::string_view record, ReadRecord(*location, wanted, &ahead));
      head = record.substr(0, kHead);
      payload = record.substr(head.size());
    }
    ASSIGN_OR_RETURN(paxos::Accepted accepted, Decode(slot, *location, head, payload));
    bytes += location->payload_size;
    found.push_back(std::move(accepted));
  }
  return found;
}

// The record, or as much of it as there is; good until the next call.
Result<std::string_view> LogReader::ReadRecord(const WalLocation& location, size_t wanted,
                                               Ahead* ahead) {
  const uint64_t size = kHead + location.payload_size;
  CHECK(wanted >= size);
  if (ahead->segment != location.segment || location.offset < ahead->offset ||
      location.offset + size > ahead->offset + ahead->bytes.size()) {
    ASSIGN_OR_RETURN(persist::File* const file, Handle(location.segment));
    ahead->bytes.resize(wanted);
    ASSIGN_OR_RETURN(const size_t read,
                     file->ReadAt(location.offset, ahead->bytes.data(), ahead->bytes.size()));
    ahead->bytes.resize(read);
    ahead->segment = location.segment;
    ahead->offset = location.offset;
  }
  return std::string_view(ahead->bytes)
      .substr(std::min<size_t>(location.offset - ahead->offset, ahead->bytes.size()), size);
}

Result<persist::File*> LogReader::Handle(uint64_t segment) {
  if (const auto it = handles_.find(segment); it != handles_.end()) return it->second.get();
  if (handles_.size() >= kHandlesMax) handles_.erase(handles_.begin());
  ASSIGN_OR_RETURN(
      std::unique_ptr<persist::File> file,
      fs_.Open(wal_dir_ + "/" + persist::WalSegmentName(segment), persist::OpenMode::kRead));
  return (handles_[segment] = std::move(file)).get();
}

Result<paxos::Accepted> LogReader::Decode(Slot slot, const WalLocation& location,
                                          std::string_view head, std::string_view payload) const {
  const std::optional<WalHeader> header =
      persist::DecodeWalHeader(salt_, location.segment, location.offset, head);
  const bool sound = header && header->type == WalType::kAccept && header->slot == slot &&
                     header->payload_size == payload.size() && header->kind != 0 &&
                     header->kind <= paxos::kEntryKindMax && Crc32c(payload) == header->payload_crc;
  if (!sound) {
    return Fail(Errc::kCorruption, persist::WalSegmentName(location.segment) + " at " +
                                       std::to_string(location.offset) + ": slot " +
                                       std::to_string(slot) + " is damaged");
  }
  paxos::Accepted accepted;
  accepted.slot = slot;
  accepted.ballot = {.round = header->ballot.round, .node = header->ballot.node};
  accepted.value.kind = static_cast<paxos::EntryKind>(header->kind);
  accepted.value.first_ballot = {.round = header->first_ballot.round,
                                 .node = header->first_ballot.node};
  if (!payload.empty()) accepted.value.payload = std::make_shared<const std::string>(payload);
  return accepted;
}

}  // namespace clustron::cluster
