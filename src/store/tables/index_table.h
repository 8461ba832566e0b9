// INDEX: the definitions, by database and name, which are replicated; and the contents, which
// follow from them and the keys, are kept in the commit step of every write, and are in no snapshot
// and no digest: a load puts them together again.
//
// A new index is built over the keys that are there in slices, in hash order, one with each entry.
// `built_below` says how far; a write changes the index iff its key lies below. THREAD: core loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/index/index_content.h"
#include "store/keyspace/hash_order.h"
#include "store/keyspace/key_name.h"
#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

inline constexpr size_t kIndexesMax = 64;  // of a database

class IndexTable;

// An owned content, which is freed in slices by the table that it was of.
struct IndexContentSetAside {
  IndexTable* table = nullptr;
  void operator()(IndexContent* content) const;
};
using IndexContentPtr = std::unique_ptr<IndexContent, IndexContentSetAside>;

struct Index {
  static constexpr uint64_t kBuilt = uint64_t{1} << kCursorBits;

  IndexDefinition definition;
  Revision created = 0;
  uint64_t built_below = 0;  // a position in hash order
  bool stopped = false;      // memory was short with the last entry; never of one that is ready
  IndexContentPtr content = {};

  bool ready() const { return built_below == kBuilt; }
  // Of the positions in hash order, which keys are spread over evenly.
  int percent() const { return static_cast<int>(built_below * 100 / kBuilt); }
};

class IndexTable final : public OrderedTable<KeyName, Index>, public KeyIndexes {
 public:
  // Keys that an entry brings in, at most about, and what is put in for them: some 20 ms.
  static constexpr uint64_t kSliceUnits = 32'768;
  // Of an item's budget, for a value that is put in or a key that goes.
  static constexpr uint64_t kUnitsOfWork = 256;
  // Of those, for a nominal nanosecond: a tenth of what it takes, as it comes with the arguments.
  static constexpr uint64_t kUnitsPerNs = 4;
  static constexpr uint64_t kUpkeepOfWide = kUnitsOfWork * 65'536;
  // Of a database with more indexes nothing is fetched ahead: most don't have the key.
  static constexpr size_t kPrefetchedMax = 4;
#ifdef CLUSTRON_SIM
  static constexpr size_t kSliceKeys = 4;  // so that small databases take many slices
#else
  static constexpr size_t kSliceKeys = 512;
#endif

  explicit IndexTable(Store& store);
  ~IndexTable() override;

  const Index* Find(int db, std::string_view name) const;
  bool Has(int db) const { return !by_db_[static_cast<size_t>(db)].empty(); }
  size_t CountOf(int db) const { return by_db_[static_cast<size_t>(db)].size(); }
  // By name; void(std::string_view name, const Index&).
  template <typename F>
  void ForEach(int db, F&& f) const {
    for (auto it = rows().lower_bound(KeyName{db, {}}); it != rows().end() && it->first.db == db;
         ++it)
      f(it->first.name, it->second);
  }
  // An index of names that has all keys with this prefix, and is ready; null: there is none.
  const Index* OfNames(int db, std::string_view prefix) const;

  // REQUIRES: there is none of this name. Where there are few keys it is built at once.
  void Create(int db, std::string_view name, IndexDefinition definition);
  void Drop(int db, std::string_view name);

  // What upkeep may spend of an item's budget, at most, for a call of so many words: it changes one
  // key for each. A wide one may also end as many keys as a lease has.
  uint64_t UpkeepMax(size_t words, bool wide) const {
    if (upkeep_max_ == 0) [[likely]]
      return 0;
    return std::max(upkeep_max_ * words, wide ? kUpkeepOfWide * rows().size() : 0);
  }
  // How many are being built, and whether they go on with the next entry.
  size_t building() const { return unbuilt_; }
  bool stopped() const { return stopped_ > 0; }
  // When an entry is to be there for them: at once; a stopped one is tried again later.
  int64_t NextSliceMs(int64_t elapsed_ms) const {
    constexpr int64_t kRetryMs = 1000;
    return unbuilt_ == 0 ? INT64_MAX : elapsed_ms + (stopped() ? kRetryMs : 0);
  }
  // Builds a slice of the first index, by name, that needs it. A part of an entry, behind its
  // items. `no_memory`: the entry's leader has none to spare; then all builds stop until an entry
  // comes whose leader has. Returns a sum of what it did, 0: nothing.
  uint64_t BuildSlice(bool no_memory = false);

  // KeyIndexes
  void OnKey(int db, std::string_view key, uint64_t hash, const KeyRecord* now) override;
  void OnLoadedKey(int db, std::string_view key, uint64_t hash, const KeyRecord& now) override;
  void OnFlush(int db) override;
  bool FreeSome(size_t count) override;
  void PrefetchBuckets(int db, uint64_t hash) const override;
  void PrefetchKeys(int db, uint64_t hash) const override;

  // What an index has let go of, to be freed in slices.
  void SetAside(std::unique_ptr<IndexContent> content) { gone_.push_back(std::move(content)); }

  // ReplicatedTable
  std::string_view section() const override { return "indexes"; }
  size_t used_bytes() const override { return 0; }  // contents count as the keyspace's memory
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  // row: database (1), name, kind (1), entity, prefixes: count, each; fields: count, name and type
  // (1) each; created (8), built below (8), with the top bit set while it is stopped
  void EncodeRow(const KeyName& name, const Index& index, std::string* out) const override;
  Result<std::pair<KeyName, Index>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const KeyName& name, const Index& index) const override;
  bool Link(const KeyName& name, Index& index) override;
  void Unlink(const KeyName& name, const Index& index) override;

  IndexContentPtr NewContent(const Index& index);
  void Update(int db, Index& index, std::string_view key, uint64_t hash, const KeyRecord* now);
  // Fill values_ with what a key has in the fields. False: it does not belong into the index.
  bool TakeValues(int db, const IndexDefinition& definition, const KeyRecord& record);
  bool TakeLabels(int db, const IndexDefinition& definition, const KeyRecord& record);
  void Build(const KeyName& name, Index& index);
  void SetStopped(const KeyName& name, Index& index, bool stopped);
  // The most that UnitsOf can be.
  static uint64_t UnitsMax(const IndexDefinition& definition);
  // What values_ cost to be put in.
  uint64_t UnitsOf(const IndexDefinition& definition) const;

  std::array<std::vector<Index*>, kDatabases> by_db_;
  size_t unbuilt_ = 0;
  size_t stopped_ = 0;
  uint64_t upkeep_max_ = 0;  // when one key changes
  std::deque<std::unique_ptr<IndexContent>> gone_;
  std::vector<std::vector<std::string_view>> values_;  // reused
};

inline IndexTable& IndexesOf(Store& store) { return TableOf<IndexTable>(store); }
inline const IndexTable& IndexesOf(const Store& store) { return TableOf<IndexTable>(store); }

}  // namespace clustron::store
