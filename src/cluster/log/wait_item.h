// What an item of kind kWaits says of those who wait for keys (store/tables/wait_table.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cluster/log/entry.h"

namespace clustron::cluster {

// How a waiter's wait ends by its node's word: what its client is told, if it is there.
enum class WaitEnd : uint8_t {
  kGone = 0,       // nobody is there any more
  kTimeout = 1,    // the reply to a time-out
  kUnblocked = 2,  // -UNBLOCKED
};

struct WaitNews {
  enum class What : uint8_t {
    kPark = 'p',  // the leader's, or the owner's, which stops: nobody of it is to be served
    kBack = 'b',  // the owner's: its waiters are served again
    kEnd = 'e',   // the owner's: one has waited enough; args: id, how
  };
  What what = What::kPark;
  Session owner;  // kPark
  uint64_t id = 0;
  WaitEnd how = WaitEnd::kGone;
};

// An item of the leader's own, or of its owner's session (numbered like any other).
std::string WaitItem(const WaitNews& news, Session session);
// The arguments of such an item; nothing: they are malformed.
std::optional<WaitNews> ReadWaitNews(const Session& session,
                                     std::span<const std::string_view> args);

}  // namespace clustron::cluster
