#include "state/entry_check.h"

#include <cstdlib>
#include <vector>

#include "cluster/log/wait_item.h"
#include "commands/core/registry.h"
#include "store/keyspace/settings.h"
#include "store/keyspace/store.h"

namespace clustron::state {

using cluster::ItemHeader;
using cluster::ItemKind;

namespace {

constexpr std::string_view kMalformed = "its bytes are no entry";

std::string OfVersion(uint16_t version, uint16_t supported) {
  return "feature version " + std::to_string(version) + ", this program knows up to " +
         std::to_string(supported);
}

std::string WhyNotCommand(const ItemHeader& header, size_t argc) {
  const commands::CommandSpec* spec = commands::Registry::Get().ById(header.command_id);
  if (spec == nullptr || spec->handler == nullptr)
    return "it holds a command with the id " + std::to_string(header.command_id) +
           ", which this program does not know";
  if (header.db >= store::kDatabases)
    return "it holds a " + std::string(spec->name) + " in database " + std::to_string(header.db) +
           ", and there are " + std::to_string(store::kDatabases);
  // COMPAT: the item of an EXEC has its queue as arguments, more than the command takes.
  if (argc < static_cast<size_t>(std::abs(spec->arity)))
    return "it holds a " + std::string(spec->name) + " with too few arguments";
  // Others run at a connection or on a node's state, and find neither here. (A renewal above the
  // granted TTL, which is the leader's to answer otherwise, is an entry.)
  const bool logged = spec->cls == commands::Class::kWrite || spec->cls == commands::Class::kLeader;
  if (spec->class_of == nullptr && !logged)
    return "it holds a " + std::string(spec->name) + ", which is no write";
  if (header.resp_version != 2 && header.resp_version != 3)
    return "it holds a " + std::string(spec->name) + " of an unknown protocol version";
  return {};
}

bool SizesAre(const std::vector<std::string_view>& args, std::initializer_list<int> sizes) {
  if (args.size() != sizes.size()) return false;
  size_t i = 0;
  for (const int size : sizes) {
    if (size >= 0 && args[i].size() != static_cast<size_t>(size)) return false;
    ++i;
  }
  return true;
}

// What the server proposes itself. Sizes of arguments as entry.h has them; -1: any.
std::string WhyNotSystem(const ItemHeader& header, const std::vector<std::string_view>& args,
                         uint16_t supported) {
  bool good = false;
  switch (header.kind) {
    case ItemKind::kCommand:
      return WhyNotCommand(header, args.size());
    case ItemKind::kVoid:
    case ItemKind::kSnapshot:
      good = true;
      break;
    case ItemKind::kLeaseEnd:
      good = SizesAre(args, {-1, 8, 8});
      break;
    case ItemKind::kLockEnd:
      good = SizesAre(args, {1, -1, 8, 8});
      break;
    case ItemKind::kEndSession:
      good = SizesAre(args, {4});
      break;
    case ItemKind::kReserve:
      good = SizesAre(args, {8});
      break;
    case ItemKind::kRaiseVersion: {
      good = SizesAre(args, {2});
      if (!good) break;
      const uint16_t version = Reader(args[0]).U16();
      if (version > supported) return "it raises the cluster to " + OfVersion(version, supported);
      break;
    }
    case ItemKind::kWaits:
      good = cluster::ReadWaitNews(header.session, args).has_value();
      break;
    case ItemKind::kSetting: {
      good = SizesAre(args, {-1, -1});
      if (!good) break;
      const OptionSpec* setting = store::FindSetting(args[0]);
      if (setting == nullptr || !store::Settings().Set(*setting, args[1]))
        return "it sets " + std::string(args[0]) + " to " + std::string(args[1]) +
               ", which this program does not know";
      break;
    }
    default:
      return "it holds an item of the kind " + std::to_string(static_cast<unsigned>(header.kind)) +
             ", which this program does not know";
  }
  return good ? std::string() : std::string(kMalformed);
}

}  // namespace

std::string WhyNotApplicable(std::string_view bytes, uint16_t supported) {
  Reader reader(bytes);
  cluster::EntryHeader entry;
  if (!cluster::ReadEntryHeader(&reader, &entry)) return std::string(kMalformed);
  if (entry.feature_version > supported)
    return "it is of " + OfVersion(entry.feature_version, supported);
  if ((entry.flags & ~cluster::kEntryFlagsKnown) != 0)
    return "it has flags (" + std::to_string(entry.flags) + ") that this program does not know";
  std::vector<std::string_view> args;
  for (uint32_t i = 0; i < entry.item_count; ++i) {
    ItemHeader header;
    std::string_view item;
    if (!cluster::PeekItem(&reader, &header, &item)) return std::string(kMalformed);
    size_t argc = 0;
    if (!cluster::CountArgs(header, item, &argc)) return std::string(kMalformed);
    std::string why;
    if (header.kind == ItemKind::kCommand) {
      why = WhyNotCommand(header, argc);
    } else {
      Reader again(item);
      if (!cluster::ReadItem(&again, &header, &args)) return std::string(kMalformed);
      why = WhyNotSystem(header, args, supported);
    }
    if (!why.empty()) return why;
  }
  return reader.Done() ? std::string() : std::string(kMalformed);
}

std::string WhyNotTaken(const ItemHeader& header, std::string_view item) {
  size_t argc = 0;
  if (!cluster::CountArgs(header, item, &argc)) return std::string(kMalformed);
  if (header.kind == ItemKind::kVoid) return {};
  if (header.kind == ItemKind::kWaits) {
    Reader reader(item);
    ItemHeader again;
    std::vector<std::string_view> args;
    const bool good = cluster::ReadItem(&reader, &again, &args) &&
                      cluster::ReadWaitNews(header.session, args).has_value();
    return good ? std::string() : std::string(kMalformed);
  }
  if (header.kind != ItemKind::kCommand) return "it is no client's";
  return WhyNotCommand(header, argc);
}

}  // namespace clustron::state
