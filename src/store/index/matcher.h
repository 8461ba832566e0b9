// Which keys of an index match a query: the cheapest condition is walked, the others are asked of
// what it gives. THREAD: core loop.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "store/index/bound_query.h"
#include "store/index/index_content.h"

namespace clustron::store {

// A query that would visit more than it may.
struct TooManyVisits {
  uint64_t needed = 0;
  bool walks_all = false;  // no condition narrows it
};

class Matcher {
 public:
  // Both outlive it. `visits_max`: of pairs and keys.
  Matcher(const IndexContent& content, const IndexDefinition& definition, uint64_t visits_max)
      : content_(content), definition_(definition), visits_max_(visits_max) {}

  // The ids of all keys that match, each once, in no useful order.
  std::expected<std::vector<uint32_t>, TooManyVisits> Match(const BoundQuery& query);
  uint64_t visits() const { return visits_; }

  // What Match charges for each key or pair: to ask it a few conditions costs no more than to come
  // to it, to ask it hundreds does.
  static uint64_t WeightOf(const BoundQuery& query);
  // How many pairs walking would visit, if there are conditions that can be walked.
  std::optional<uint64_t> WalkCost(const BoundQuery& query) const;
  bool Matches(const BoundQuery& query, const IndexedKey& key) const;
  // What Match would do, a line a step.
  std::vector<std::string> Explain(const BoundQuery& query) const;

 private:
  using Ids = std::vector<uint32_t>;
  using Marks = std::vector<bool>;

  // REQUIRES: WalkCost() says that it can be walked.
  Ids Walk(const BoundQuery& query);
  Ids WalkRanges(const BoundQuery& query);
  Ids WalkAnd(const BoundQuery& query);
  Ids WalkOr(const BoundQuery& query);
  Ids TestAll(const BoundQuery& query);
  Marks MarksOf(const Ids& ids) const;
  // Leaves in `ids` what matches.
  void Keep(const BoundQuery& query, Ids* ids);
  size_t Driver(const BoundQuery& all) const;
  bool ToBeMarked(const BoundQuery& walked, uint64_t candidates) const;
  void ExplainPart(const BoundQuery& query, std::string indent, std::string_view how,
                   std::vector<std::string>* lines) const;
  std::string NameOf(size_t field) const;

  const IndexContent& content_;
  const IndexDefinition& definition_;
  const uint64_t visits_max_;
  uint64_t visits_ = 0;
};

}  // namespace clustron::store
