// What a command is: one row of data. From these rows come dispatch, arity, key extraction, the ACL
// categories, COMMAND and its subcommands, the generated part of redis-compat.md and the fuzzers'
// dictionary. Rows are constant, live for ever, and are listed per family (see registry.h).
//
// A row stands in its family's *.spec.h. The formatter would give each field a line of its own, so
// rows are laid out by hand: the fields in this order, and a line or more for each of these themes.
//
//     name, id, since, arity, cls      what it is, and where it runs
//     group, flags, acl                of which kind it is
//     keys, handler, …                 what is run; most of what only few rows have stands here
//     syntax                           its arguments
//     summary, complexity              for people
//     tips, …, compat, compat_note     what else clients and operators are told
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace clustron::store {
class Store;
}

namespace clustron::commands {

class Context;

// Where a command runs. Decided here and nowhere else.
enum class Class : uint8_t {
  kLocal,   // at the connection, in its turn: needs no state, or only this node's own
  kRead,    // on this node's state, after a read index (linearizable) and in the connection's order
  kWrite,   // as an item of a log entry, on every node
  kLeader,  // in the leader's memory (keepalives): forwarded there, never logged
};

enum Flag : uint64_t {
  kWriteFlag = 1u << 0,  // those that COMMAND prints, by Redis's names
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubsub = 1u << 4,
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,
  kStale = 1u << 8,
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kAsking = 1u << 11,
  kFast = 1u << 12,
  kNoAuth = 1u << 13,
  kMovableKeys = 1u << 14,
  kAllowBusy = 1u << 15,
  kNoAsyncLoading = 1u << 16,
  kNoMandatoryKeys = 1u << 17,
  kNoMulti = 1u << 18,
  // Ours, not printed.
  kLocalState = 1u << 24,  // the answer is this node's, not the log's: refused in Lua and TXN
  kCoalesce = 1u << 25,    // may be tried as a read first (commands/generic/expire.h)
  kNoGuard = 1u << 27,     // its keys name locks, not data: guards don't apply
  kWrapper = 1u << 26,     // ONCE, LOCK DO …: takes class, keys and ACL from the inner command
  // Local commands that only change how the connection is read on (SELECT, MULTI …) or nothing: run
  // when parsed, also while earlier ones wait; the reply keeps its place.
  kEarly = 1u << 29,
  // The commands behind it are not looked at before it has run (WATCH, SUBSCRIBE …).
  kStalls = 1u << 28,
  // Reply or work may be more than some 1 KB beyond what its arguments take: inside of EXEC it is
  // undone with the rest when the item's budget is passed. Alone such a command asks before it
  // changes anything (Context::Spend, over_budget).
  kWide = 1u << 30,
  kActsInMulti = uint64_t{1} << 32,  // acts at once between MULTI and EXEC: it is not queued
  kRunsQueue = uint64_t{1} << 33,    // runs what MULTI has queued (EXEC); class and work are theirs
  kMayReplicate = uint64_t{1} << 34,  // no write, but Redis replicates it: paused as one
  kNeverHeld = uint64_t{1} << 35,     // CLIENT PAUSE does not hold it
  kStopsNode = uint64_t{1} << 36,     // this node stops for it
  kWholeDbs = uint64_t{1} << 37,  // changes all keys of the databases it writes to (written_dbs)
  kWhenSubscribed = uint64_t{1} << 38,  // a RESP2 client that has subscribed may send it
  kSelectsDb = uint64_t{1} << 39,       // the commands behind it run in the database it names
  kUnversioned = uint64_t{1} << 40,     // what it tells of a key may change and leave its revision
  kMadeHere = uint64_t{1} << 41,  // what it logs is made of this node's memory when its turn comes
  kOwnCalls = uint64_t{1} << 42,  // a container: what is none of its subcommands is its own call
};

// ACL categories, in Redis's order.
enum Acl : uint32_t {
  kAclKeyspace = 1u << 0,
  kAclRead = 1u << 1,
  kAclWrite = 1u << 2,
  kAclSet = 1u << 3,
  kAclSortedSet = 1u << 4,
  kAclList = 1u << 5,
  kAclHash = 1u << 6,
  kAclString = 1u << 7,
  kAclBitmap = 1u << 8,
  kAclHyperLogLog = 1u << 9,
  kAclGeo = 1u << 10,
  kAclStream = 1u << 11,
  kAclPubsub = 1u << 12,
  kAclAdmin = 1u << 13,
  kAclFast = 1u << 14,
  kAclSlow = 1u << 15,
  kAclBlocking = 1u << 16,
  kAclDangerous = 1u << 17,
  kAclConnection = 1u << 18,
  kAclTransaction = 1u << 19,
  kAclScripting = 1u << 20,
};

enum class Group : uint8_t {
  kGeneric,
  kString,
  kList,
  kSet,
  kSortedSet,
  kHash,
  kPubsub,
  kTransactions,
  kConnection,
  kServer,
  kScripting,
  kHyperLogLog,
  kCluster,
  kSentinel,
  kGeo,
  kStream,
  kBitmap,
  kCoordination,  // ours: LEASE, LOCK, TXN, ONCE, WATCHKEY, INDEX
};

// How the keys of a command are found, as COMMAND INFO describes it.
struct KeySpec {
  enum Flags : uint32_t {
    kRw = 1,  // exactly one of the first four
    kRo = 2,
    kOw = 4,
    kRm = 8,
    kAccess = 16,
    kUpdate = 32,
    kInsert = 64,
    kDelete = 128,
    kNotKey = 256,
    kIncomplete = 512,
    kVariableFlags = 1024,
  };
  enum class Begin : uint8_t { kIndex, kKeyword, kUnknown };
  enum class Find : uint8_t { kRange, kKeyNum, kUnknown };
  uint32_t flags = 0;
  Begin begin = Begin::kIndex;
  int begin_index = 1;            // kIndex: position; kKeyword: where to start searching
  std::string_view keyword = {};  // kKeyword
  Find find = Find::kRange;
  int last = 0;  // kRange, relative to begin; negative: from the end
  int step = 1;
  int limit = 0;
  int keynum_index = 0;  // kKeyNum, relative to begin
  int first_key = 0;
  int keynum_step = 1;
  std::string_view note = {};
};

// How our behaviour compares with Redis's; printed in redis-compat.md.
enum class Compat : uint8_t { kFull, kPartial, kExtension };

// A key of a call, for ACL, guards, COMMAND GETKEYS(ANDFLAGS).
struct KeyRef {
  int index;       // into args
  uint32_t flags;  // KeySpec::Flags
};
// Movable keys: appends what the call names. False on a malformed call ("Invalid arguments").
using KeysFn = bool (*)(std::span<const std::string_view> args, std::vector<KeyRef>* out);
// A family declares its handlers as `HandlerFn CmdGet, CmdSet;`.
using HandlerFn = void(Context& ctx);
using Handler = HandlerFn*;

// The databases that a call writes to, in the order in which guards are asked: at most two.
struct WrittenDbs {
  int count = 0;
  int db[2] = {};
};

// A lock that a call names, and the token that it shows for it, as text.
struct ShownLock {
  std::string_view name;
  std::string_view token;
};

// Arguments that the slow log must not show: `count` of them behind each word `behind`, in any
// case; behind the command's name if that is empty. 0: none.
struct Secrets {
  static constexpr uint8_t kAll = UINT8_MAX;
  std::string_view behind = {};
  uint8_t count = 0;
};

struct CommandSpec {
  std::string_view name;  // "GETEX"; of a subcommand "CLIENT|SETNAME"
  // Stable number in log entries, never reused; 0: never in the log. Ranges per family: strings and
  // bitmaps 1xx, keys and expiry 2xx, hashes 3xx, server and transactions 4xx, LEASE 50x, LOCK 55x,
  // TXN and ONCE 60x and 65x, lists 70x, WATCHKEY 75x, INDEX 80x.
  uint16_t id = 0;
  std::string_view since = "1.0.0";
  int arity = -1;  // counts the command's name, of a subcommand both words; negative: at least
  Class cls = Class::kLocal;

