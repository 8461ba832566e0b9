// Fills a store from a snapshot: what SnapshotWalk wrote, in any order of keys.
//
//   StoreLoader loader(store);
//   TRY(loader.LoadTables(bytes)); LoadLeases and LoadLocks as often as there are rows
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
  // Rows as SnapshotSink had them, cut anywhere: first all leases, then all locks, then the keys.
  Status LoadLeases(std::string_view bytes);
  Status LoadLocks(std::string_view bytes);

  // `count`: elements of the value, of a string its bytes.
  Status BeginKey(int db, std::string_view key, Type type, const KeyMeta& meta, uint64_t count);
  Status Part(std::string_view part);
  Status EndKey();

  // Checks that leases and keys fit together.
  Status Finish();
  // Store::Digest() of what was loaded. REQUIRES: Finish.
  uint64_t digest() const { return digest_; }

 private:
  Status NoKeyTwice();

  // Calls row(Reader*) for each whole row of what was left over and `bytes`.
  template <typename F>
  Status ForEachRow(std::string_view bytes, F&& row);

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
  std::string row_rest_;  // the beginning of a row
  bool locks_begun_ = false;
};

}  // namespace clustron::store
