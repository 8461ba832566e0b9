#include "cluster/log/entry.h"

#include <cstddef>
#include <cstring>

#include "base/breather.h"
#include "base/check.h"
#include "base/memory.h"

namespace clustron::cluster {

namespace {

// The bytes as entry.md has them.
struct FixedItem {
  uint8_t kind;
  uint8_t flags;
  uint16_t command_id;
  uint8_t db;
  uint8_t resp_version;
  uint16_t user_size;
  uint32_t node;
  uint32_t boot;
  uint64_t sequence;
  uint32_t argc;
} __attribute__((packed));
static_assert(sizeof(FixedItem) == 28);
static_assert(offsetof(FixedItem, flags) + kItemSizeBytes == kItemFlagsOffset);
static_assert(offsetof(FixedItem, sequence) + kItemSizeBytes == kItemSequenceOffset);

struct FixedEntry {
  int64_t elapsed_ms;
  int64_t wall_ms;
  uint16_t feature_version;
  uint16_t flags;
  uint32_t item_count;
};
static_assert(sizeof(FixedEntry) == kEntryHeaderBytes);

FixedEntry Pack(const EntryHeader& header) {
  return {header.elapsed_ms, header.wall_ms, header.feature_version, header.flags,
          header.item_count};
}

void Unpack(const FixedItem& fixed, std::string_view user, ItemHeader* header) {
  header->kind = static_cast<ItemKind>(fixed.kind);
  header->flags = fixed.flags;
  header->command_id = fixed.command_id;
  header->db = fixed.db;
  header->resp_version = fixed.resp_version;
  header->session = {fixed.node, fixed.boot};
  header->sequence = fixed.sequence;
  header->user = user;
}

}  // namespace

void AppendItem(const ItemHeader& header, std::span<const std::string_view> args,
                std::string* out) {
  const bool command = header.kind == ItemKind::kCommand;
  DCHECK(!command || !args.empty());
  const auto stored = command ? args.subspan(1) : args;
  size_t body = sizeof(FixedItem) + header.user.size();
  for (std::string_view arg : stored) body += 4 + arg.size();
  const FixedItem fixed{static_cast<uint8_t>(header.kind),
                        header.flags,
                        header.command_id,
                        header.db,
                        header.resp_version,
                        static_cast<uint16_t>(header.user.size()),
                        header.session.node,
                        header.session.boot,
                        header.sequence,
                        static_cast<uint32_t>(stored.size())};
  const size_t at = out->size();
  if (body > kBatchBytesMax) {
    // Not written twice.
    ReserveBig(out, at + kItemSizeBytes + body);
    const uint32_t size = static_cast<uint32_t>(body);
    out->append(reinterpret_cast<const char*>(&size), sizeof size);
    out->append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
    out->append(header.user);
    for (std::string_view arg : stored) {
      const uint32_t length = static_cast<uint32_t>(arg.size());
      out->append(reinterpret_cast<const char*>(&length), sizeof length);
      AppendBreathing(out, arg);
    }
    return;
  }
  out->resize(at + kItemSizeBytes + body);
  char* p = out->data() + at;
  const auto put = [&p](const void* data, size_t size) {
    if (size > 0) std::memcpy(p, data, size);
    p += size;
  };
  const uint32_t size = static_cast<uint32_t>(body);
  put(&size, sizeof size);
  put(&fixed, sizeof fixed);
  put(header.user.data(), header.user.size());
  for (std::string_view arg : stored) {
    const uint32_t length = static_cast<uint32_t>(arg.size());
    put(&length, sizeof length);
    put(arg.data(), arg.size());
  }
  DCHECK(p == out->data() + out->size());
}

void SetItemSequence(std::string* item, uint64_t sequence) {
  CHECK(item->size() >= kItemSequenceOffset + sizeof sequence);
  std::memcpy(item->data() + kItemSequenceOffset, &sequence, sizeof sequence);
}

void SetItemSession(std::string* item, Session session) {
  constexpr size_t kOffset = kItemSequenceOffset - sizeof session;
  static_assert(kOffset == offsetof(FixedItem, node) + kItemSizeBytes);
  static_assert(sizeof session == 8 && offsetof(Session, boot) == 4);
  CHECK(item->size() >= kItemSequenceOffset);
  std::memcpy(item->data() + kOffset, &session, sizeof session);
}

void SetItemFlags(std::string* entry, size_t item_offset, uint8_t flags) {
  CHECK(entry->size() > item_offset + kItemFlagsOffset);
  (*entry)[item_offset + kItemFlagsOffset] = static_cast<char>(flags);
}

bool PeekItem(Reader* reader, ItemHeader* header, std::string_view* bytes) {
  const uint32_t size = reader->U32();
  const std::string_view body = reader->Raw(size);
  if (!reader->ok() || body.size() < sizeof(FixedItem)) return false;
  FixedItem fixed;
  std::memcpy(&fixed, body.data(), sizeof fixed);
  if (body.size() < sizeof fixed + fixed.user_size) return false;
  Unpack(fixed, body.substr(sizeof fixed, fixed.user_size), header);
  *bytes = std::string_view(body.data() - kItemSizeBytes, body.size() + kItemSizeBytes);
  return true;
}

bool CountArgs(const ItemHeader& header, std::string_view item, size_t* argc) {
  uint32_t count;
  std::memcpy(&count, item.data() + kItemSizeBytes + offsetof(FixedItem, argc), sizeof count);
  size_t left = item.size() - kItemSizeBytes - sizeof(FixedItem) - header.user.size();
  const char* p = item.data() + item.size() - left;
  *argc = count + (header.kind == ItemKind::kCommand ? size_t{1} : size_t{0});
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t length;
    if (left < sizeof length) return false;
    std::memcpy(&length, p, sizeof length);
    left -= sizeof length;
    if (left < length) return false;
    left -= length;
    p += sizeof length + length;
  }
  return left == 0;
}

