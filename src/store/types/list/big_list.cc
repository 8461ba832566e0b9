#include "store/types/list/big_list.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "store/keyspace/alloc.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

namespace {

// A chunk begins with so much room, and grows.
constexpr size_t kFirstRoom = 1024 - ListChunk::kHeaderBytes;

}  // namespace

BigList::~BigList() {
  for (const GroupLink& link : groups_) Unref(link.group);
}

void BigList::Unref(Group* group) {
  DCHECK(group->refs > 0);
  if (--group->refs != 0) return;
  for (const Link& link : group->links) ListChunk::Unref(link.chunk);
  delete group;
}

size_t BigList::MemoryUsage() const {
  size_t sum = sizeof(*this) + groups_.capacity() * sizeof(GroupLink);
  for (const GroupLink& group : groups_) {
    sum += sizeof(Group) + group.group->links.capacity() * sizeof(Link);
    for (const Link& link : group.group->links) sum += link.chunk->MemoryUsage();
  }
  return sum;
}

void BigList::PlaceOf(size_t index, size_t* group, size_t* link, size_t* in_chunk) const {
  DCHECK(index < size_);
  // From the nearer end.
  if (2 * index <= size_) {
    size_t g = 0;
    while (index >= groups_[g].count) index -= groups_[g++].count;
    const std::vector<Link>& links = groups_[g].group->links;
    size_t l = 0;
    while (index >= links[l].count) index -= links[l++].count;
    *group = g;
    *link = l;
    *in_chunk = index;
    return;
  }
  size_t behind = size_ - index;  // elements from it to the end
  size_t g = groups_.size() - 1;
  while (behind > groups_[g].count) behind -= groups_[g--].count;
  const std::vector<Link>& links = groups_[g].group->links;
  size_t l = links.size() - 1;
  while (behind > links[l].count) behind -= links[l--].count;
  *group = g;
  *link = l;
  *in_chunk = links[l].count - behind;
}

BigList::Place BigList::At(size_t index, bool backwards) const {
  Place at;
  size_t in_chunk;
  PlaceOf(index, &at.group, &at.link, &in_chunk);
  const ListChunk* chunk = ChunkAt(at);
  at.cursor = chunk->At(in_chunk);
  at.left = backwards ? in_chunk + 1 : chunk->count() - in_chunk;
  return at;
}

bool BigList::Next(Place* at) const {
  if (--at->left > 0) {
    ChunkAt(*at)->Next(&at->cursor);
    return true;
  }
  if (++at->link == groups_[at->group].group->links.size()) {
    if (++at->group == groups_.size()) return false;
    at->link = 0;
  }
  const ListChunk* chunk = ChunkAt(*at);
  at->cursor = chunk->At(0);
  at->left = chunk->count();
  return true;
}

bool BigList::Previous(Place* at) const {
  if (--at->left > 0) {
    ChunkAt(*at)->Previous(&at->cursor);
    return true;
  }
  if (at->link == 0) {
    if (at->group == 0) return false;
    at->link = groups_[--at->group].group->links.size();
  }
  at->link--;
  const ListChunk* chunk = ChunkAt(*at);
  at->cursor = chunk->At(chunk->count() - 1);
  at->left = chunk->count();
  return true;
}

BigList::Group& BigList::OwnGroup(size_t group) {
  Group*& g = groups_[group].group;
  if (g->refs > 1) {
    auto own = std::make_unique<Group>();
    own->links = g->links;
    for (const Link& link : own->links) link.chunk->Ref();
    shared_bytes_copied += own->links.size() * sizeof(Link);
    g->refs--;
    g = own.release();
  }
  return *g;
}

BigList::Link& BigList::Own(size_t group, size_t link) {
  Link& owned = OwnGroup(group).links[link];
  if (owned.chunk->shared()) {
    ListChunk* own = owned.chunk->Clone();
    shared_bytes_copied += own->MemoryUsage();
    ListChunk::Unref(owned.chunk);
    owned.chunk = own;
  }
  return owned;
}

void BigList::Changed(size_t group, size_t link, uint64_t bytes_before) {
  Link& changed = groups_[group].group->links[link];
  const size_t count = changed.chunk->count();
  listpack_bytes_ += changed.chunk->listpack_bytes() - bytes_before;
  groups_[group].count += count - changed.count;
  size_ += count - changed.count;
  changed.count = count;
  if (count == 0) RemoveLink(group, link);
}