  Group group = Group::kGeneric;
  uint64_t flags = 0;  // Flag
  // Further categories; kFast/kSlow, kRead/kWrite, kAdmin + kDangerous, kPubsub and kBlocking
  // follow from the flags, as in Redis.
  uint32_t acl = 0;

  std::span<const KeySpec> keys = {};
  KeysFn get_keys = nullptr;  // for extraction where key specs can't say it
  Handler handler = nullptr;  // null: a container whose subcommands have rows of their own
  // For a command whose class depends on its arguments (wrappers, LOCK RENEW …); null for most.
  Class (*class_of)(std::span<const std::string_view> args) = nullptr;
  // kWrapper: the argument that the inner command begins with; 0: it holds several (TXN).
  uint8_t inner = 0;
  // kWrapper: the lock whose token opens guards for the inner command (LOCK DO); null: none.
  ShownLock (*shown_lock)(std::span<const std::string_view> args) = nullptr;
  // kWrapper: whether a call in an entry answers without running the inner command (ONCE).
  bool (*is_repeat)(std::span<const std::string_view> args, const Context& ctx) = nullptr;
  // For writes to other databases than the caller's `db` (MOVE, COPY …), which may have names. Of a
  // call that will fail anyway: the caller's.
  WrittenDbs (*written_dbs)(std::span<const std::string_view> args, int db,
                            const store::Store& store) = nullptr;
  // For a call that writes to all keys of its database that begin with something (FLUSHDB PREFIX).
  std::optional<std::string_view> (*written_prefix)(std::span<const std::string_view> args) =
      nullptr;
  // kBlocking: whether this call may wait; null: each may.
  bool (*may_wait)(std::span<const std::string_view> args) = nullptr;
  // Whether the reply is sent though CLIENT REPLY says no; `off`: it said OFF, not SKIP.
  bool (*answers_muted)(std::span<const std::string_view> args, bool off) = nullptr;
  Secrets secrets = {};
  // The code of the error if the call, with all that it runs, would cost more than an item may.
  std::string_view over_budget = "ERR";
  // kWide: only a call of at least so many arguments (its options make it so).
  uint8_t wide_args = 0;
  // A call of so many arguments or more may take several entries (Verdict::rest): the connection's
  // next commands wait for all of them. 0: none does.
  uint8_t sliced_args = 0;
  // The feature version (cluster/log/feature_version.h) by which every node knows the command: it
  // is refused while a member runs a program that does not. Of a call, where that depends on the
  // arguments: then an entry of an earlier version answers it with an error, as programs of its
  // time did.
  uint16_t feature_version = 1;
  uint16_t (*feature_version_of)(std::span<const std::string_view> args) = nullptr;

