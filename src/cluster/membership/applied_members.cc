#include "cluster/membership/applied_members.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace clustron::cluster {

const Member* AppliedMembers::Find(paxos::NodeId node) const {
  const auto it =
      std::lower_bound(applied_.members.begin(), applied_.members.end(), node,
                       [](const Member& member, paxos::NodeId id) { return member.node < id; });
  return it != applied_.members.end() && it->node == node ? &*it : nullptr;
}

void AppliedMembers::BeginWith(ConfigRecord first) {
  CHECK(followers_.empty());
  CHECK(first.version == 0);
  first_ = std::move(first);
  staged_ = first_;
  Settle();
}

std::string AppliedMembers::WhyNotNext(std::string_view payload) const {
  const Result<ConfigRecord> next = DecodeConfigRecord(payload);
  if (!next) return next.error().detail;
  if (next->version != applied_.version + 1)
    return "it has version " + std::to_string(next->version) +
           " of the configuration, and version " + std::to_string(applied_.version) + " is applied";
  return WhyNotUnder(applied_, *next);
}

Status AppliedMembers::Stage(std::string_view bytes) {
  if (bytes.empty()) {
    staged_ = first_;
    return {};
  }
  ASSIGN_OR_RETURN(staged_, DecodeConfigRecord(bytes));
  return {};
}

void AppliedMembers::Settle() {
  if (!staged_) return;
  const bool changed = *staged_ != applied_;
  applied_ = *std::exchange(staged_, std::nullopt);
  alone_ = applied_.members.size() == 1;
  if (!changed) return;
  for (const std::function<void()>& follower : followers_) follower();
}

std::string AppliedMembers::Encode() const {
  return applied_.members.empty() ? std::string() : EncodeConfigRecord(applied_);
}

}  // namespace clustron::cluster
