// Hashes among the types: the row, and a record's value as a hash.
#pragma once

#include "store/keyspace/key_record.h"
#include "store/keyspace/value_type.h"
#include "store/types/hash/hash_value.h"

namespace clustron::store {

// REQUIRES: a hash, of other types CHECKed.
HashValue& HashToChange(KeyRecord& record);

namespace hash_type {
uint64_t Count(const KeyRecord& record);
std::string_view Encoding(const KeyRecord& record);
bool Packed(const KeyRecord& record);
uint64_t StoredBytes(const KeyRecord& record);
size_t MemoryUsage(const KeyRecord& record);
void Parts(const KeyRecord& record, PartSink& sink);
std::unique_ptr<FrozenValue> Freeze(const KeyRecord& record);
std::unique_ptr<ValueBuilder> Build(const KeyMeta& meta, uint64_t count, uint64_t seed);
std::optional<std::string_view> Field(const KeyRecord& record, std::string_view name);
uintptr_t Share(const KeyRecord& record);
void Destroy(uintptr_t value);
std::unique_ptr<SlicedFree> SetAside(uintptr_t value);
}  // namespace hash_type

inline constexpr ValueType kHashType = {
    .type = Type::kHash,
    .bytes = false,
    .parts_per_element = 2,
    .count = hash_type::Count,
    .encoding = hash_type::Encoding,
    .packed = hash_type::Packed,
    .stored_bytes = hash_type::StoredBytes,
    .memory_usage = hash_type::MemoryUsage,
    .parts = hash_type::Parts,
    .freeze = hash_type::Freeze,
    .build = hash_type::Build,
    .field = hash_type::Field,
    .share = hash_type::Share,
    .destroy = hash_type::Destroy,
    .set_aside = hash_type::SetAside,
};

}  // namespace clustron::store
