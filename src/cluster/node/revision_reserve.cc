#include "cluster/node/revision_reserve.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

// Some seconds of writes at full speed.
constexpr uint64_t kReserveAhead = 16'000'000;

std::string ReserveItem(uint64_t revision) {
  std::string bytes;
  Writer(&bytes).U64(revision);
  const std::string_view args[] = {bytes};
  std::string item;
  AppendItem({.kind = ItemKind::kReserve}, args, &item);
  return item;
}

}  // namespace

uint64_t RevisionReserve::Used() const {
  return std::max({core_.state.revision(), core_.config.reserved_revision, left_out_});
}

bool RevisionReserve::Suffices() const {
  constexpr uint64_t kTakenMax = kReserveAhead / 4;
  return Used() + kTakenMax < durable_;
}

void RevisionReserve::Extend() {
  const uint64_t used = Used();
  if (!core_.config.weak_durability || used + kReserveAhead / 2 < asked_) return;
  CHECK(used + kReserveAhead > asked_);
  asked_ = used + kReserveAhead;
  const uint64_t value = asked_;
  core_.log.PersistReserve(value, [this, value] { durable_ = std::max(durable_, value); });
}

std::string RevisionReserve::TakeItem() {
  const uint64_t given = core_.config.reserved_revision;
  if (given <= core_.state.revision() || Planted(Bug::kReserveForgotten)) return {};
  // The log may have lost its end: numbers that were given out then are not given again.
  REACH("reserved numbers kept from being given again");
  durable_ = std::max(durable_, given);
  return ReserveItem(given);
}

std::string RevisionReserve::TakeLossItem() {
  REACH("numbers left out behind an accepted loss");
  const uint64_t now = core_.state.revision();
  left_out_ = std::max(now, std::min(now + 2 * kLossMax, kLeftOutMax));
  if (Planted(Bug::kLossTokensAgain)) left_out_ = now;
  Log(left_out_ > now ? LogLevel::kNotice : LogLevel::kWarning,
      "behind the loss that was accepted the revisions from {} to {} are left out{}", now + 1,
      left_out_,
      left_out_ > now
          ? ""
          : ": none are, since so many were left out before. Tokens may be given again");
  return ReserveItem(left_out_);
}

}  // namespace clustron::cluster
