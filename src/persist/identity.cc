#include "persist/identity.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/coding.h"
#include "persist/mark_file.h"

namespace clustron::persist {
namespace {

constexpr const char* kName = "identity";
// What makes a directory "used": names that only a node that had an identity leaves behind.
constexpr const char* kTraces[] = {"wal", "snapshots"};
constexpr const char* kTraceFiles[] = {"wal.a",     "wal.b",   "reserve.a",
                                       "reserve.b", "lease.a", "lease.b"};

std::string Encode(const Identity& identity) {
  std::string bytes;
  Writer out(&bytes);
  out.U32(identity.format_version);
  out.Bytes(identity.cluster_id);
  out.U32(identity.node_id);
  out.U64(identity.boot);
  out.U8(identity.log_created ? 1 : 0);
  out.Bytes(identity.extra);
  out.U64(identity.nonce);
  out.U8(identity.set_back ? 1 : 0);
  out.Bytes(identity.set_back_why);
  out.U64(identity.recovered_boot);
  out.U8(identity.loss_accepted ? 1 : 0);
  return bytes;
}

Result<Identity> Decode(const std::string& dir, std::string_view bytes) {
  Reader in(bytes);
  Identity identity;
  identity.format_version = in.U32();
  if (in.ok() && identity.format_version > kDataFormatVersion) {
    return Fail(Errc::kMismatch, dir + " was written by a newer version (format " +
                                     std::to_string(identity.format_version) + ")");
  }
  identity.cluster_id = std::string(in.Bytes());
  identity.node_id = in.U32();
  identity.boot = in.U64();
  identity.log_created = in.U8() != 0;
  identity.extra = std::string(in.Bytes());
  if (identity.format_version >= 2) {
    identity.nonce = in.U64();
    identity.set_back = in.U8() != 0;
    identity.set_back_why = std::string(in.Bytes());
    identity.recovered_boot = in.U64();
    identity.loss_accepted = in.U8() != 0;
  }
  identity.format_version = kDataFormatVersion;  // that of the next write
  if (!in.Done() || identity.node_id == 0) {
    return Fail(Errc::kCorruption, dir + ": the node's identity can't be read");
  }
  return identity;
}

// The name of something that only a node leaves behind, or "".
Result<std::string> FindTrace(Fs& fs, const std::string& dir) {
  for (const char* name : kTraceFiles) {
    if (fs.Exists(dir + "/" + name)) return std::string(name);
  }
  for (const char* name : kTraces) {
    const std::string path = dir + "/" + name;
    if (!fs.Exists(path)) continue;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.List(path));
    if (!names.empty()) return name + ("/" + names.front());
  }
  return std::string();
}

struct Loaded {
  std::optional<Identity> identity;
  MarkFile file;
};

Result<Loaded> LoadBoth(Fs& fs, const std::string& dir) {
  TRY(fs.MakeDir(dir));
  Loaded loaded{.identity = std::nullopt, .file = MarkFile(&fs, dir, kName)};
  TRY(loaded.file.Load());
  if (!loaded.file.value()) {
    if (!loaded.file.missing()) {
      return Fail(Errc::kCorruption,
                  dir +
                      ": both copies of the node's identity are damaged. This node can't "
                      "come back as it was: start it with an empty directory and "
                      "--cluster-take-place yes");
    }
    ASSIGN_OR_RETURN(const std::string trace, FindTrace(fs, dir));
    if (!trace.empty()) {
      return Fail(Errc::kCorruption, dir + " holds " + trace +
                                         " but no identity. It is not taken for an empty one: the "
                                         "files identity.a and identity.b are missing");
    }
    return loaded;
  }
  ASSIGN_OR_RETURN(loaded.identity, Decode(dir, *loaded.file.value()));
  return loaded;
}

}  // namespace

Result<std::optional<Identity>> IdentityFile::Load(Fs& fs, const std::string& dir) {
  ASSIGN_OR_RETURN(Loaded loaded, LoadBoth(fs, dir));
  return std::move(loaded.identity);
}

Status IdentityFile::Create(Fs& fs, const std::string& dir, const Identity& identity) {
  CHECK(identity.node_id != 0);
  ASSIGN_OR_RETURN(Loaded loaded, LoadBoth(fs, dir));
  if (loaded.identity) {
    return Fail(Errc::kExists, dir + " belongs to node " +
                                   std::to_string(loaded.identity->node_id) + " of cluster " +
                                   loaded.identity->cluster_id);
  }
  return loaded.file.WriteBoth(Encode(identity));
}

Status IdentityFile::Update(Fs& fs, const std::string& dir, const Identity& identity) {
  ASSIGN_OR_RETURN(Loaded loaded, LoadBoth(fs, dir));
  if (!loaded.identity) return Fail(Errc::kNotFound, dir + " has no identity");
  CHECK(loaded.identity->node_id == identity.node_id);
  CHECK(loaded.identity->cluster_id == identity.cluster_id);
  CHECK(loaded.identity->boot <= identity.boot);
  return loaded.file.WriteBoth(Encode(identity));
}

Result<Identity> IdentityFile::Boot(Fs& fs, const std::string& dir, uint64_t nonce) {
  CHECK(nonce != 0);
  ASSIGN_OR_RETURN(Loaded loaded, LoadBoth(fs, dir));
  if (!loaded.identity) return Fail(Errc::kNotFound, dir + " has no identity");
  Identity identity = *loaded.identity;
  identity.boot += loaded.file.damaged() ? 2 : 1;
  identity.nonce = nonce;
  TRY(loaded.file.WriteBoth(Encode(identity)));
  return identity;
}

}  // namespace clustron::persist
