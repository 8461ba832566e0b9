#include "store/tables/index_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "store/keyspace/digester.h"
#include "store/keyspace/value_type.h"
#include "store/tables/label_table.h"

namespace clustron::store {

namespace {

// In a row, beside the position up to which an index is built.
constexpr uint64_t kStoppedBit = uint64_t{1} << 63;

}  // namespace

void IndexContentSetAside::operator()(IndexContent* content) const {
  CHECK(table != nullptr);
  table->SetAside(std::unique_ptr<IndexContent>(content));
}

IndexTable::IndexTable(Store& store) : OrderedTable(store) { store.followers().indexes = this; }

// Rows set their contents aside.
IndexTable::~IndexTable() {
  EndWalk();
  SetRowsAside().clear();
}

// ---- reading ----

const Index* IndexTable::Find(int db, std::string_view name) const {
  const auto it = rows().find(KeyName{db, std::string(name)});
  return it == rows().end() ? nullptr : &it->second;
}

const Index* IndexTable::OfNames(int db, std::string_view prefix) const {
  const Index* found = nullptr;
  ForEach(db, [&](std::string_view, const Index& index) {
    if (found == nullptr && index.definition.kind == IndexKind::kKeys && index.ready() &&
        index.definition.CoversKey(prefix))
      found = &index;
  });
  return found;
}

// ---- changing ----

void IndexTable::Create(int db, std::string_view name, IndexDefinition definition) {
  CHECK(CountOf(db) < kIndexesMax);
  Index index;
  index.definition = std::move(definition);
  index.created = store_.TakeRevision();
  const Place place = Insert(KeyName{db, std::string(name)}, std::move(index));
  if (store_.Size(db) <= kSliceKeys) Build(place->first, place->second);
}

void IndexTable::Drop(int db, std::string_view name) {
  store_.TakeRevision();
  Take(PlaceOf(KeyName{db, std::string(name)}));
}

uint64_t IndexTable::BuildSlice(bool no_memory) {
  if (unbuilt_ == 0) return 0;
  uint64_t sum = 0;
  bool built = no_memory;
  for (auto it = rows().begin(); it != rows().end(); ++it) {
    if (it->second.ready()) continue;
    const Place place = PlaceOf(it->first);
    if (place->second.stopped != no_memory) {
      SetStopped(place->first, place->second, no_memory);
      sum += place->second.created;
    }
    if (std::exchange(built, true)) continue;
    Build(place->first, place->second);
    sum += place->second.created + place->second.built_below;
  }
  return sum;
}

void IndexTable::SetStopped(const KeyName& name, Index& index, bool stopped) {
  if (stopped) REACH("index build stopped for memory");
  WriteAhead(name, index);
  index.stopped = stopped;
  stopped ? stopped_++ : stopped_--;
}

void IndexTable::Build(const KeyName& name, Index& index) {
  CHECK(!index.ready());
  WriteAhead(name, index);
  uint64_t units = 0;
  for (size_t keys = 0; keys < kSliceKeys && units < kSliceUnits && !index.ready(); keys++) {
    const uint64_t from = index.built_below;
    const uint64_t next = store_.Walk(name.db, from, 1, [&](const KeyRecord& record) {
      Update(name.db, index, record.key(), store_.Hash(record.key()), &record);
      units += UnitsOf(index.definition);
    });
    CHECK(next == 0 || next > from);
    index.built_below = next == 0 ? Index::kBuilt : next;
  }
  if (index.ready()) unbuilt_--;
}

// A word is put into the tree; most have more than one letter.
uint64_t IndexTable::UnitsOf(const IndexDefinition& definition) const {
  uint64_t units = 1;
  for (size_t i = 0; i < definition.fields.size(); i++) {
    const bool text = definition.fields[i].type == FieldType::kText;
    for (const std::string_view value : values_[i])
      units += text && value.size() <= kTextBytesMax ? 1 + value.size() / 2 : 1;
  }
  return units;
}

uint64_t IndexTable::UnitsMax(const IndexDefinition& definition) {
  if (definition.kind == IndexKind::kLabels) return 1 + kLabelsMax * (1 + kLabelBytesMax / 2);
  uint64_t units = 1;
  for (const IndexField& field : definition.fields)
    units += field.type == FieldType::kText ? 1 + kTextBytesMax / 2 : 1;
  return units;
}

void IndexTable::OnKey(int db, std::string_view key, uint64_t hash, const KeyRecord* now) {
  for (Index* index : by_db_[static_cast<size_t>(db)]) {
    if (HashPosition(hash) >= index->built_below) continue;
    if (Planted(Bug::kIndexSliceMissesWrite) && !index->ready()) continue;
    if (!index->definition.CoversKey(key)) continue;
    Update(db, *index, key, hash, now);
    const uint64_t units = kUnitsOfWork * UnitsOf(index->definition);
    store_.work().Spend(units, units / kUnitsPerNs);
  }
}

void IndexTable::OnLoadedKey(int db, std::string_view key, uint64_t hash, const KeyRecord& now) {
  for (Index* index : by_db_[static_cast<size_t>(db)])
    if (HashPosition(hash) < index->built_below) Update(db, *index, key, hash, &now);
}

void IndexTable::PrefetchBuckets(int db, uint64_t hash) const {
  const std::vector<Index*>& in_db = by_db_[static_cast<size_t>(db)];
  if (in_db.size() > kPrefetchedMax) return;
  for (const Index* index : in_db) {
    CHECK(index->content != nullptr);
    index->content->PrefetchBucket(hash);
  }
}

void IndexTable::PrefetchKeys(int db, uint64_t hash) const {
  const std::vector<Index*>& in_db = by_db_[static_cast<size_t>(db)];
  if (in_db.size() > kPrefetchedMax) return;
  for (const Index* index : in_db) index->content->PrefetchKey(hash);
}

void IndexTable::Update(int db, Index& index, std::string_view key, uint64_t hash,
                        const KeyRecord* now) {
  const IndexDefinition& definition = index.definition;
  values_.resize(definition.fields.size());
  for (auto& values : values_) values.clear();
  if (!definition.CoversKey(key)) return;
  if (now == nullptr || !TakeValues(db, definition, *now)) {
    index.content->Remove(key, hash);
  } else {
    index.content->Set(key, hash, values_);
  }
}

bool IndexTable::TakeValues(int db, const IndexDefinition& definition, const KeyRecord& record) {
  if (definition.kind == IndexKind::kKeys) return true;
  if (definition.kind == IndexKind::kLabels) return TakeLabels(db, definition, record);
  const auto field_of = ValueTypeOf(record).field;
  if (field_of == nullptr) return false;
  for (size_t i = 0; i < definition.fields.size(); i++) {
    const std::optional<std::string_view> value = field_of(record, definition.fields[i].name);
    if (value) values_[i].push_back(*value);
  }
  return true;
}

bool IndexTable::TakeLabels(int db, const IndexDefinition& definition, const KeyRecord& record) {
  if (!record.has_labels()) return false;
  const Labels* labels = LabelsOf(store_).Find(db, record.key());
  CHECK(labels != nullptr);
  if (!definition.entity.empty() && labels->entity != definition.entity) return false;
  for (size_t i = 0; i < definition.fields.size(); i++) {
    for (const auto& [name, value] : labels->pairs)
      if (name == definition.fields[i].name) values_[i].push_back(value);
  }
  return true;
}

void IndexTable::OnFlush(int db) {
  for (Index* index : by_db_[static_cast<size_t>(db)]) {
    if (Planted(Bug::kIndexFlushForgotten) && index != by_db_[static_cast<size_t>(db)][0]) continue;
    IndexContentPtr old = std::exchange(index->content, NewContent(*index));
    if (Planted(Bug::kIndexFlushNotUndone)) continue;
    AddUndo([index, old = std::move(old)]() mutable { index->content = std::move(old); });
  }
}

// ---- contents ----

IndexContentPtr IndexTable::NewContent(const Index& index) {
  return IndexContentPtr(new IndexContent(index.definition, store_.seed()), {this});
}

bool IndexTable::FreeSome(size_t count) {
  if (gone_.empty()) return false;
  REACH("index_content_freed");
  if (!gone_.front()->FreeSome(count)) gone_.pop_front();
  return !gone_.empty();
}

bool IndexTable::Link(const KeyName& name, Index& index) {
  std::vector<Index*>& in_db = by_db_[static_cast<size_t>(name.db)];
  if (in_db.empty()) store_.SetHook(name.db, Hook::kIndexes, true);
  in_db.push_back(&index);
  unbuilt_ += index.ready() ? 0 : 1;
  stopped_ += index.stopped ? 1 : 0;
  upkeep_max_ += kUnitsOfWork * UnitsMax(index.definition);
  if (index.content == nullptr) index.content = NewContent(index);
  return true;
}

void IndexTable::Unlink(const KeyName& name, const Index& index) {
  std::vector<Index*>& in_db = by_db_[static_cast<size_t>(name.db)];
  const size_t gone = std::erase(in_db, &index);
  CHECK(gone == 1);
  if (in_db.empty()) store_.SetHook(name.db, Hook::kIndexes, false);
  CHECK(index.ready() || unbuilt_ > 0);
  unbuilt_ -= index.ready() ? 0 : 1;
  stopped_ -= index.stopped ? 1 : 0;
  upkeep_max_ -= kUnitsOfWork * UnitsMax(index.definition);
}

std::unique_ptr<SlicedFree> IndexTable::Clear() {
  for (int db = 0; db < kDatabases; db++) {
    by_db_[static_cast<size_t>(db)].clear();
    store_.SetHook(db, Hook::kIndexes, false);
  }
  unbuilt_ = stopped_ = 0;
  upkeep_max_ = 0;
  return FreedInSlices(SetRowsAside());
}

// ---- rows ----

void IndexTable::EncodeRow(const KeyName& name, const Index& index, std::string* out) const {
  const IndexDefinition& d = index.definition;
  Writer w(out);
  w.U8(static_cast<uint8_t>(name.db));
  w.Bytes(name.name);
  w.U8(static_cast<uint8_t>(d.kind));
  w.Bytes(d.entity);
  w.Varint(d.prefixes.size());
  for (const std::string& prefix : d.prefixes) w.Bytes(prefix);
  w.Varint(d.fields.size());
  for (const IndexField& field : d.fields) {
    w.Bytes(field.name);
    w.U8(static_cast<uint8_t>(field.type));
  }
  w.U64(index.created);
  w.U64(index.built_below | (index.stopped ? kStoppedBit : 0));
}

Result<std::pair<KeyName, Index>> IndexTable::DecodeRow(Reader* in) const {
  const auto corrupt = [] { return Fail(Errc::kCorruption, "snapshot: an index that can't be"); };
  std::pair<KeyName, Index> row;
  IndexDefinition& d = row.second.definition;
  row.first.db = in->U8();
  row.first.name = in->Bytes();
  const uint8_t kind = in->U8();
  d.kind = static_cast<IndexKind>(kind);
  d.entity = in->Bytes();
  const uint64_t prefixes = in->Varint();
  if (row.first.db >= kDatabases || kind >= static_cast<uint8_t>(IndexKind::kEnd) ||
      prefixes > kIndexPrefixesMax)
    return corrupt();
  for (uint64_t i = 0; i < prefixes; i++) d.prefixes.emplace_back(in->Bytes());
  const uint64_t fields = in->Varint();
  if (fields > kIndexFieldsMax) return corrupt();
  for (uint64_t i = 0; i < fields; i++) {
    IndexField field{.name = std::string(in->Bytes())};
    const uint8_t type = in->U8();
    if (type >= static_cast<uint8_t>(FieldType::kEnd)) return corrupt();
    field.type = static_cast<FieldType>(type);
    d.fields.push_back(std::move(field));
  }
  row.second.created = in->U64();
  const uint64_t built = in->U64();
  row.second.built_below = built & ~kStoppedBit;
  row.second.stopped = (built & kStoppedBit) != 0;
  if (row.second.built_below > Index::kBuilt) return corrupt();
  if (row.second.stopped && row.second.ready()) return corrupt();
  return row;
}

uint64_t IndexTable::RowDigest(const KeyName& name, const Index& index) const {
  std::string row;
  EncodeRow(name, index, &row);
  Digester d(Digester::kIndex);
  d.Bytes(row);
  return d.sum();
}

}  // namespace clustron::store
