#include "store/tables/label_table.h"

#include "base/check.h"
#include "store/keyspace/digester.h"
#include "store/keyspace/mutation.h"

namespace clustron::store {

const Labels* LabelTable::Find(int db, std::string_view key) const {
  if (empty()) return nullptr;
  const auto it = rows().find(KeyName{db, std::string(key)});
  return it == rows().end() ? nullptr : &it->second;
}

// ---- changing ----

bool LabelTable::Set(int db, std::string_view key, Labels labels) {
  CHECK(labels.pairs.size() <= kLabelsMax);
  Mutation m = store_.Modify(db, key);
  if (!m.exists()) return false;
  const bool had = m.record()->has_labels();
  m.SetLabelled(true);
  if (had) Drop(db, key);
  Insert(KeyName{db, std::string(key)}, std::move(labels));
  m.Commit({});
  return true;
}

bool LabelTable::Unlabel(int db, std::string_view key) {
  Mutation m = store_.Modify(db, key);
  if (!m.exists() || !m.record()->has_labels()) return false;
  m.SetLabelled(false);
  Drop(db, key);
  m.Commit({});
  return true;
}

void LabelTable::Drop(int db, std::string_view key) {
  Take(PlaceOf(KeyName{db, std::string(key)}));
}

void LabelTable::Rename(const KeyName& from, const KeyName& to) {
  const Place place = PlaceOf(from);
  Labels labels = place->second;
  Take(place);
  Insert(to, std::move(labels));
}

void LabelTable::Copy(const KeyName& from, const KeyName& to) {
  Labels labels = PlaceOf(from)->second;
  Insert(to, std::move(labels));
}

std::vector<KeyName> LabelTable::NamesIn(int db) const {
  std::vector<KeyName> names;
  for (auto it = rows().lower_bound(KeyName{db, {}}); it != rows().end() && it->first.db == db;
       ++it)
    names.push_back(it->first);
  return names;
}

void LabelTable::DropAll(int db) {
  for (const KeyName& name : NamesIn(db)) Take(PlaceOf(name));
}

void LabelTable::Swap(int db_a, int db_b) {
  const std::vector<KeyName> of_a = NamesIn(db_a);
  const std::vector<KeyName> of_b = NamesIn(db_b);
  // By way of a database that there isn't: both may have a key of the same name.
  for (const KeyName& name : of_a) Rename(name, {kDatabases, name.name});
  for (const KeyName& name : of_b) Rename(name, {db_a, name.name});
  for (const KeyName& name : of_a) Rename({kDatabases, name.name}, {db_b, name.name});
}

// ---- rows ----

size_t LabelTable::BytesOf(const KeyName& name, const Labels& labels) {
  size_t bytes = kRowBytes + name.name.size() + labels.entity.size();
  for (const auto& [label, value] : labels.pairs)
    bytes += 2 * sizeof(std::string) + label.size() + value.size();
  return bytes;
}

bool LabelTable::Link(const KeyName& name, Labels& labels) {
  bytes_ += BytesOf(name, labels);
  return true;
}

void LabelTable::Unlink(const KeyName& name, const Labels& labels) {
  CHECK(bytes_ >= BytesOf(name, labels));
  bytes_ -= BytesOf(name, labels);
}

std::unique_ptr<SlicedFree> LabelTable::Clear() {
  bytes_ = 0;
  return FreedInSlices(SetRowsAside());
}

void LabelTable::EncodeRow(const KeyName& name, const Labels& labels, std::string* out) const {
  Writer w(out);
  w.U8(static_cast<uint8_t>(name.db));
  w.Bytes(name.name);
  w.Bytes(labels.entity);
  w.Varint(labels.pairs.size());
  for (const auto& [label, value] : labels.pairs) {
    w.Bytes(label);
    w.Bytes(value);
  }
}

Result<std::pair<KeyName, Labels>> LabelTable::DecodeRow(Reader* in) const {
  std::pair<KeyName, Labels> row;
  row.first.db = in->U8();
  row.first.name = in->Bytes();
  row.second.entity = in->Bytes();
  const uint64_t count = in->Varint();
  if (row.first.db >= kDatabases || count > kLabelsMax)
    return Fail(Errc::kCorruption, "snapshot: labels that can't be");
  for (uint64_t i = 0; i < count; i++) {
    std::string label(in->Bytes());
    row.second.pairs.emplace_back(std::move(label), std::string(in->Bytes()));
  }
  return row;
}

uint64_t LabelTable::RowDigest(const KeyName& name, const Labels& labels) const {
  std::string row;
  EncodeRow(name, labels, &row);
  Digester d(Digester::kLabels);
  d.Bytes(row);
  return d.sum();
}

}  // namespace clustron::store
