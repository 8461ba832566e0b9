// What a slot of the log holds: an entry is the two clocks and a batch of items; an item is one
// client command or one thing that the server does itself. One encoding serves the WAL, the peers
// and apply. The bytes are described in entry.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "cluster/log/feature_version.h"

namespace clustron::cluster {

// The bounds of a batch. A bigger item is an entry alone.
inline constexpr size_t kBatchBytesMax = 256 * 1024;
inline constexpr uint32_t kBatchItemsMax = 1024;

enum class ItemKind : uint8_t {
  kCommand = 0,       // a client's write
  kVoid = 1,          // nothing, but its session number is used up
  kLeaseEnd = 2,      // args: id, grant revision, last renewal by an entry (8 bytes each)
  kLockEnd = 3,       // args: db (1 byte), name, token, last renewal by an entry (8 bytes each)
  kSnapshot = 4,      // every node writes a snapshot of the state behind this entry
  kEndSession = 5,    // args: node id (4 bytes): its membership ended
  kSetting = 6,       // args: name, value: a cluster-wide setting
  kReserve = 7,       // args: a revision (8 bytes): the next ones are above it
  kRaiseVersion = 8,  // args: a feature version (2 bytes): from here on its rules hold
  kWaits = 9,         // of those who wait for keys: see wait_item.h
};

// A client's place in the exactly-once rule: items of one session apply in the order of their
// numbers, each once. `node` 0: the server's own items, which have no session.
struct Session {
  uint32_t node = 0;
  uint32_t boot = 0;
  bool operator==(const Session&) const = default;
};

// The fixed part of an item. Views point into the entry.
struct ItemHeader {
  ItemKind kind = ItemKind::kCommand;
  uint8_t flags = 0;  // commands::ItemFlag
  uint16_t command_id = 0;
  uint8_t db = 0;
  uint8_t resp_version = 2;
  Session session;
  uint64_t sequence = 0;  // the first of a session is 1
  std::string_view user;  // empty: "default"
};

// Appends size, header and arguments. The first argument of a command (its name) is not stored: the
// id says it. Offsets of flags and sequence within the bytes are fixed (kFlagsOffset …), so that a
// number can be set when the item first leaves its node and a verdict when the leader batches it.
void AppendItem(const ItemHeader& header, std::span<const std::string_view> args, std::string* out);

inline constexpr size_t kItemSizeBytes = 4;
inline constexpr size_t kItemFlagsOffset = kItemSizeBytes + 1;
inline constexpr size_t kItemSequenceOffset = kItemSizeBytes + 16;

void SetItemSequence(std::string* item, uint64_t sequence);
void SetItemSession(std::string* item, Session session);
void SetItemFlags(std::string* entry, size_t item_offset, uint8_t flags);

// Decodes one item from the front of `reader`. `args` is cleared and refilled; of a command its
// first element is left empty for the caller to fill with the command's name. False: malformed.
bool ReadItem(Reader* reader, ItemHeader* header, std::vector<std::string_view>* args);
// How many arguments an item as PeekItem returned it has, a command's name included, without
// decoding them. False: malformed.
bool CountArgs(const ItemHeader& header, std::string_view item, size_t* argc);
// Only the header; `*bytes` is the whole encoded item, size included.
bool PeekItem(Reader* reader, ItemHeader* header, std::string_view* bytes);

// What is said of an entry as a whole.
enum EntryFlag : uint16_t {
  // What is due is seen gone but not removed: a CLIENT PAUSE holds where it was proposed.
  kEntryKeepsDue = 1,
  // Its leader was over maxmemory: no index is built on with it. From kBuildsStop on.
  kEntryNoMemory = 2,
};
inline constexpr uint16_t kEntryFlagsKnown = kEntryKeepsDue | kEntryNoMemory;

struct EntryHeader {
  int64_t elapsed_ms = 0;
  int64_t wall_ms = 0;
  uint16_t feature_version = kFirstFeatureVersion;  // in force where it was proposed
  uint16_t flags = 0;                               // EntryFlag
  uint32_t item_count = 0;
};
inline constexpr size_t kEntryHeaderBytes = 24;

void AppendEntryHeader(const EntryHeader& header, std::string* out);
// Overwrites the header at the front of an entry that was built behind a placeholder.
void PatchEntryHeader(const EntryHeader& header, std::string* entry);
bool ReadEntryHeader(Reader* reader, EntryHeader* header);

}  // namespace clustron::cluster
