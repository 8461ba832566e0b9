#include "cluster/node/batcher.h"

#include <utility>

#include "base/breather.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/reach.h"

namespace clustron::cluster {

void Batcher::Reset() {
  first_ = {};
  closed_.clear();
  open_ = {};
  bytes_ = 0;
  next_.clear();
}

bool Batcher::Add(const ItemHeader& header, std::string_view item, uint8_t flags) {
  if (bytes_ > waiting_bytes_max_) {
    REACH("batcher full");
    return false;
  }
  auto [it, fresh] =
      next_.try_emplace(header.session.node, Next{header.session.boot, header.sequence});
  Next& next = it->second;
  if (!fresh) {
    if (header.session.boot < next.boot) return false;
    if (header.session.boot > next.boot) next = {header.session.boot, header.sequence};
    if (header.sequence != next.sequence) {
      REACH("duplicate or gap in a session");
      return false;
    }
  }
  ++next.sequence;
  const size_t at = Append(item);
  if (flags != 0) SetItemFlags(&open_.bytes, at, flags);
  return true;
}

void Batcher::AddOwn(std::string_view item) { Append(item); }

void Batcher::AddOwnFirst(std::string_view item) {
  if (first_.count == kBatchItemsMax || first_.bytes.size() + item.size() > kBatchBytesMax) return;
  if (first_.bytes.empty()) AppendEntryHeader({}, &first_.bytes);
  first_.bytes.append(item);
  ++first_.count;
  bytes_ += item.size();
}

void Batcher::Rewind(Session session, uint64_t next) {
  const auto it = next_.find(session.node);
  if (it == next_.end() || it->second.boot != session.boot) return;
  // What was taken since the first rewind has later slots than anything that says this again, and
  // its origin won't send it once more: going back would wait for it in vain.
  if (it->second.rewound == next) {
    REACH("session rewound already");
    return;
  }
  it->second.sequence = it->second.rewound = next;
}

void Batcher::Advance(Session session, uint64_t next) {
  const auto it = next_.find(session.node);
  if (it == next_.end() || it->second.boot != session.boot || it->second.sequence >= next) return;
  REACH("session advanced to what is applied");
  it->second.sequence = next;
}

size_t Batcher::Append(std::string_view item) {
  if (open_.count > 0 &&
      (open_.count == kBatchItemsMax || open_.bytes.size() + item.size() > kBatchBytesMax))
    Close();
  if (item.size() > kBatchBytesMax) ReserveBig(&open_.bytes, kEntryHeaderBytes + item.size());
  if (open_.bytes.empty()) AppendEntryHeader({}, &open_.bytes);
  const size_t at = open_.bytes.size();
  if (item.size() > kBatchBytesMax) {
    AppendBreathing(&open_.bytes, item);
  } else {
    open_.bytes.append(item);
  }
  ++open_.count;
  bytes_ += item.size();
  return at;
}

void Batcher::Close() {
  closed_.push_back(std::move(open_));
  open_ = {};
}

std::string Batcher::Take(EntryHeader header) {
  CHECK(!Empty());
  Batch batch = std::exchange(first_, {});
  if (batch.count == 0) {
    if (closed_.empty()) Close();
    batch = std::move(closed_.front());
    closed_.pop_front();
  }
  CHECK(batch.count > 0);
  bytes_ -= batch.bytes.size() - kEntryHeaderBytes;
  header.item_count = batch.count;
  PatchEntryHeader(header, &batch.bytes);
  return std::move(batch.bytes);
}

}  // namespace clustron::cluster
