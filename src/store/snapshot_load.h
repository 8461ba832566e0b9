// Fills a store from a snapshot: what SnapshotWalk wrote, in any order of keys.
//
//   StoreLoader loader(store);
//   TRY(loader.LoadTables(bytes));
//   per key: TRY(loader.BeginKey(…)); then StringPiece or Field; TRY(loader.EndKey());
//   TRY(loader.Finish());
//
// After an error the store is unusable and to be thrown away. The restored store goes on exactly
// as the saved one would have. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/big_string.h"
#include "store/key_meta.h"
#include "store/store.h"

namespace clustron::store {

class StoreLoader {
 public:
  // Empties the store first (observer and hooks stay as they are). REQUIRES: no snapshot walk, no
  // armed journal.
  explicit StoreLoader(Store& store);
  ~StoreLoader();
  StoreLoader(const StoreLoader&) = delete;
  StoreLoader& operator=(const StoreLoader&) = delete;

  // Clocks, revision, hash seed, touch table, leases, locks. Before the first key; left out when
  // the file is another program's.
  Status LoadTables(std::string_view bytes);

  Status BeginKey(int db, std::string_view key, Type type, const KeyMeta& meta, uint64_t size);
  void StringPiece(std::string_view bytes);
  Status Field(FieldValue fv);
  Status EndKey();

  // Checks that leases and keys fit together.
  Status Finish();

 private:
  Store& store_;
  bool begun_ = false;  // tables or a key were loaded
  int db_ = 0;
  std::string key_;
  Type type_ = Type::kString;
  KeyMeta meta_;
  uint64_t size_ = 0;
  uint64_t seen_ = 0;  // bytes or fields
  std::string text_;
  std::unique_ptr<BigString> big_;
  uintptr_t hash_ = 0;
};

}  // namespace clustron::store
