#include "store/index/query_page.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/numeric.h"

namespace clustron::store {

namespace {

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

struct NameRun {
  uint64_t first = 0;
  uint64_t end = 0;
};

NameRun RunOf(const NameTree& names, const BytesRange& range) {
  NameRun run;
  run.first =
      names.Seek([&](const IndexedKey* key, uint32_t) { return range.Before(key->name()); }).rank;
  run.end =
      names.Seek([&](const IndexedKey* key, uint32_t) { return range.UpTo(key->name()); }).rank;
  run.end = std::max(run.first, run.end);
  return run;
}

// Goes on behind those that are not there until the page is full or the limit is reached.
std::expected<Page, TooManyVisits> WalkNames(const IndexContent& content, const BytesRange& range,
                                             uint64_t visits_max, const PageRequest& request) {
  const NameTree& names = content.names();
  const NameRun run = RunOf(names, range);
  uint64_t at = run.first;
  if (request.after) {
    const BytesRange behind{.low = request.after->key, .low_open = true};
    at = std::max(at, RunOf(names, behind).first);
  }
  const uint64_t begin = at;
  Page page;
  // By ranks, so with those that are past their time and not removed yet.
  page.count = run.end - run.first;
  std::array<const IndexedKey*, kFoundBatch> rows;
  while (at < run.end && !page.next && request.limit > 0) {
    const uint64_t count = std::min<uint64_t>(kFoundBatch, run.end - at);
    page.visits += count * VisitsOfRow(request.deadlines);
    // A page is bounded by its limit, unless many are past their time.
    if (page.visits > visits_max && at - begin > request.limit)
      return std::unexpected(
          TooManyVisits{.needed = page.visits, .by_rows = true, .made = page.visits});
    size_t living = 0;
    names.ForEach(names.At(at), count,
                  [&](const IndexedKey* key, uint32_t) { rows[living++] = key; });
    if (request.keep_living) living = request.keep_living(std::span(rows).first(living));
    for (size_t i = 0; i < living && !page.next; i++) {
      if (page.rows.size() < request.limit) {
        page.rows.push_back(rows[i]);
      } else {
        page.next = QueryCursor{};
      }
    }
    at += count;
  }
  return page;
}

QueryCursor CursorOf(const IndexContent& content, const std::vector<SortField>& sort,
                     const IndexedKey& row) {
  QueryCursor cursor{.values = {}, .key = std::string(row.name())};
  for (const SortField& by : sort) cursor.values.push_back(SortValueOf(content, row, by));
  return cursor;
}

// What each row that is found takes: nothing if all that is wanted is how many they are.
uint64_t VisitsOfEach(const PageRequest& request) {
  constexpr uint64_t kLargePage = 10'000;  // putting it in order takes as long as finding it
  if (request.limit == 0 && !request.deadlines) return 0;
  return VisitsOfRow(request.deadlines) + request.sort.size() +
         (request.limit > kLargePage ? 1 : 0);
}

void PickRows(const IndexContent& content, const std::vector<uint32_t>& ids,
              const PageRequest& request, Page* page) {
  const RowOrder order(content, request.sort, ids);
  FirstRows first(order, request.limit);
  std::optional<RowPlace> after;
  if (request.after) after.emplace(request.after->values, request.after->key);
  const uint64_t after_head = after ? order.HeadOf(*after) : 0;
  ForEachBatch(content, ids, request.keep_living, [&](std::span<const IndexedKey* const> rows) {
    page->count += rows.size();
    for (const IndexedKey* row : rows) order.FetchValue(*row);
    for (const IndexedKey* row : rows) {
      const uint64_t head = order.HeadOf(*row);
      if (after && (head < after_head || (head == after_head && !order.IsBehind(*row, *after))))
        continue;
      first.Offer(row, head);
    }
    return true;
  });
  page->rows = first.Take();
  if (first.dropped()) page->next = QueryCursor{};
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
  Page page;
  if (const BytesRange* names = OneNameRange(definition, request)) {
    auto walked = WalkNames(content, *names, visits_max, request);
    if (!walked) return walked;
    page = *std::move(walked);
  } else {
    const Matcher matcher(content, definition, request.where);
    const auto ids = matcher.Match(visits_max);
    if (!ids) return std::unexpected(ids.error());
    const uint64_t of_rows = ids->size() * VisitsOfEach(request);
    if (of_rows > visits_max)
      return std::unexpected(
          TooManyVisits{.needed = of_rows, .by_rows = true, .made = matcher.visits()});
    page.visits = matcher.visits() + of_rows;
    if (VisitsOfEach(request) == 0) {
      page.count = ids->size();
    } else {
      PickRows(content, *ids, request, &page);
    }
  }
  if (page.rows.empty()) page.next.reset();
  if (page.next) page.next = CursorOf(content, request.sort, *page.rows.back());
  return page;
}

std::vector<std::string> ExplainPage(const IndexContent& content, const IndexDefinition& definition,
                                     uint64_t visits_max, const PageRequest& request) {
  if (const BytesRange* names = OneNameRange(definition, request)) {
    const NameRun run = RunOf(content.names(), *names);
    return {"walks a page of the " + std::string(Decimal(run.end - run.first).view()) + " of " +
            std::string(Decimal(uint64_t{content.size()}).view()) + " keys, in their order"};
  }
  const Matcher matcher(content, definition, request.where);
  std::vector<std::string> lines = matcher.Explain();
  const uint64_t each = VisitsOfEach(request);
  if (matcher.visits() > visits_max) {
    lines[0] += ", which is refused";
  } else if (each > 0 && matcher.found_max() > visits_max / each) {
    lines[0] += ", and is refused if more than " + std::string(Decimal(visits_max / each).view()) +
                " match";
  }
  return lines;
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