void BigList::AddLink(size_t group, size_t link, ListChunk* chunk) {
  const size_t count = chunk->count();
  if (groups_.empty()) groups_.push_back({new Group, 0});
  Group* g = &OwnGroup(group);
  if (g->links.size() == kGroupChunks) {
    // At the list's ends a new group; else the full one is cut in the middle.
    size_t cut = kGroupChunks / 2;
    if (link == kGroupChunks && group + 1 == groups_.size()) cut = kGroupChunks;
    if (link == 0 && group == 0) cut = 0;
    auto tail = std::make_unique<Group>();
    tail->links.assign(g->links.begin() + static_cast<ptrdiff_t>(cut), g->links.end());
    g->links.resize(cut);
    size_t moved = 0;
    for (const Link& one : tail->links) moved += one.count;
    groups_[group].count -= moved;
    groups_.insert(groups_.begin() + static_cast<ptrdiff_t>(group) + 1, {tail.release(), moved});
    if (link > cut || (link == cut && cut == kGroupChunks)) {
      link -= cut;
      group++;
    }
    g = groups_[group].group;
  }
  g->links.insert(g->links.begin() + static_cast<ptrdiff_t>(link), {chunk, count});
  groups_[group].count += count;
  size_ += count;
  listpack_bytes_ += chunk->listpack_bytes();
}

void BigList::RemoveLink(size_t group, size_t link) {
  Group& g = OwnGroup(group);
  const Link gone = g.links[link];
  g.links.erase(g.links.begin() + static_cast<ptrdiff_t>(link));
  groups_[group].count -= gone.count;
  size_ -= gone.count;
  listpack_bytes_ -= gone.chunk->listpack_bytes();
  ListChunk::Unref(gone.chunk);
  if (!g.links.empty()) return;
  Unref(&g);
  groups_.erase(groups_.begin() + static_cast<ptrdiff_t>(group));
}

void BigList::Push(ListEnd end, const EncodedElement& element) {
  const bool front = end == ListEnd::kFront;
  if (!groups_.empty()) {
    const size_t group = front ? 0 : groups_.size() - 1;
    const size_t link = front ? 0 : groups_[group].group->links.size() - 1;
    Link& at = Own(group, link);
    const uint64_t bytes = at.chunk->listpack_bytes();
    if (ListChunk::Insert(&at.chunk, front ? 0 : at.count, element))
      return Changed(group, link, bytes);
  }
  ListChunk* chunk = ListChunk::New(kFirstRoom, front);
  const bool fits = ListChunk::Insert(&chunk, 0, element);
  CHECK(fits);
  if (front) {
    AddLink(0, 0, chunk);
  } else {
    AppendChunk(chunk);
  }
}

void BigList::AppendChunk(ListChunk* chunk) {
  const size_t group = groups_.empty() ? 0 : groups_.size() - 1;
  AddLink(group, groups_.empty() ? 0 : groups_[group].group->links.size(), chunk);
}

void BigList::Pop(ListEnd end) {
  CHECK(size_ > 0);
  const bool front = end == ListEnd::kFront;
  const size_t group = front ? 0 : groups_.size() - 1;
  const size_t link = front ? 0 : groups_[group].group->links.size() - 1;
  Link& at = Own(group, link);
  const uint64_t bytes = at.chunk->listpack_bytes();
  at.chunk->Erase(front ? 0 : at.count - 1);
  Changed(group, link, bytes);
}

void BigList::Insert(size_t index, const EncodedElement& element) {
  CHECK(index <= size_);
  if (index == 0 || index == size_)
    return Push(index == 0 ? ListEnd::kFront : ListEnd::kBack, element);
  size_t group, link, in_chunk;
  PlaceOf(index, &group, &link, &in_chunk);
  Link& at = Own(group, link);
  const uint64_t bytes = at.chunk->listpack_bytes();
  if (ListChunk::Insert(&at.chunk, in_chunk, element)) return Changed(group, link, bytes);
  // Halves, as full as each other, and the place is looked up anew.
  CHECK(at.count > 1);
  ListChunk* tail = at.chunk->Split(at.count / 2);
  Changed(group, link, bytes);
  AddLink(group, link + 1, tail);
  Insert(index, element);
}

void BigList::Erase(size_t index) {
  size_t group, link, in_chunk;
  PlaceOf(index, &group, &link, &in_chunk);
  Link& at = Own(group, link);
  const uint64_t bytes = at.chunk->listpack_bytes();
  at.chunk->Erase(in_chunk);
  Changed(group, link, bytes);
}

