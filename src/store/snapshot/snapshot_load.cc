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
#include "store/types/hash/hash_edit.h"

namespace clustron::store {
namespace {

constexpr HashLimits kNoLimits{UINT32_MAX, UINT32_MAX};

// Hashes of keys are put in order a part at a time.
constexpr int kSeenBits = 10;

Status Corrupt(const char* what) { return Fail(Errc::kCorruption, what); }

}  // namespace

StoreLoader::StoreLoader(Store& store, Keep keep) : store_(store), keep_(keep) {
  store.Clear();
  if (keep == Keep::kNothing) seen_keys_.resize(size_t{1} << kSeenBits);
}

StoreLoader::~StoreLoader() {
  if (hash_ != 0) HashEdit::Destroy(hash_);
}

Status StoreLoader::LoadTables(std::string_view bytes) {
  if (begun_) return Corrupt("snapshot: tables twice, or behind keys");
  begun_ = true;
  TRY(store_.DecodeTables(bytes));
  digest_ = store_.TablesDigest();
  return {};
}

template <typename F>
Status StoreLoader::ForEachRow(std::string_view bytes, F&& row) {
  if (!row_rest_.empty()) row_rest_.append(bytes);
  const std::string joined = std::exchange(row_rest_, {});
  Reader rows(joined.empty() ? bytes : joined);
  while (!rows.Done()) {
    Reader whole = rows;
    Reader one(whole.Bytes());
    if (!whole.ok()) {
      row_rest_ = rows.Raw(rows.remaining());
      return {};
    }
    rows = whole;
    TRY(row(&one));
    if (!one.Done()) return Corrupt("snapshot: a row of another size than stated");
  }
  return {};
}

Status StoreLoader::LoadLeases(std::string_view bytes) {
  if (!begun_ || locks_begun_) return Corrupt("snapshot: leases out of place");
  return ForEachRow(bytes, [this](Reader* in) -> Status {
    ASSIGN_OR_RETURN(const Lease* lease, store_.DecodeLease(in));
    digest_ += LeaseDigest(*lease);
    return {};
  });
}

Status StoreLoader::LoadLocks(std::string_view bytes) {
  if (!begun_ || (!locks_begun_ && !row_rest_.empty())) {
    return Corrupt("snapshot: locks out of place");
  }
  locks_begun_ = true;
  return ForEachRow(bytes, [this](Reader* in) -> Status {
    ASSIGN_OR_RETURN(const auto* lock, store_.DecodeLock(in));
    digest_ += LockDigest(lock->first, lock->second);
    return {};
  });
}

Status StoreLoader::BeginKey(int db, std::string_view key, Type type, const KeyMeta& meta,
                             uint64_t size) {
  if (db < 0 || db >= kDatabases) return Corrupt("snapshot: no such database");
  if (type != Type::kString && type != Type::kHash) return Corrupt("snapshot: no such type");
  if (type == Type::kHash && size == 0) return Corrupt("snapshot: an empty hash");
  begun_ = locks_begun_ = true;
  db_ = db;
  key_ = key;
  type_ = type;
  meta_ = meta;
  size_ = size;
  seen_ = 0;
  text_.clear();
  big_ = size > KeyRecordEdit::kInlineMax ? std::make_unique<BigString>() : nullptr;
  if (type == Type::kHash) {
    CHECK(hash_ == 0);
    hash_ = HashEdit::New();
    if (!meta.packed) HashEdit::MakeBig(HashEdit::From(&hash_), store_.seed());
    key_digest_ = KeyDigestBegin(db, key, type, meta, size);
  }
  return {};
}

void StoreLoader::StringPiece(std::string_view bytes) {
  seen_ += bytes.size();
  if (seen_ > size_) return;  // EndKey says so
  if (big_ != nullptr) {
    big_->Append(bytes);
  } else {
    text_.append(bytes);
  }
}

Status StoreLoader::Field(FieldValue fv) {
  seen_++;
  if (!HashEdit::Set(HashEdit::From(&hash_), fv.field, fv.value, kNoLimits, store_.seed(),
                     nullptr)) {
    return Corrupt("snapshot: a field twice in a hash");
  }
  key_digest_ = KeyDigestField(key_digest_, fv);
  return {};
}

KeyRecord* StoreLoader::NewEntry(DeadlineWord deadline) {
  if (type_ == Type::kHash) {
    return KeyRecordEdit::NewPointer(key_, Type::kHash, Form::kObject, std::exchange(hash_, 0),
                                     deadline);
  }
  if (big_ != nullptr) {
    return KeyRecordEdit::NewPointer(key_, Type::kString, Form::kBig,
                                     reinterpret_cast<uintptr_t>(big_.release()), deadline);
  }
  // A form that the bytes contradict would be corruption that no checksum saw; harmless, though.
  Form form = meta_.form;
  if (form > Form::kRaw || (form == Form::kInt && !IsCanonicalInt(text_))) form = Form::kRaw;
  KeyRecord* e = KeyRecordEdit::NewInline(key_, text_.size(), form, deadline);
  std::memcpy(KeyRecordEdit::InlineBytes(*e), text_.data(), text_.size());
  return e;
}

Status StoreLoader::EndKey() {
  if (seen_ != size_) return Corrupt("snapshot: a value of another size than stated");
  const uint64_t hash = store_.Hash(key_);
  const bool kept = keep_ == Keep::kKeys;
  if (kept && store_.table(db_).Find(key_, hash)) return Corrupt("snapshot: a key twice");
  DeadlineWord word;
  if (meta_.deadline.exists())
    word = kept ? store_.File(db_, hash, meta_.deadline, {}) : DeadlineWord(meta_.deadline, 0);
  KeyRecord* e = NewEntry(word);
  KeyRecordEdit::SetRevision(*e, meta_.revision);
  digest_ += type_ == Type::kHash ? key_digest_ : KeyDigest(db_, *e);
  const auto& leased = store_.leases_.by_key_;
  const bool has_lease = !leased.empty() && leased.contains(KeyName{db_, key_});
  if (has_lease) leased_keys_++;
  if (kept) {
    store_.table(db_).Insert(hash, e);
    if (has_lease) KeyRecordEdit::SetLease(*e, true);
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
  if (leased_keys_ != store_.leases_.by_key_.size()) {
    return Corrupt("snapshot: a key of a lease is missing");
  }
  return NoKeyTwice();
}

}  // namespace clustron::store
