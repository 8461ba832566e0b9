// How commands change lists; see mutation.h. Arguments may not point into the key's value.
//
// A list that lost its last element goes, with its key (kind delete, see Mutation::Commit).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "store/keyspace/mutation.h"
#include "store/types/list/list_value.h"

namespace clustron::store {

// One after another at that end. Creates the key when absent. REQUIRES: absent or a list.
void PushToList(Mutation& m, ListEnd end, std::span<const std::string_view> elements);
// REQUIRES, here and below: the key exists and is a list; count <= size, index < size.
void PopFromList(Mutation& m, ListEnd end, size_t count);
void SetListElement(Mutation& m, size_t index, std::string_view element);
// In front of the element at `index`; at the end if it is the list's size.
void InsertIntoList(Mutation& m, size_t index, std::string_view element);
// Those equal to `element`, at most `limit`, from the front or from the back. Returns how many.
size_t RemoveFromList(Mutation& m, std::string_view element, size_t limit, bool from_back);
// Leaves [begin, end), which may be empty. False: nothing is outside of that.
bool TrimList(Mutation& m, size_t begin, size_t end);
// The element at one end goes to the other, or stays where it is.
void RotateList(Mutation& m, ListEnd from, ListEnd to);

}  // namespace clustron::store
