// A replicated table of rows by name, in order of names: what all of them have in common. A table
// says how a row is written, read and summed, and keeps what it derives from rows in Link and
// Unlink; every change goes through Insert, Take and WriteAhead, which tell the snapshot that is
// being written, and the undo journal. THREAD: core loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/reach.h"
#include "store/keyspace/replicated_table.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

// Frees maps, a slice at a time, in this order.
template <typename... Maps>
std::unique_ptr<SlicedFree> FreedInSlices(Maps... maps) {
  struct Freed final : SlicedFree {
    explicit Freed(std::tuple<Maps...> maps_in) : maps(std::move(maps_in)) {}
    bool FreeSome(size_t count) override {
      const auto free_of = [&count](auto& map) {
        for (; count > 0 && !map.empty(); count--) map.erase(map.begin());
        return !map.empty();
      };
      return std::apply([&](auto&... each) { return (free_of(each) | ...); }, maps);
    }
    std::tuple<Maps...> maps;
  };
  return std::make_unique<Freed>(std::tuple<Maps...>(std::move(maps)...));
}

template <typename Name, typename Row>
class OrderedTable : public ReplicatedTable {
 public:
  size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }

  void BeginWalk() final {
    CHECK(!walk_.has_value());
    walk_.emplace();
  }
  Slice Walk(size_t budget, std::string* out) final;
  void EndWalk() final { walk_.reset(); }

  Result<uint64_t> LoadRow(Reader* in) final;
  uint64_t Digest() const final {
    uint64_t sum = 0;
    for (const auto& [name, row] : rows_) sum += RowDigest(name, row);
    return sum;
  }

 protected:
  using Rows = std::map<Name, Row, std::less<>>;
  using Place = typename Rows::iterator;

  // Whether the item pays for what the journal keeps of its changes.
  enum class UndoCost : uint8_t { kRecord, kNothing };
  explicit OrderedTable(Store& store, UndoCost cost = UndoCost::kRecord)
      : store_(store), undo_cost_(cost) {}

  virtual void EncodeRow(const Name& name, const Row& row, std::string* out) const = 0;
  // Reads what EncodeRow wrote; the rest of the bytes is looked at by the caller. kCorruption: no
  // such row can be.
  virtual Result<std::pair<Name, Row>> DecodeRow(Reader* in) const = 0;
  virtual uint64_t RowDigest(const Name& name, const Row& row) const = 0;
  // The row is in, or about to go; also when that is undone, and in loading. Link's answer false:
  // it contradicts another row.
  virtual bool Link(const Name& /*name*/, Row& /*row*/) { return true; }
  virtual void Unlink(const Name& /*name*/, const Row& /*row*/) {}

  const Rows& rows() const { return rows_; }
  // REQUIRES: it is there.
  template <typename N>
  Place PlaceOf(const N& name) {
    const Place place = rows_.find(name);
    CHECK(place != rows_.end());
    return place;
  }

  // Puts a row in. REQUIRES: there is none of this name.
  Place Insert(Name name, Row row) {
    if (walk_) walk_->Claim(name);
    const auto [place, added] = rows_.emplace(std::move(name), std::move(row));
    CHECK(added);
    CHECK(Link(place->first, place->second));
    AddUndo([this, name = place->first] {
      const Place gone = PlaceOf(name);
      Unlink(gone->first, gone->second);
      rows_.erase(gone);
    });
    return place;
  }
  // Takes a row out.
  void Take(Place place) {
    WriteAhead(place->first, place->second);
    Unlink(place->first, place->second);
    AddUndo([this, node = rows_.extract(place)]() mutable {
      const auto back = rows_.insert(std::move(node));
      CHECK(back.inserted);
      CHECK(Link(back.position->first, back.position->second));
    });
  }
  // Before a row changes in place. Whoever changes it says how to undo it, once the change is made.
  void WriteAhead(const Name& name, const Row& row) {
    if (!walk_ || !walk_->Claim(name)) return;
    REACH("snapshot_walk_row_before_its_turn");
    AddRow(name, row);
  }
  // `undo`: void(), called if the change is rolled back, on the table as the change left it.
  template <typename F>
  void AddUndo(F&& undo) {
    if (store_.undoable()) store_.AddUndo(std::forward<F>(undo), undo_cost_ == UndoCost::kRecord);
  }
  Rows SetRowsAside() {
    CHECK(!walk_.has_value());
    return std::exchange(rows_, {});
  }

  Store& store_;

 private:
  const UndoCost undo_cost_;
  // Rows are handed on in pieces of about this size; what walking to one costs, in bytes.
  static constexpr size_t kSliceBytes = 8 << 10;
  static constexpr size_t kRowCost = 128;
  // How far the rows are written.
  struct Walking {
    std::optional<Name> last;  // of those in order
    std::set<Name> early;      // behind it: written already, or new
    Slice slice;
    std::string bytes;
    // Whether the row counts as not yet written; from now on it counts as written.
    bool Claim(const Name& name) { return !(last && !(*last < name)) && early.insert(name).second; }
  };

  // Returns its cost.
  uint64_t AddRow(const Name& name, const Row& row) {
    std::string bytes;
    EncodeRow(name, row, &bytes);
    Writer(&walk_->bytes).Bytes(bytes);
    walk_->slice.digest += RowDigest(name, row);
    return bytes.size() + kRowCost;
  }

  Rows rows_;
  std::optional<Walking> walk_;
};

template <typename Name, typename Row>
ReplicatedTable::Slice OrderedTable<Name, Row>::Walk(size_t budget, std::string* out) {
  CHECK(walk_.has_value());
  Slice& slice = walk_->slice;
  Place place = walk_->last ? rows_.upper_bound(*walk_->last) : rows_.begin();
  for (; place != rows_.end() && walk_->bytes.size() < kSliceBytes && slice.cost < budget;
       ++place) {
    walk_->last = place->first;
    if (walk_->early.erase(place->first) == 0) slice.cost += AddRow(place->first, place->second);
  }
  slice.all = place == rows_.end();
  out->append(std::exchange(walk_->bytes, {}));
  const Slice done = std::exchange(slice, {});
  if (done.all) walk_.reset();
  return done;
}

template <typename Name, typename Row>
Result<uint64_t> OrderedTable<Name, Row>::LoadRow(Reader* in) {
  ASSIGN_OR_RETURN(auto read, DecodeRow(in));
  if (!in->ok()) return Fail(Errc::kCorruption, "snapshot: a row cut short");
  const auto [place, added] = rows_.emplace(std::move(read.first), std::move(read.second));
  if (!added) return Fail(Errc::kCorruption, "snapshot: a row twice");
  if (!Link(place->first, place->second))
    return Fail(Errc::kCorruption, "snapshot: a row that contradicts another");
  return RowDigest(place->first, place->second);
}

}  // namespace clustron::store