bool ReadItem(Reader* reader, ItemHeader* header, std::vector<std::string_view>* args) {
  std::string_view bytes;
  if (!PeekItem(reader, header, &bytes)) return false;
  uint32_t argc;
  std::memcpy(&argc, bytes.data() + kItemSizeBytes + offsetof(FixedItem, argc), sizeof argc);
  const char* p = bytes.data() + kItemSizeBytes + sizeof(FixedItem) + header->user.size();
  const char* const end = bytes.data() + bytes.size();
  if (argc > static_cast<size_t>(end - p) / 4) return false;
  args->clear();
  if (header->kind == ItemKind::kCommand) args->emplace_back();
  for (uint32_t i = 0; i < argc; ++i) {
    uint32_t length;
    if (end - p < 4) return false;
    std::memcpy(&length, p, sizeof length);
    p += sizeof length;
    if (static_cast<size_t>(end - p) < length) return false;
    args->emplace_back(p, length);
    p += length;
  }
  return p == end;
}

void AppendEntryHeader(const EntryHeader& header, std::string* out) {
  const FixedEntry fixed = Pack(header);
  out->append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
}

void PatchEntryHeader(const EntryHeader& header, std::string* entry) {
  CHECK(entry->size() >= kEntryHeaderBytes);
  const FixedEntry fixed = Pack(header);
  std::memcpy(entry->data(), &fixed, sizeof fixed);
}

bool ReadEntryHeader(Reader* reader, EntryHeader* header) {
  const std::string_view bytes = reader->Raw(kEntryHeaderBytes);
  if (!reader->ok()) return false;
  FixedEntry fixed;
  std::memcpy(&fixed, bytes.data(), sizeof fixed);
  *header = {fixed.elapsed_ms, fixed.wall_ms, fixed.feature_version, fixed.flags, fixed.item_count};
  return true;
}

}  // namespace clustron::cluster
