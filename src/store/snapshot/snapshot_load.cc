#include "store/snapshot/snapshot_load.h"

#include <algorithm>
#include <utility>

#include "base/breather.h"
#include "base/check.h"
#include "base/coding.h"
#include "base/hash.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/table.h"
#include "store/snapshot/digest.h"

namespace clustron::store {
namespace {

// Hashes of keys are put in order a part at a time.
constexpr int kSeenBits = 10;

Status Corrupt(std::string what) { return Fail(Errc::kCorruption, std::move(what)); }

}  // namespace

StoreLoader::StoreLoader(Store& store, Keep keep) : store_(store), keep_(keep) {
  store.Clear();
  if (keep == Keep::kNothing) seen_keys_.resize(size_t{1} << kSeenBits);
}

StoreLoader::~StoreLoader() = default;

Status StoreLoader::LoadTables(std::string_view bytes) {
  if (begun_) return Corrupt("snapshot: tables twice, or behind keys");
  begun_ = true;
  TRY(store_.DecodeTables(bytes));
  digest_ = store_.TablesDigest();
  return {};
}

size_t StoreLoader::PlaceOf(std::string_view section) const {
  size_t place = 0;
  while (place < store_.replicated_count() && store_.replicated_table(place).section() != section)
    place++;
  return place;
}

Status StoreLoader::LoadRows(std::string_view section, std::string_view bytes) {
  const size_t place = PlaceOf(section);
  CHECK(place < store_.replicated_count());
  if (!begun_ || keys_begun_ || place < table_ || (place > table_ && !row_rest_.empty()))
    return Corrupt("snapshot: " + std::string(section) + " out of place");
  table_ = place;
  ReplicatedTable& table = store_.replicated_table(place);
  if (!row_rest_.empty()) row_rest_.append(bytes);
  const std::string joined = std::exchange(row_rest_, {});
  Reader rows(joined.empty() ? bytes : joined);
  while (!rows.Done()) {
    Reader whole = rows;
    Reader row(whole.Bytes());
    if (!whole.ok()) {
      row_rest_ = rows.Raw(rows.remaining());
      return {};
    }
    rows = whole;
    ASSIGN_OR_RETURN(const uint64_t digest, table.LoadRow(&row));
    if (!row.Done()) return Corrupt("snapshot: a row of another size than stated");
    digest_ += digest;
  }
  return {};
}

Status StoreLoader::BeginKey(int db, std::string_view key, Type type, const KeyMeta& meta,
                             uint64_t count) {
  if (db < 0 || db >= kDatabases) return Corrupt("snapshot: no such database");
  type_ = FindValueType(type);
  if (type_ == nullptr) return Corrupt("snapshot: no such type");
  if (count == 0 && !type_->bytes)
    return Corrupt("snapshot: an empty " + std::string(TypeName(type)));
  if (!type_->bytes && count > UINT64_MAX / type_->parts_per_element)
    return Corrupt("snapshot: a value of an impossible size");
  begun_ = keys_begun_ = true;
  db_ = db;
  key_ = key;
  meta_ = meta;
  wanted_ = type_->bytes ? count : count * type_->parts_per_element;
  seen_ = 0;
  value_ = type_->build(meta, count, store_.seed());
  key_digest_ = KeyDigestBegin(db, key, type, meta, count);
  return {};
}

Status StoreLoader::Part(std::string_view part) {
  CHECK(value_ != nullptr);
  seen_ += type_->bytes ? part.size() : 1;
  if (seen_ > wanted_) return {};  // EndKey says so
  key_digest_ = KeyDigestPart(key_digest_, part);
  return value_->Part(part);
}

Status StoreLoader::EndKey() {
  if (seen_ != wanted_) return Corrupt("snapshot: a value of another size than stated");
  const uint64_t hash = store_.Hash(key_);
  const bool kept = keep_ == Keep::kKeys;
  if (kept && store_.table(db_).Find(key_, hash)) return Corrupt("snapshot: a key twice");
  DeadlineWord word;
  if (meta_.deadline.exists())
    word = kept ? store_.File(db_, hash, meta_.deadline, {}) : DeadlineWord(meta_.deadline, 0);
  KeyRecord* e = std::exchange(value_, nullptr)->Finish(key_, word);
  DCHECK(e->type() == type_->type);
  KeyRecordEdit::SetRevision(*e, meta_.revision);
  digest_ += type_->bytes ? KeyDigest(db_, *e) : key_digest_;
  const bool has_lease = store_.followers_.attachments->Has(db_, key_);
  const bool has_labels = store_.followers_.labels->Has(db_, key_);
  if (has_lease) leased_keys_++;
  if (has_labels) labelled_keys_++;
  if (kept) {
    store_.table(db_).Insert(hash, e);
    if (has_lease) KeyRecordEdit::SetLease(*e, true);
    if (has_labels) KeyRecordEdit::SetLabels(*e, true);
    if (store_.Hooked(db_, Hook::kIndexes))
      store_.followers_.indexes->OnLoadedKey(db_, key_, hash, *e);
    return {};
  }
  KeyRecordEdit::Destroy(e);
  const std::array<uint64_t, 2> seen = {HashBytes(key_, Mix64(2 * db_)),
                                        HashBytes(key_, Mix64(2 * db_ + 1))};
  seen_keys_[seen[0] >> (64 - kSeenBits)].push_back(seen);
  return {};
}

Status StoreLoader::NoKeyTwice() {
  for (auto& part : seen_keys_) {
    std::sort(part.begin(), part.end());
    if (std::adjacent_find(part.begin(), part.end()) != part.end())
      return Corrupt("snapshot: a key twice");
    Breathe();
  }
  return {};
}

Status StoreLoader::Finish() {
  if (!row_rest_.empty()) return Corrupt("snapshot: a row cut short");
  if (leased_keys_ != store_.followers_.attachments->attached_keys()) {
    return Corrupt("snapshot: a key of a lease is missing");
  }
  if (labelled_keys_ != store_.followers_.labels->labelled_keys())
    return Corrupt("snapshot: a key with labels is missing");
  return NoKeyTwice();
}

}  // namespace clustron::store