  // Its arguments: "key seconds:int [NX|XX]". See syntax.h for the notation.
  std::string_view syntax = {};
  std::string_view summary = {};
  std::string_view complexity = {};
  std::string_view tips = {};  // Redis's hints to clients and proxies, by single blanks
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  Compat compat = Compat::kFull;
  std::string_view compat_note = {};  // what differs; names the case that shows it

  uint16_t FeatureVersionOf(std::span<const std::string_view> call) const {
    return feature_version_of != nullptr ? feature_version_of(call) : feature_version;
  }
  // Where this call runs.
  Class ClassOf(std::span<const std::string_view> call) const {
    return class_of != nullptr ? class_of(call) : cls;
  }
  bool MayWait(std::span<const std::string_view> call) const {
    return Is(kBlocking) && (may_wait == nullptr || may_wait(call));
  }
  bool Is(uint64_t flag) const { return (flags & flag) != 0; }
  // See kWide. What wraps another command counts as wide, whatever that is.
  bool IsWide(std::span<const std::string_view> call) const {
    return Is(kWrapper) || (Is(kWide) && call.size() >= wide_args);
  }
  bool MayTakeEntries(std::span<const std::string_view> call) const {
    return sliced_args != 0 && call.size() >= sliced_args;
  }
  // Redis's arity rule. `argc` counts the name.
  bool ArityOk(size_t argc) const {
    const int n = static_cast<int>(argc);
    return arity >= 0 ? n == arity : n >= -arity;
  }
  // Whether a call of so many arguments can be run: a container can't.
  bool Accepts(size_t argc) const { return handler != nullptr && ArityOk(argc); }
};

// Key specs that rows share: one key behind the command's name, unless said otherwise.
inline constexpr KeySpec kKeyMeta1[] = {{.flags = KeySpec::kRo}};
inline constexpr KeySpec kKeyMetaAll[] = {{.flags = KeySpec::kRo, .last = -1}};
inline constexpr KeySpec kKeyMetaSub[] = {{.flags = KeySpec::kRo, .begin_index = 2}};  // OBJECT …
inline constexpr KeySpec kKeyRead1[] = {{.flags = KeySpec::kRo | KeySpec::kAccess}};
inline constexpr KeySpec kKeyReadAll[] = {{.flags = KeySpec::kRo | KeySpec::kAccess, .last = -1}};
inline constexpr KeySpec kKeyUpdate1[] = {{.flags = KeySpec::kRw | KeySpec::kUpdate}};
inline constexpr KeySpec kKeyReadUpdate1[] = {
    {.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kUpdate}};
inline constexpr KeySpec kKeyInsert1[] = {{.flags = KeySpec::kRw | KeySpec::kInsert}};
inline constexpr KeySpec kKeyDelete1[] = {{.flags = KeySpec::kRw | KeySpec::kDelete}};
inline constexpr KeySpec kKeyReadDelete1[] = {
    {.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kDelete}};
inline constexpr KeySpec kKeyOverwrite1[] = {{.flags = KeySpec::kOw | KeySpec::kUpdate}};
inline constexpr KeySpec kKeyRemoveAll[] = {{.flags = KeySpec::kRm | KeySpec::kDelete, .last = -1}};
// What is done depends on the arguments: get_keys says it (SET, BITFIELD).
inline constexpr KeySpec kKeyVariable1[] = {
    {.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kUpdate | KeySpec::kVariableFlags}};
// The keys of a wrapped command: only its own row knows where they are.
inline constexpr KeySpec kWrappedKeys = {
    .flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kUpdate | KeySpec::kIncomplete,
    .begin = KeySpec::Begin::kUnknown,
    .find = KeySpec::Find::kUnknown};
inline constexpr KeySpec kKeysWrapped[] = {kWrappedKeys};

}  // namespace clustron::commands
