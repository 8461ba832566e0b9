// A list of many chunks (list_chunk.h): groups of up to 128 chunks, and a directory of groups.
//
// Pushes and pops at both ends cost a chunk's own work; an element is found by its index through
// the directory's counts, a group's counts and one chunk, so a list of a million elements answers
// from its middle after some hundred additions. A copy, or a value frozen for a snapshot, takes
// references to the groups; the next change in one copies its list of chunks and one chunk. So no
// operation, however long the list, costs more than what it visits.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "store/types/list/list_chunk.h"

namespace clustron::store {

enum class ListEnd : uint8_t { kFront, kBack };

class BigList {
 public:
  static constexpr size_t kGroupChunks = 128;

  BigList() = default;
  ~BigList();
  BigList(const BigList&) = delete;
  BigList& operator=(const BigList&) = delete;

  size_t size() const { return size_; }
  uint64_t listpack_bytes() const { return listpack_bytes_; }
  size_t MemoryUsage() const;
  // Whether the list is in the small form to those who ask, see ListValue::packed.
  bool packed() const { return packed_; }
  void set_packed(bool packed) { packed_ = packed; }

  // A place in the list. Steps cost nothing but at a chunk's end.
  struct Place {
    size_t group;
    size_t link;
    ListChunk::Cursor cursor;
    size_t left;  // elements of the chunk from here on, in the direction of the walk
  };
  Place At(size_t index, bool backwards = false) const;  // index < size()
  ListElement Read(const Place& at) const { return ChunkAt(at)->Read(at.cursor); }
  bool Equals(const Place& at, const EncodedElement& element) const {
    return ChunkAt(at)->Equals(at.cursor, element);
  }
  // False at the end.
  bool Next(Place* at) const;
  bool Previous(Place* at) const;

  // ---- changes ----
  void Push(ListEnd end, const EncodedElement& element);
  void Pop(ListEnd end);  // REQUIRES: not empty
  void Insert(size_t index, const EncodedElement& element);
  void Erase(size_t index);
  // See ListChunk::EraseEqual.
  size_t EraseEqual(const EncodedElement& element, size_t limit, bool from_back);
  // Cuts so many elements off an end and returns them.
  std::unique_ptr<BigList> Cut(ListEnd end, size_t count);
  // Takes a chunk over as the last one; for loading and for a list that outgrew one chunk.
  void AppendChunk(ListChunk* chunk);
  // The only chunk, which is the caller's then, the list being empty; null if there are more and
  // they don't fit into one.
  ListChunk* TakeOnly();

  // The same elements; groups are shared.
  std::unique_ptr<BigList> Copy() const;
  // For a list that is thrown away: frees about `count` elements; true if more are left.
  bool FreeSome(size_t count);

  size_t group_count() const { return groups_.size(); }
  // For who walks a list that nobody changes, chunk by chunk.
  size_t chunk_count(size_t group) const { return groups_[group].group->links.size(); }
  const ListChunk& chunk(size_t group, size_t link) const {
    return *groups_[group].group->links[link].chunk;
  }

 private:
  struct Link {
    ListChunk* chunk;
    size_t count;  // the chunk's
  };
  struct Group {
    uint32_t refs = 1;
    std::vector<Link> links;
  };
  struct GroupLink {
    Group* group;
    size_t count;  // sum of the links'
  };

  static void Unref(Group* group);
  ListChunk* ChunkAt(const Place& at) const {
    return groups_[at.group].group->links[at.link].chunk;
  }
  // The group, and the chunk, ours alone.
  Group& OwnGroup(size_t group);
  Link& Own(size_t group, size_t link);
  // Puts a new chunk in front of link `link` of the group, which is cut in two when it is full.
  void AddLink(size_t group, size_t link, ListChunk* chunk);
  void RemoveLink(size_t group, size_t link);
  // After a change of the chunk at the link, which had so many bytes before it.
  void Changed(size_t group, size_t link, uint64_t bytes_before);
  void PlaceOf(size_t index, size_t* group, size_t* link, size_t* in_chunk) const;

  std::vector<GroupLink> groups_;
  size_t size_ = 0;
  uint64_t listpack_bytes_ = 0;
  bool packed_ = false;
};

}  // namespace clustron::store
