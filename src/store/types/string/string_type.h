// Strings among the types: the row, and what of a string's record is out of line.
#pragma once

#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/value_type.h"
#include "store/types/string/big_string.h"

namespace clustron::store {

// REQUIRES: form() == Form::kBig.
BigString& BigOf(const KeyRecord& record);
// A record with a string of its own out of line; revision 0, no flags but the deadline's.
KeyRecord* NewBigString(std::string_view key, std::unique_ptr<BigString> big,
                        DeadlineWord deadline);

// How a string is kept inline: int, embstr or raw.
Form ClassifyString(std::string_view value);

namespace string_type {
uint64_t Count(const KeyRecord& record);
std::string_view Encoding(const KeyRecord& record);
bool Packed(const KeyRecord& record);
size_t MemoryUsage(const KeyRecord& record);
void Parts(const KeyRecord& record, PartSink& sink);
std::unique_ptr<FrozenValue> Freeze(const KeyRecord& record);
std::unique_ptr<ValueBuilder> Build(const KeyMeta& meta, uint64_t count, uint64_t seed);
uintptr_t Share(const KeyRecord& record);
void Destroy(uintptr_t value);
std::unique_ptr<SlicedFree> SetAside(uintptr_t value);
}  // namespace string_type

inline constexpr ValueType kStringType = {
    .type = Type::kString,
    .bytes = true,
    .parts_per_element = 0,
    .count = string_type::Count,
    .encoding = string_type::Encoding,
    .packed = string_type::Packed,
    .stored_bytes = string_type::Count,
    .memory_usage = string_type::MemoryUsage,
    .parts = string_type::Parts,
    .freeze = string_type::Freeze,
    .build = string_type::Build,
    .share = string_type::Share,
    .destroy = string_type::Destroy,
    .set_aside = string_type::SetAside,
};

}  // namespace clustron::store
