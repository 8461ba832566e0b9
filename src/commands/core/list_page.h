// [AFTER x] [LIMIT n] of what lists rows in their order: LEASE LIST, LOCK LIST, WATCHKEY LIST, TXN
// LIST, INDEX LIST. The cursor is what the last row is called, so nothing is kept between pages,
// and a row that is there all the time comes once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/core/arg_cursor.h"
#include "commands/core/error_list.h"

namespace clustron::commands {

inline constexpr int64_t kListDefault = 1000;  // rows, unless LIMIT says otherwise
inline constexpr int64_t kListMax = 100'000;

// The value of LIMIT.
inline size_t TakeListLimit(ArgCursor& args) {
  return static_cast<size_t>(args.IntIn(1, kListMax, kErrListLimit));
}

// Of rows that have one name.
struct ListPage {
  std::optional<std::string_view> after = {};
  size_t limit = kListDefault;

  bool Behind(std::string_view name) const { return !after || name > *after; }
};

// All arguments that are left.
inline ListPage TakeListPage(ArgCursor& args) {
  ListPage page;
  while (args.HasNext()) {
    if (args.Option("AFTER")) {
      page.after = args.Next();
    } else if (args.Option("LIMIT")) {
      page.limit = TakeListLimit(args);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  return page;
}

}  // namespace clustron::commands
