#include "cluster/log/wait_item.h"

#include "base/check.h"
#include "base/coding.h"

namespace clustron::cluster {

std::string WaitItem(const WaitNews& news, Session session) {
  CHECK(session.node != 0 || news.what == WaitNews::What::kPark);
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

std::optional<WaitNews> ReadWaitNews(const Session& session,
                                     std::span<const std::string_view> args) {
  if (args.size() != 2 || args[0].size() != 1) return std::nullopt;
  WaitNews news;
  news.what = static_cast<WaitNews::What>(args[0][0]);
  Reader reader(args[1]);
  switch (news.what) {
    case WaitNews::What::kPark:
      news.owner.node = reader.U32();
      news.owner.boot = reader.U32();
      if (session.node != 0 && news.owner != session) return std::nullopt;
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
