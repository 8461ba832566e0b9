// Lists among the types: the row, and a record's value as a list.
#pragma once

#include "store/keyspace/key_record.h"
#include "store/keyspace/value_type.h"
#include "store/types/list/list_value.h"

namespace clustron::store {

// REQUIRES: a list, of other types CHECKed.
ListValue& ListToChange(KeyRecord& record);

namespace list_type {
uint64_t Count(const KeyRecord& record);
std::string_view Encoding(const KeyRecord& record);
bool Packed(const KeyRecord& record);
uint64_t StoredBytes(const KeyRecord& record);
size_t MemoryUsage(const KeyRecord& record);
void Parts(const KeyRecord& record, PartSink& sink);
std::unique_ptr<FrozenValue> Freeze(const KeyRecord& record);
std::unique_ptr<ValueBuilder> Build(const KeyMeta& meta, uint64_t count, uint64_t seed);
uintptr_t Share(const KeyRecord& record);
void Destroy(uintptr_t value);
std::unique_ptr<SlicedFree> SetAside(uintptr_t value);
}  // namespace list_type

inline constexpr ValueType kListType = {
    .type = Type::kList,
    .bytes = false,
    .parts_per_element = 1,
    .count = list_type::Count,
    .encoding = list_type::Encoding,
    .packed = list_type::Packed,
    .stored_bytes = list_type::StoredBytes,
    .memory_usage = list_type::MemoryUsage,
    .parts = list_type::Parts,
    .freeze = list_type::Freeze,
    .build = list_type::Build,
    .share = list_type::Share,
    .destroy = list_type::Destroy,
    .set_aside = list_type::SetAside,
};

}  // namespace clustron::store