size_t BigList::EraseEqual(const EncodedElement& element, size_t limit, bool from_back) {
  size_t gone = 0;
  // From the back on, links that go away don't move those that are still to come.
  const auto in_chunk = [&](size_t group, size_t link) {
    const ListChunk* chunk = groups_[group].group->links[link].chunk;
    ListChunk::Cursor at = chunk->At(0);
    bool any = false;
    for (size_t i = 0; i < chunk->count() && !any; i++, chunk->Next(&at))
      any = chunk->Equals(at, element);
    if (!any) return false;
    Link& own = Own(group, link);
    const uint64_t bytes = own.chunk->listpack_bytes();
    gone += ListChunk::EraseEqual(&own.chunk, element, limit - gone, from_back);
    const bool emptied = own.chunk->count() == 0;
    Changed(group, link, bytes);
    return emptied;
  };
  if (from_back) {
    for (size_t group = groups_.size(); group > 0 && gone < limit; group--)
      for (size_t link = groups_[group - 1].group->links.size(); link > 0 && gone < limit; link--)
        in_chunk(group - 1, link - 1);
    return gone;
  }
  size_t group = 0;
  while (group < groups_.size() && gone < limit) {
    const size_t groups = groups_.size();
    size_t link = 0;
    while (groups_.size() == groups && link < groups_[group].group->links.size() && gone < limit)
      if (!in_chunk(group, link)) link++;
    if (groups_.size() == groups) group++;  // else the whole group has gone
  }
  return gone;
}

std::unique_ptr<BigList> BigList::Cut(ListEnd end, size_t count) {
  CHECK(count <= size_);
  auto cut = std::make_unique<BigList>();
  const bool front = end == ListEnd::kFront;
  // Whole groups, then whole chunks, then elements of one chunk.
  while (count > 0) {
    const size_t group = front ? 0 : groups_.size() - 1;
    const GroupLink whole = groups_[group];
    if (whole.count <= count) {
      for (const Link& link : whole.group->links) {
        const uint64_t bytes = link.chunk->listpack_bytes();
        listpack_bytes_ -= bytes;
        cut->listpack_bytes_ += bytes;
      }
      size_ -= whole.count;
      cut->size_ += whole.count;
      count -= whole.count;
      cut->groups_.insert(front ? cut->groups_.end() : cut->groups_.begin(), whole);
      groups_.erase(groups_.begin() + static_cast<ptrdiff_t>(group));
      continue;
    }
    const size_t link = front ? 0 : whole.group->links.size() - 1;
    const Link chunk = whole.group->links[link];
    if (chunk.count <= count) {
      chunk.chunk->Ref();
      RemoveLink(group, link);
      if (front || cut->groups_.empty()) {
        cut->AppendChunk(chunk.chunk);
      } else {
        cut->AddLink(0, 0, chunk.chunk);
      }
      count -= chunk.count;
      continue;
    }
    Link& own = Own(group, link);
    const uint64_t bytes = own.chunk->listpack_bytes();
    const size_t begin = front ? 0 : own.count - count;
    ListChunk* part = ListChunk::New(std::min(ListChunk::kRoomMax, own.chunk->used()), false);
    ListChunk::Cursor at = own.chunk->At(begin);
    for (size_t i = 0; i < count; i++) {
      const bool fits = ListChunk::Insert(&part, i, own.chunk->Encoded(at));
      CHECK(fits);
      if (i + 1 < count) own.chunk->Next(&at);
    }
    own.chunk->EraseRange(begin, begin + count);
    Changed(group, link, bytes);
    if (front || cut->groups_.empty()) {
      cut->AppendChunk(part);
    } else {
      cut->AddLink(0, 0, part);
    }
    count = 0;
  }
  return cut;
}

ListChunk* BigList::TakeOnly() {
  if (groups_.size() != 1) return nullptr;
  Group& group = OwnGroup(0);
  if (group.links.size() > 1) {
    size_t data = 0;
    for (const Link& link : group.links) data += link.chunk->used() + link.count;
    if (data > ListChunk::kRoomMax || size_ > ListChunk::kCountMax) return nullptr;
  }
  ListChunk* only = Own(0, 0).chunk;
  for (size_t i = 1; i < group.links.size(); i++) ListChunk::Join(&only, group.links[i].chunk);
  delete groups_[0].group;
  groups_.clear();
  size_ = 0;
  listpack_bytes_ = 0;
  return only;
}

std::unique_ptr<BigList> BigList::Copy() const {
  auto copy = std::make_unique<BigList>();
  copy->groups_ = groups_;
  for (const GroupLink& link : groups_) link.group->refs++;
  copy->size_ = size_;
  copy->listpack_bytes_ = listpack_bytes_;
  copy->packed_ = packed_;
  return copy;
}

bool BigList::FreeSome(size_t count) {
  while (!groups_.empty()) {
    Group& group = *groups_.back().group;
    if (group.refs > 1) {
      group.refs--;
      groups_.pop_back();
      continue;
    }
    while (!group.links.empty()) {
      if (count == 0) return true;
      const Link link = group.links.back();
      count -= std::min(count, link.chunk->shared() ? 1 : link.count);
      ListChunk::Unref(link.chunk);
      group.links.pop_back();
    }
    delete groups_.back().group;
    groups_.pop_back();
  }
  return false;
}

}  // namespace clustron::store
