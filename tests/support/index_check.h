// Indexes against a full scan of the keys: what the commit step keeps must be what would be built
// anew.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/numeric.h"
#include "store/index/index_content.h"
#include "store/keyspace/hash_order.h"
#include "store/keyspace/store.h"
#include "store/keyspace/value_type.h"
#include "store/tables/index_table.h"
#include "store/tables/label_table.h"

namespace clustron::store {

// All keys of an index in order, with the values of each field: equal for equal contents, whatever
// their history.
inline std::string IndexText(const IndexContent& content) {
  std::vector<std::string> lines;
  for (uint32_t id = 0; id < content.id_end(); id++) {
    const IndexedKey* key = content.At(id);
    if (key == nullptr) continue;
    std::string line(key->name());
    for (size_t i = 0; i < content.fields(); i++) {
      line += " |";
      const Slot& slot = key->slot(i);
      if (const auto* numbers = std::get_if<0>(&content.column(i))) {
        for (const double value : numbers->KeysOf(slot)) line += " " + FormatDouble(value);
        line += numbers->IsBad(slot) ? " (bad)" : "";
      } else {
        const auto& texts = std::get<1>(content.column(i));
        for (const Text* value : texts.KeysOf(slot)) line.append(" ").append(value->view());
        line += texts.IsBad(slot) ? " (bad)" : "";
      }
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// The index as it would be if it were built now.
inline std::string ScannedIndexText(const Store& store, int db, const Index& index) {
  const IndexDefinition& definition = index.definition;
  IndexContent fresh(definition, store.seed());
  store.Walk(db, 0, SIZE_MAX / 16, [&](const KeyRecord& record) {
    const uint64_t hash = store.Hash(record.key());
    const auto field_of = ValueTypeOf(record).field;
    if (HashPosition(hash) >= index.built_below || !definition.CoversKey(record.key())) return;
    if (definition.kind == IndexKind::kHash && field_of == nullptr) return;
    const Labels* labels = LabelsOf(store).Find(db, record.key());
    if (definition.kind == IndexKind::kLabels &&
        (labels == nullptr || (definition.entity != "" && definition.entity != labels->entity)))
      return;
    std::vector<std::vector<std::string_view>> values(definition.fields.size());
    for (size_t i = 0; i < values.size(); i++) {
      const std::string& field = definition.fields[i].name;
      if (definition.kind == IndexKind::kLabels) {
        for (const auto& [name, value] : labels->pairs)
          if (name == field) values[i].push_back(value);
      } else if (const auto value = field_of(record, field)) {
        values[i].push_back(*value);
      }
    }
    fresh.Set(record.key(), hash, values);
  });
  return IndexText(fresh);
}

// The name of an index that is not what a full scan gives; empty: there is none. Also of a key
// whose record and labels contradict each other.
inline std::string WrongIndex(const Store& store) {
  std::string wrong;
  size_t labelled = 0;
  for (int db = 0; db < kDatabases; db++) {
    store.Walk(db, 0, SIZE_MAX / 16, [&](const KeyRecord& record) {
      labelled += record.has_labels();
      if (record.has_labels() != LabelsOf(store).Has(db, record.key())) wrong = record.key();
    });
    IndexesOf(store).ForEach(db, [&](std::string_view name, const Index& index) {
      if (IndexText(*index.content) != ScannedIndexText(store, db, index)) wrong = name;
    });
  }
  if (labelled != LabelsOf(store).size()) wrong = "labels";
  return wrong;
}

}  // namespace clustron::store
