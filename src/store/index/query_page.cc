#include "store/index/query_page.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/coding.h"

namespace clustron::store {

namespace {

// The same as SortValue, without copies.
using SortView = std::variant<std::monostate, double, std::string_view>;

SortView ViewOf(const IndexContent& content, const IndexedKey& key, const SortField& by) {
  if (by.field == kKeyItself) return key.name();
  return std::visit(
      [&](const auto& column) -> SortView {
        const auto keys = column.KeysOf(key.slot(by.field));
        if (keys.empty()) return {};
        const auto& chosen = by.descending ? keys.back() : keys.front();
        if constexpr (std::is_same_v<std::decay_t<decltype(chosen)>, double>) {
          return chosen;
        } else {
          return chosen->view();
        }
      },
      content.column(by.field));
}
SortView ViewOf(const SortValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* bytes = std::get_if<std::string>(&value)) return std::string_view(*bytes);
  return {};
}

// -1, 0, 1. What is absent comes last, whatever the direction.
int Compare(const SortView& a, const SortView& b, bool descending) {
  const bool a_absent = std::holds_alternative<std::monostate>(a);
  const bool b_absent = std::holds_alternative<std::monostate>(b);
  if (a_absent || b_absent) return static_cast<int>(a_absent) - static_cast<int>(b_absent);
  const int order = a < b ? -1 : b < a ? 1 : 0;
  return descending ? -order : order;
}

class RowOrder {
 public:
  RowOrder(const IndexContent& content, const std::vector<SortField>& sort)
      : content_(content), sort_(sort) {}

  bool Less(const IndexedKey& a, const IndexedKey& b) const {
    for (const SortField& by : sort_) {
      const int order = Compare(ViewOf(content_, a, by), ViewOf(content_, b, by), by.descending);
      if (order != 0) return order < 0;
    }
    return a.name() < b.name();
  }
  bool IsBehind(const IndexedKey& row, const QueryCursor& cursor) const {
    CHECK(cursor.values.size() == sort_.size());
    for (size_t i = 0; i < sort_.size(); i++) {
      const int order =
          Compare(ViewOf(content_, row, sort_[i]), ViewOf(cursor.values[i]), sort_[i].descending);
      if (order != 0) return order > 0;
    }
    return row.name() > cursor.key;
  }
  QueryCursor CursorOf(const IndexedKey& row) const {
    QueryCursor cursor{.values = {}, .key = std::string(row.name())};
    for (const SortField& by : sort_) cursor.values.push_back(SortValueOf(content_, row, by));
    return cursor;
  }

 private:
  const IndexContent& content_;
  const std::vector<SortField>& sort_;
};

// Keeps the first `limit` rows of all that are shown to it: a heap with the last one at its top.
class FirstRows {
 public:
  FirstRows(const RowOrder& order, uint64_t limit) : order_(order), limit_(limit) {}
  void Offer(const IndexedKey* row) {
    const auto less = [this](const IndexedKey* a, const IndexedKey* b) {
      return order_.Less(*a, *b);
    };
    if (rows_.size() < limit_) {
      rows_.push_back(row);
      if (rows_.size() == limit_) std::make_heap(rows_.begin(), rows_.end(), less);
      return;
    }
    dropped_ = true;
    if (limit_ == 0 || !less(row, rows_.front())) return;
    std::pop_heap(rows_.begin(), rows_.end(), less);
    rows_.back() = row;
    std::push_heap(rows_.begin(), rows_.end(), less);
  }
  std::vector<const IndexedKey*> Take() {
    std::sort(rows_.begin(), rows_.end(),
              [this](const IndexedKey* a, const IndexedKey* b) { return order_.Less(*a, *b); });
    return std::move(rows_);
  }
  bool dropped() const { return dropped_; }

 private:
  const RowOrder& order_;
  const uint64_t limit_;
  std::vector<const IndexedKey*> rows_;
  bool dropped_ = false;
};

// Keys of an index of names in order need no search and no sorting. Null: the query is another.
const BytesRange* OneNameRange(const IndexDefinition& definition, const PageRequest& request) {
  static const BytesRange kAllNames;
  if (definition.kind != IndexKind::kKeys) return nullptr;
  for (const SortField& by : request.sort)
    if (by.descending) return nullptr;
  if (request.where.kind == BoundQuery::Kind::kAll) return &kAllNames;
  if (request.where.kind != BoundQuery::Kind::kRanges || request.where.texts.size() != 1)
    return nullptr;
  return &request.where.texts[0];
}

Page WalkNames(const IndexContent& content, const BytesRange& range, const PageRequest& request) {
  const NameTree& names = content.names();
  const auto before = [](const BytesRange& r) {
    return [&r](const IndexedKey* key, uint32_t) { return r.Before(key->name()); };
  };
  const uint64_t first = names.Seek(before(range)).rank;
  const uint64_t end =
      names.Seek([&](const IndexedKey* key, uint32_t) { return range.UpTo(key->name()); }).rank;
  uint64_t at = first;
  if (request.after) {
    const BytesRange behind{.low = request.after->key, .low_open = true};
    at = std::max(at, names.Seek(before(behind)).rank);
  }
  Page page;
  // By ranks, so with those that are past their time and not removed yet: whether there are any is
  // not known everywhere alike.
  page.count = end > first ? end - first : 0;
  constexpr uint64_t kChunk = 64;
  while (at < end && !page.next) {
    const uint64_t chunk = std::min(kChunk, end - at);
    names.ForEach(names.At(at), chunk, [&](const IndexedKey* key, uint32_t) {
      if (page.next || (request.alive && !request.alive(*key))) return;
      if (page.rows.size() < request.limit) return page.rows.push_back(key);
      page.next = QueryCursor{};
    });
    at += chunk;
  }
  return page;
}

}  // namespace

