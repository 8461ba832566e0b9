// What an item of kind kWaits says of those who wait for keys (store/tables/wait_table.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/coding.h"
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
    kPark = 'p',  // the leader's: nobody of this owner is to be served; args: node, boot
    kBack = 'b',  // the owner's: its waiters are served again
    kEnd = 'e',   // the owner's: one has waited enough; args: id, how
  };
  What what = What::kPark;
  Session owner;  // kPark
  uint64_t id = 0;
  WaitEnd how = WaitEnd::kGone;
};

// An item of the leader's own, or of its owner's session (numbered like any other).
inline std::string WaitItem(const WaitNews& news, Session session) {
  const auto what = static_cast<char>(news.what);
  std::string rest;
  Writer writer(&rest);
  if (news.what == WaitNews::What::kPark) {
    writer.U32(news.owner.node);
    writer.U32(news.owner.boot);
  } else if (news.what == WaitNews::What::kEnd) {
    writer.U64(news.id);
    writer.U8(static_cast<uint8_t>(news.how));
  }
  const std::string_view args[] = {std::string_view(&what, 1), rest};
  std::string item;
  AppendItem({.kind = ItemKind::kWaits, .session = session}, args, &item);
  return item;
}

// The arguments of such an item; nothing: they are malformed.
inline std::optional<WaitNews> ReadWaitNews(const Session& session,
                                            std::span<const std::string_view> args) {
  if (args.size() != 2 || args[0].size() != 1) return std::nullopt;
  WaitNews news;
  news.what = static_cast<WaitNews::What>(args[0][0]);
  Reader reader(args[1]);
  switch (news.what) {
    case WaitNews::What::kPark:
      if (session.node != 0) return std::nullopt;
      news.owner.node = reader.U32();
      news.owner.boot = reader.U32();
      break;
    case WaitNews::What::kBack:
    case WaitNews::What::kEnd:
      if (session.node == 0) return std::nullopt;
      news.owner = session;
      if (news.what == WaitNews::What::kBack) break;
      news.id = reader.U64();
      news.how = static_cast<WaitEnd>(reader.U8());
      if (news.how > WaitEnd::kUnblocked) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  if (!reader.Done()) return std::nullopt;
  return news;
}

}  // namespace clustron::cluster
