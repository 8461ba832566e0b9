// The store's full digest: see Store::Digest.
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/keyspace/value_type.h"
#include "store/snapshot/digest.h"

namespace clustron::store {

uint64_t KeyDigestBegin(int db, std::string_view key, Type type, const KeyMeta& meta,
                        uint64_t size) {
  Digester d(Digester::kKey);
  d.Number(static_cast<uint64_t>(db));
  d.Bytes(key);
  d.Number(meta.revision);
  d.Number(static_cast<uint64_t>(type) << 8 | static_cast<uint64_t>(meta.form));
  d.Number(meta.packed);
  d.Number(meta.deadline.exists());
  d.Number(static_cast<uint64_t>(meta.deadline.ms()) << 1 |
           (meta.deadline.clock() == ClockKind::kWall));
  d.Number(size);
  return d.sum();
}

uint64_t KeyDigest(int db, const KeyRecord& e) {
  struct Sum final : PartSink {
    void OnPart(std::string_view part) override { sum = KeyDigestPart(sum, part); }
    uint64_t sum = 0;
  } sum;
  const ValueType& type = ValueTypeOf(e);
  sum.sum = KeyDigestBegin(db, e.key(), e.type(), KeyMeta::Of(e), type.count(e));
  type.parts(e, sum);
  return sum.sum;
}

uint64_t Store::ClocksDigest() const {
  Digester clocks(Digester::kClocks);
  clocks.Number(revision_);
  clocks.Number(static_cast<uint64_t>(elapsed_ms_));
  clocks.Number(static_cast<uint64_t>(wall_ms_));
  clocks.Number(seed_);
  for (const auto* revisions : {&flush_touch_, &created_, &flushed_created_})
    for (const Revision revision : *revisions) clocks.Number(revision);
  clocks.Number(settings_.Digest());
  uint64_t sum = clocks.sum();
  for (size_t i = 0; i < touch_.size(); i++) {
    if (touch_[i] == 0) continue;
    Digester d(Digester::kTouchCell);
    d.Number(i);
    d.Number(touch_[i]);
    sum += d.sum();
  }
  return sum;
}

uint64_t Store::TablesDigest() const {
  uint64_t sum = ClocksDigest();
  for (const auto& table : replicated_) sum += table->Digest();
  return sum;
}

uint64_t Store::Digest() const {
  uint64_t sum = TablesDigest();
  for (int db = 0; db < kDatabases; db++) {
    table(db).index().ForEach(
        [&](uint64_t payload) { sum += KeyDigest(db, *Table::EntryAt(payload)); });
  }
  return sum;
}

}  // namespace clustron::store
