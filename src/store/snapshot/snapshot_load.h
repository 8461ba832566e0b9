// Fills a store from a snapshot: what SnapshotWalk wrote, in any order of keys.
//
//   StoreLoader loader(store);
//   TRY(loader.LoadTables(bytes)); LoadRows as often as there are rows of replicated tables
//   per key: TRY(loader.BeginKey(…)); then its parts: TRY(loader.Part(…)); TRY(loader.EndKey());
//   TRY(loader.Finish());
//
// After an error the store is unusable and to be thrown away. The restored store goes on exactly
// as the saved one would have. THREAD: core loop.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/keyspace/key_meta.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

class StoreLoader {
 public:
  // kNothing: keys are looked at and let go, so that a snapshot can be checked in little memory (16
  // bytes a key, and the value at hand).
  enum class Keep : uint8_t { kKeys, kNothing };
  // Empties the store first (observer and hooks stay as they are). REQUIRES: no snapshot walk, no
  // armed journal.
  explicit StoreLoader(Store& store, Keep keep = Keep::kKeys);
  ~StoreLoader();
  StoreLoader(const StoreLoader&) = delete;
  StoreLoader& operator=(const StoreLoader&) = delete;

  // Clocks, revision, hash seed, touch table, settings. Before all else; left out when the file is
  // another program's.
  Status LoadTables(std::string_view bytes);
  // Whether a replicated table has this section.
  bool HasRows(std::string_view section) const {
    return PlaceOf(section) < store_.replicated_count();
  }
  // Rows as SnapshotSink had them, cut anywhere: table by table, then the keys. REQUIRES:
  // HasRows(section).
  Status LoadRows(std::string_view section, std::string_view bytes);

  // `count`: elements of the value, of a string its bytes.
  Status BeginKey(int db, std::string_view key, Type type, const KeyMeta& meta, uint64_t count);
  Status Part(std::string_view part);
  Status EndKey();

  // Checks that keys and what is attached to them fit together.
  Status Finish();
  // Store::Digest() of what was loaded. REQUIRES: Finish.
  uint64_t digest() const { return digest_; }

 private:
  Status NoKeyTwice();

  // Of the replicated table with this section; their count if none has it.
  size_t PlaceOf(std::string_view section) const;

  Store& store_;
  const Keep keep_;
  std::vector<std::vector<std::array<uint64_t, 2>>> seen_keys_;  // hashes, if none are kept
  bool begun_ = false;                                           // tables or a key were loaded
  int db_ = 0;
  std::string key_;
  const ValueType* type_ = nullptr;
  KeyMeta meta_;
  uint64_t wanted_ = 0;  // parts, or bytes
  uint64_t seen_ = 0;
  std::unique_ptr<ValueBuilder> value_;
  uint64_t digest_ = 0;
  uint64_t key_digest_ = 0;  // of the key being loaded, unless its parts may be cut anywhere
  size_t leased_keys_ = 0;
  size_t labelled_keys_ = 0;
  size_t table_ = 0;      // the replicated table whose rows came last
  std::string row_rest_;  // the beginning of a row
  bool keys_begun_ = false;
};

}  // namespace clustron::store
