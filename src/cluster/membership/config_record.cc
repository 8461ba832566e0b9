#include "cluster/membership/config_record.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/host_port.h"

namespace clustron::cluster {

namespace {

constexpr uint8_t kFormat = 1;
constexpr uint8_t kVotes = 1;
constexpr size_t kVotersMax = 64;  // of the consensus core
constexpr size_t kMembersMax = 128;

std::string NodesText(const std::vector<paxos::NodeId>& nodes) {
  std::string text;
  for (const paxos::NodeId node : nodes) text += (text.empty() ? "" : ",") + std::to_string(node);
  return text;
}

bool Sound(const ConfigRecord& record) {
  paxos::NodeId last = paxos::kNoNode;
  for (const Member& member : record.members) {
    if (member.node <= last) return false;
    last = member.node;
  }
  const size_t voters = RolesOf(record).voters.size();
  return voters >= 1 && voters <= kVotersMax && record.members.size() <= kMembersMax;
}

}  // namespace

std::string ListText(const std::vector<Member>& members) {
  std::string text;
  for (const Member& member : members) {
    text += (text.empty() ? "" : ",") + PrintHostPort(member.host, member.port);
    if (member.peer_port != member.port + kPeerPortOffset)
      text += "@" + std::to_string(member.peer_port);
  }
  return text;
}

bool SameList(const std::vector<Member>& a, const std::vector<Member>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Member& x, const Member& y) {
    return x.host == y.host && x.port == y.port;
  });
}

paxos::Members RolesOf(const ConfigRecord& record) {
  paxos::Members roles;
  for (const Member& member : record.members)
    (member.votes ? roles.voters : roles.learners).push_back(member.node);
  return roles;
}

std::string EncodeConfigRecord(const ConfigRecord& record) {
  CHECK(!record.members.empty());
  std::string out;
  Writer writer(&out);
  writer.U8(kFormat);
  writer.U64(record.version);
  writer.Varint(record.members.size());
  for (const Member& member : record.members) {
    writer.U32(member.node);
    writer.Bytes(member.host);
    writer.U16(member.port);
    writer.U16(member.peer_port);
    writer.U8(member.votes ? kVotes : 0);
  }
  return out;
}

Result<ConfigRecord> DecodeConfigRecord(std::string_view bytes) {
  Reader reader(bytes);
  if (const uint8_t format = reader.U8(); reader.ok() && format > kFormat)
    return Fail(Errc::kMismatch,
                "a configuration of format " + std::to_string(format) + ", of a later program");
  ConfigRecord record;
  record.version = reader.U64();
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    Member& member = record.members.emplace_back();
    member.node = reader.U32();
    member.host = reader.Bytes();
    member.port = reader.U16();
    member.peer_port = reader.U16();
    member.votes = reader.U8() == kVotes;
  }
  // What a later program means by other bits comes back otherwise.
  if (!reader.Done() || !Sound(record) || EncodeConfigRecord(record) != bytes)
    return Fail(Errc::kCorruption, "the configuration is malformed");
  return record;
}

std::string WhyNotUnder(const ConfigRecord& from, const ConfigRecord& to) {
  if (to == from) return {};
  const std::string version = "version " + std::to_string(to.version);
  if (to.version < from.version)
    return version + " of the configuration is older than " + std::to_string(from.version);
  if (to.version == from.version) return version + " of the configuration is another one here";
  const auto alone = [](const ConfigRecord& record) { return record.members.size() == 1; };
  if (alone(from) != alone(to))
    return "a node alone can't get members beside it yet, nor become alone";
  const std::vector<paxos::NodeId> before = RolesOf(from).voters;
  const std::vector<paxos::NodeId> after = RolesOf(to).voters;
  if (before != after)
    return "who votes can't be changed yet (it is nodes " + NodesText(before) + ", and would be " +
           NodesText(after) + ")";
  for (const Member& member : from.members) {
    const auto is = [&](const Member& other) { return other.node == member.node; };
    if (std::none_of(to.members.begin(), to.members.end(), is))
      return "node " + std::to_string(member.node) + " can't be taken out yet";
  }
  return {};
}

}  // namespace clustron::cluster
