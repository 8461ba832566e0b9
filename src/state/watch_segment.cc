#include "state/watch_segment.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/keyspace/store.h"

namespace clustron::state {

using store::Revision;

WatchRecord WatchRecordAt(std::string_view bytes, size_t at) {
  DCHECK(bytes.size() - at >= sizeof(WatchRecord));
  WatchRecord head;
  std::memcpy(&head, bytes.data() + at, sizeof head);
  return head;
}

std::string_view WatchKeyAt(std::string_view bytes, size_t at) {
  const WatchRecord head = WatchRecordAt(bytes, at);
  return bytes.substr(at + sizeof head + head.lease_size, head.key_size);
}

size_t WatchRecordSize(const WatchEvent& event) {
  return sizeof(WatchRecord) + event.lease.size() + event.key.size() + event.value.size() +
         event.previous.size();
}

void WriteWatchRecord(Revision revision, const WatchEvent& event, char* to) {
  CHECK(event.lease.size() <= UINT8_MAX);
  const WatchRecord head{.revision = revision,
                         .key_size = static_cast<uint32_t>(event.key.size()),
                         .value_size = static_cast<int32_t>(event.value_size),
                         .previous_size = static_cast<int32_t>(event.previous_size),
                         .kind = static_cast<uint8_t>(event.kind),
                         .reason = static_cast<uint8_t>(event.reason),
                         .db = event.db < 0 ? WatchRecord::kDbAll : static_cast<uint8_t>(event.db),
                         .lease_size = static_cast<uint8_t>(event.lease.size())};
  CHECK(head.size() == WatchRecordSize(event));
  const auto put = [&to](const void* from, size_t part) {
    if (part == 0) return;
    std::memcpy(to, from, part);
    to += part;
  };
  put(&head, sizeof head);
  put(event.lease.data(), event.lease.size());
  put(event.key.data(), event.key.size());
  put(event.value.data(), event.value.size());
  put(event.previous.data(), event.previous.size());
}

size_t ReadWatchRecord(std::string_view bytes, size_t at, Revision* revision, WatchEvent* event) {
  if (bytes.size() - at < sizeof(WatchRecord)) return 0;
  const WatchRecord head = WatchRecordAt(bytes, at);
  const size_t size = head.size();
  const bool known = head.kind <= static_cast<uint8_t>(WatchKind::kReset) &&
                     head.reason <= static_cast<uint8_t>(store::Reason::kTxn) &&
                     (head.db < store::kDatabases || head.db == WatchRecord::kDbAll);
  if (!known || bytes.size() - at < size || head.value_size < WatchEvent::kNotKept ||
      head.previous_size < WatchEvent::kNone)
    return 0;
  *revision = head.revision;
  size_t from = at + sizeof head;
  const auto take = [&](int64_t part) {
    if (part <= 0) return std::string_view();
    const std::string_view view = bytes.substr(from, static_cast<size_t>(part));
    from += view.size();
    return view;
  };
  event->kind = static_cast<WatchKind>(head.kind);
  event->reason = static_cast<store::Reason>(head.reason);
  event->db = head.db == WatchRecord::kDbAll ? WatchEvent::kAllDbs : head.db;
  event->lease = take(head.lease_size);
  event->key = take(head.key_size);
  event->value = take(head.value_size);
  event->value_size = head.value_size;
  event->previous = take(head.previous_size);
  event->previous_size = head.previous_size;
  return at + size;
}

WatchSegment::WatchSegment(size_t bytes)
    : data_(static_cast<char*>(store::Alloc(BlockFor(bytes)))),
      end_(data_),
      limit_(data_ + BlockFor(bytes) - sizeof(WatchRecord)) {}

WatchSegment::~WatchSegment() {
  store::Free(data_, capacity());
  store::allocated_bytes -= index_bytes_;
}

void WatchSegment::Move(size_t bytes) {
  const size_t used = size();
  CHECK(bytes >= used);
  const size_t block = BlockFor(bytes);
  char* const to = static_cast<char*>(store::Alloc(block));
  std::memcpy(to, data_, used);
  store::Free(data_, capacity());
  data_ = to;
  end_ = to + used;
  limit_ = to + block - sizeof(WatchRecord);
}

void WatchSegment::Grow(size_t bytes) {
  if (bytes > room()) Move(std::max(size() + bytes, 2 * capacity()));
}

void WatchSegment::Seal() {
  CHECK(size() > 0);
  full_ = true;
  // Where events are long much may be left.
  if (BlockFor(size()) < capacity()) Move(size());
}

void WatchSegment::BuildIndex() {
  CHECK(full_);
  if (std::exchange(indexed_, true)) return;
  by_key_.reserve(events_);
  for (size_t at = 0; at < size();) {
    const WatchRecord head = WatchRecordAt(bytes(), at);
    const bool reset = head.kind == static_cast<uint8_t>(WatchKind::kReset);
    (reset ? resets_ : by_key_).push_back(static_cast<uint32_t>(at));
    at += head.size();
  }
  index_bytes_ = store::AllocSize((by_key_.capacity() + resets_.capacity()) * sizeof(uint32_t));
  store::allocated_bytes += index_bytes_;
  std::sort(by_key_.begin(), by_key_.end(), [&](uint32_t a, uint32_t b) {
    const uint8_t db_a = WatchRecordAt(bytes(), a).db;
    const uint8_t db_b = WatchRecordAt(bytes(), b).db;
    if (db_a != db_b) return db_a < db_b;
    const int order = WatchKeyAt(bytes(), a).compare(WatchKeyAt(bytes(), b));
    return order != 0 ? order < 0 : a < b;
  });
}

}  // namespace clustron::state
