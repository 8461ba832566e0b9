// Which keys of an index match a query. A narrow one walks its narrowest conditions and asks the
// others of what they give; a wide one joins sets of ids, condition by condition.
//
// What that takes is known before it begins, in visits: a key that is looked at is one, and so are
// eight values that are only walked. A visit takes some 25 ns. THREAD: core loop.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "store/index/bound_query.h"
#include "store/index/id_set.h"
#include "store/index/index_content.h"

namespace clustron::store {

// A query that would visit more than it may.
struct TooManyVisits {
  uint64_t needed = 0;
  bool by_rows = false;  // its conditions were cheap, but too many keys match
  uint64_t made = 0;     // before it was refused
};

class Matcher {
 public:
  // All outlive it.
  Matcher(const IndexContent& content, const IndexDefinition& definition, const BoundQuery& query);

  // The ids of all keys that match, each once, in no useful order.
  std::expected<std::vector<uint32_t>, TooManyVisits> Match(uint64_t visits_max) const;
  // What Match takes.
  uint64_t visits() const { return visits_; }
  // How many keys can match, at most.
  uint64_t found_max() const { return root_.pairs.value_or(content_.size()); }

  static bool Matches(const IndexContent& content, const BoundQuery& query, const IndexedKey& key);
  // What Match would do, a line a step. The first line says what is walked; the caller may add to
  // it.
  std::vector<std::string> Explain() const;

 private:
  using Ids = std::vector<uint32_t>;
  // A part of the query, and what it costs.
  struct Step {
    const BoundQuery* query = nullptr;
    std::optional<uint64_t> pairs = {};  // that walking it visits; none: it can't be walked
    uint64_t ask = 0;                    // of a key, in eighths of a visit
    std::vector<Step> parts = {};        // as the query's
    std::vector<size_t> order = {};      // of an AND: its parts, those with the fewest pairs first
  };

  Step StepOf(const BoundQuery& query) const;
  static std::optional<uint64_t> PairsOf(const Step& step);
  // In eighths of a visit.
  uint64_t CostOfWalk(const Step& step) const;
  uint64_t CostOfSets(const Step& step, uint64_t candidates) const;

  // REQUIRES: it can be walked.
  Ids Walk(const Step& step) const;
  Ids WalkRanges(const Step& step) const;
  Ids WalkAnd(const Step& step) const;
  Ids WalkOr(const Step& step) const;
  // Whether a condition is cheaper to walk whole than to ask of so many.
  bool JoinsCheaper(const Step& part, uint64_t candidates) const;
  IdSet SetOf(const Step& ranges) const;
  // Leaves in `ids` what matches.
  void Narrow(const Step& step, IdSet* ids) const;
  void NarrowToRanges(const Step& step, IdSet* ids) const;
  void NarrowToAny(const Step& step, IdSet* ids) const;
  void Ask(const BoundQuery& query, Ids* ids) const;
  IdSet AllIds() const;

  // What becomes of a condition: joined are those of a wide query, as sets.
  enum class Way : uint8_t { kWalked, kAsked, kJoined };
  void ExplainPart(const Step& step, std::string indent, Way way,
                   std::vector<std::string>* lines) const;
  std::string NameOf(size_t field) const;

  const IndexContent& content_;
  const IndexDefinition& definition_;
  const Step root_;
  const bool narrow_;  // few keys can match
  const uint64_t visits_;
};

}  // namespace clustron::store
