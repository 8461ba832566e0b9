// Labels: attributes beside the value of a key of any type, which indexes ON LABELS find it by.
// Replicated state; changed only in apply. A key's record says that it has some; whatever replaces
// its whole value, or deletes it, drops them. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

inline constexpr size_t kLabelsMax = 64;  // of a key
inline constexpr size_t kLabelBytesMax = 256;

struct Labels {
  std::string entity = {};
  // Names with values, as they were given; a name may stand several times.
  std::vector<std::pair<std::string, std::string>> pairs = {};
  friend bool operator==(const Labels&, const Labels&) = default;
};

class LabelTable final : public OrderedTable<KeyName, Labels>, public KeyLabels {
 public:
  explicit LabelTable(Store& store) : OrderedTable(store) { store.followers().labels = this; }

  // Null: the key has none.
  const Labels* Find(int db, std::string_view key) const;
  // Gives a key these labels in place of what it has. False: there is no such key.
  bool Set(int db, std::string_view key, Labels labels);
  // False: it had none.
  bool Unlabel(int db, std::string_view key);

  // KeyLabels
  void Drop(int db, std::string_view key) override;
  void Rename(const KeyName& from, const KeyName& to) override;
  void Copy(const KeyName& from, const KeyName& to) override;
  void DropAll(int db) override;
  void Swap(int db_a, int db_b) override;
  bool Has(int db, std::string_view key) const override { return Find(db, key) != nullptr; }
  size_t labelled_keys() const override { return size(); }

  // ReplicatedTable
  std::string_view section() const override { return "labels"; }
  size_t used_bytes() const override { return bytes_; }
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  static constexpr size_t kRowBytes = 160;  // what a row takes besides its texts, about

  // row: database (1), key, entity, labels: count, name and value each
  void EncodeRow(const KeyName& name, const Labels& labels, std::string* out) const override;
  Result<std::pair<KeyName, Labels>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const KeyName& name, const Labels& labels) const override;
  bool Link(const KeyName& name, Labels& labels) override;
  void Unlink(const KeyName& name, const Labels& labels) override;
  static size_t BytesOf(const KeyName& name, const Labels& labels);
  std::vector<KeyName> NamesIn(int db) const;

  size_t bytes_ = 0;
};

inline LabelTable& LabelsOf(Store& store) { return TableOf<LabelTable>(store); }
inline const LabelTable& LabelsOf(const Store& store) { return TableOf<LabelTable>(store); }

}  // namespace clustron::store