SortValue SortValueOf(const IndexContent& content, const IndexedKey& key, const SortField& by) {
  const SortView view = ViewOf(content, key, by);
  if (const auto* number = std::get_if<double>(&view)) return *number;
  if (const auto* bytes = std::get_if<std::string_view>(&view)) return std::string(*bytes);
  return {};
}

std::expected<Page, TooManyVisits> RunPage(const IndexContent& content,
                                           const IndexDefinition& definition, uint64_t visits_max,
                                           const PageRequest& request) {
  const RowOrder order(content, request.sort);
  Page page;
  if (const BytesRange* names = OneNameRange(definition, request)) {
    page = WalkNames(content, *names, request);
  } else {
    Matcher matcher(content, definition, visits_max);
    const auto ids = matcher.Match(request.where);
    if (!ids) return std::unexpected(ids.error());
    FirstRows first(order, request.limit);
    uint64_t count = 0;
    constexpr size_t kAhead = 8;
    for (size_t i = 0; i < ids->size(); i++) {
      if (i + kAhead < ids->size()) __builtin_prefetch(content.At((*ids)[i + kAhead]));
      const IndexedKey* row = content.At((*ids)[i]);
      if (request.alive && !request.alive(*row)) continue;
      count++;
      if (request.after && !order.IsBehind(*row, *request.after)) continue;
      first.Offer(row);
    }
    page.count = count;
    page.rows = first.Take();
    if (first.dropped()) page.next = QueryCursor{};
  }
  if (page.rows.empty()) page.next.reset();
  if (page.next) page.next = order.CursorOf(*page.rows.back());
  return page;
}

bool FitsSort(const QueryCursor& cursor, const std::vector<SortField>& sort,
              const IndexDefinition& definition) {
  if (cursor.values.size() != sort.size()) return false;
  for (size_t i = 0; i < sort.size(); i++) {
    const SortValue& value = cursor.values[i];
    const bool number =
        sort[i].field != kKeyItself && definition.fields[sort[i].field].type == FieldType::kNum;
    if (std::holds_alternative<double>(value) && !number) return false;
    if (std::holds_alternative<std::string>(value) && number) return false;
  }
  return true;
}

// ---- cursors ----

namespace {

constexpr uint8_t kCursorVersion = 1;
constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string QueryCursor::Encode() const {
  std::string bytes;
  Writer w(&bytes);
  w.U8(kCursorVersion);
  w.U8(static_cast<uint8_t>(values.size()));
  for (const SortValue& value : values) {
    w.U8(static_cast<uint8_t>(value.index()));
    if (const auto* number = std::get_if<double>(&value)) w.U64(std::bit_cast<uint64_t>(*number));
    if (const auto* text = std::get_if<std::string>(&value)) w.Bytes(*text);
  }
  w.Bytes(key);
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kHexDigits[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

std::optional<QueryCursor> QueryCursor::Decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = kHexDigits.find(text[i]);
    const size_t low = kHexDigits.find(text[i + 1]);
    if (high == kHexDigits.npos || low == kHexDigits.npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  Reader r(bytes);
  if (r.U8() != kCursorVersion) return std::nullopt;
  QueryCursor cursor;
  const uint8_t count = r.U8();
  if (count > kSortFieldsMax) return std::nullopt;
  for (uint8_t i = 0; i < count; i++) {
    const uint8_t kind = r.U8();
    if (kind == 1) {
      const auto number = std::bit_cast<double>(r.U64());
      if (std::isnan(number)) return std::nullopt;
      cursor.values.emplace_back(number);
    } else if (kind == 2) {
      cursor.values.emplace_back(std::string(r.Bytes()));
    } else if (kind == 0) {
      cursor.values.emplace_back();
    } else {
      return std::nullopt;
    }
  }
  cursor.key = r.Bytes();
  if (!r.Done()) return std::nullopt;
  return cursor;
}

}  // namespace clustron::store
