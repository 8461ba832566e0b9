// The store's state besides keys, as bytes in a snapshot: see SnapshotWalk::tables.
//
//   version 4 | seed | elapsed | wall | revision | flush numbers × 16 | created × 16
//   | created before the flush × 16
//   | touch cells: count, then (distance to the cell before, revision) each
//   | settings that differ from the defaults: count, then name, text each
//
// Numbers are varints but for the seed. The replicated tables have sections of their own.
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "store/keyspace/garbage.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/keyspace/time_wheel.h"

namespace clustron::store {
namespace {

constexpr uint64_t kTablesVersion = 4;

std::unexpected<Error> Corrupt(const char* what) { return Fail(Errc::kCorruption, what); }

}  // namespace

void Store::EncodeTables(std::string* out) const {
  Writer w(out);
  w.Varint(kTablesVersion);
  w.U64(seed_);
  w.Varint(static_cast<uint64_t>(elapsed_ms_));
  w.Varint(static_cast<uint64_t>(wall_ms_));
  w.Varint(revision_);
  for (const auto* revisions : {&flush_touch_, &created_, &flushed_created_})
    for (const Revision revision : *revisions) w.Varint(revision);
  size_t touched = 0;
  for (const Revision revision : touch_) touched += revision != 0 ? 1 : 0;
  w.Varint(touched);
  size_t last = 0;
  for (size_t i = 0; i < touch_.size(); i++) {
    if (touch_[i] == 0) continue;
    w.Varint(i - last);
    w.Varint(touch_[i]);
    last = i;
  }
  settings_.Encode(out);
}

Status Store::DecodeTables(std::string_view bytes) {
  Reader r(bytes);
  if (r.Varint() != kTablesVersion) return Corrupt("snapshot: tables of an unknown version");
  seed_ = r.U64();
  for (int db = 0; db < kDatabases; db++) {
    CHECK(tables_[db]->size() == 0);
    tables_[db] = std::make_unique<Table>(db, seed_);  // it has the seed
    table_by_id_[db] = tables_[db].get();
  }
  elapsed_ms_ = static_cast<int64_t>(r.Varint());
  wall_ms_ = static_cast<int64_t>(r.Varint());
  revision_ = r.Varint();
  for (auto* revisions : {&flush_touch_, &created_, &flushed_created_})
    for (Revision& revision : *revisions) revision = r.Varint();
  size_t cell = 0;
  for (uint64_t n = r.Varint(); n > 0 && r.ok(); n--) {
    cell += r.Varint();
    if (cell >= touch_.size()) return Corrupt("snapshot: touch table");
    touch_[cell] = r.Varint();
  }
  Settings settings;
  TRY(settings.Decode(&r));
  RestoreSettings(std::move(settings));
  if (!r.Done()) return Corrupt("snapshot: tables cut short");
  return {};
}

void Store::Clear() {
  CHECK(walk_ == nullptr);
  CHECK(!journal_->armed());
  for (int db = 0; db < kDatabases; db++) {
    Discard(std::exchange(tables_[db], std::make_unique<Table>(db, seed_)));
    table_by_id_[db] = tables_[db].get();
  }
  revision_ = item_revision_ = 0;
  elapsed_ms_ = wall_ms_ = 0;
  flush_touch_ = created_ = flushed_created_ = {};
  touch_.assign(kTouchCells, 0);
  elapsed_wheel_ = std::make_unique<TimeWheel>();
  wall_wheel_ = std::make_unique<TimeWheel>();
  for (const auto& table : replicated_) garbage_->Add(table->Clear());
  RestoreSettings(Settings());
}

}  // namespace clustron::store
