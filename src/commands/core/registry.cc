#include "commands/core/registry.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/check.h"
#include "base/rng.h"

namespace clustron::commands {

namespace {

// Lower-case ASCII letters of eight bytes at once become upper case; everything else stays.
uint64_t FoldWord(uint64_t w) {
  const uint64_t low7 = w & 0x7f7f7f7f7f7f7f7fULL;
  const uint64_t from_a = low7 + 0x1f1f1f1f1f1f1f1fULL;   // bit 7 set from 'a' on
  const uint64_t above_z = low7 + 0x0505050505050505ULL;  // bit 7 set above 'z'
  const uint64_t ascii = ~w & 0x8080808080808080ULL;
  return w ^ ((from_a & ~above_z & ascii) >> 2);
}

// A name of up to 16 bytes, folded, as two words. Names are shorter than that in every row.
struct FoldedName {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const FoldedName&, const FoldedName&) = default;
};
constexpr size_t kNameBytesMax = 16;

// REQUIRES: name.size() <= kNameBytesMax.
FoldedName Fold(std::string_view name) {
  FoldedName folded;
  const size_t n = name.size();
  if (n >= 8) {
    uint64_t first, last;
    std::memcpy(&first, name.data(), 8);
    std::memcpy(&last, name.data() + n - 8, 8);
    folded.low = FoldWord(first);
    // The last eight bytes, of which 16 - n are in `low` already.
    folded.high = n == 8 ? 0 : FoldWord(last) >> ((16 - n) * 8);
  } else if (n >= 4) {
    uint32_t first, last;
    std::memcpy(&first, name.data(), 4);
    std::memcpy(&last, name.data() + n - 4, 4);
    const uint64_t tail = static_cast<uint64_t>(last) >> ((8 - n) * 8);
    folded.low = FoldWord(first | tail << 32);
  } else {
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) {
      word |= static_cast<uint64_t>(static_cast<unsigned char>(name[i])) << (8 * i);
    }
    folded.low = FoldWord(word);
  }
  return folded;
}

uint64_t HashOf(const FoldedName& name) {
  const uint64_t mixed = (name.low ^ (name.high * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;
  return mixed ^ (mixed >> 32);
}

bool EqualFold(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
    if (upper(a[i]) != upper(b[i])) return false;
  }
  return true;
}

[[noreturn]] void Malformed(const CommandSpec& row, const std::string& what) {
  std::fprintf(stderr, "command table: %.*s: %s\n", static_cast<int>(row.name.size()),
               row.name.data(), what.c_str());
  CheckFailed(__FILE__, __LINE__, "malformed command table");
}

void CheckRow(const CommandSpec& row, bool is_container) {
  if (row.name.empty()) Malformed(row, "no name");
  if (row.arity == 0) Malformed(row, "arity 0");
  if (row.handler == nullptr && !is_container) Malformed(row, "no handler");
  if ((row.cls == Class::kWrite) && row.id == 0) Malformed(row, "a write without an id");
  if (row.summary.empty()) Malformed(row, "no summary");
  if (row.inner != 0 && !row.Is(kWrapper)) Malformed(row, "an inner command, but no wrapper");
  if (row.Is(kWholeDbs) && row.written_dbs == nullptr) Malformed(row, "whole databases: which?");
  for (char c : row.name) {
    if (c >= 'a' && c <= 'z') Malformed(row, "names are upper case");
  }
  for (const KeySpec& spec : row.keys) {
    if (spec.begin == KeySpec::Begin::kIndex && spec.begin_index <= 0) {
      Malformed(row, "a key spec begins at argument 1 at least");
    }
    if (spec.find == KeySpec::Find::kRange && spec.step <= 0) Malformed(row, "key step");
  }
}

void CheckKeySpecs(const CommandSpec& row, std::span<const Argument> args) {
  for (const Argument& arg : args) {
    if (arg.key_spec_index >= static_cast<int>(row.keys.size())) {
      Malformed(row, "syntax: it has no key spec for " + arg.name);
    }
    CheckKeySpecs(row, arg.args);
  }
}

Arguments CheckedSyntax(const CommandSpec& row) {
  auto args = ParseSyntax(row.syntax);
  if (!args) Malformed(row, "syntax:\n" + ErrorText(row.syntax, args.error()));
  CheckKeySpecs(row, *args);
  return *std::move(args);
}

}  // namespace

struct Registry::Tables {
  struct Cell {
    FoldedName name;
    const CommandSpec* spec = nullptr;
    bool is_container = false;
  };
  struct Container {
    const CommandSpec* spec;
    std::vector<const CommandSpec*> subs;
  };
  static constexpr size_t kCells = 2048;  // a load under a third: most look-ups hit at once

  std::array<Cell, kCells> cells;
  std::vector<const CommandSpec*> all;
  std::vector<Container> containers;
  std::vector<const CommandSpec*> by_id;
  std::unordered_map<const CommandSpec*, Arguments> arguments;

  Container* FindContainer(const CommandSpec* spec) {
    for (Container& c : containers) {
      if (c.spec == spec) return &c;
    }
    return nullptr;
  }
  const Container* FindContainer(const CommandSpec* spec) const {
    return const_cast<Tables*>(this)->FindContainer(spec);
  }
  const Cell* Lookup(std::string_view name) const {
    if (name.size() > kNameBytesMax) return nullptr;
    const FoldedName folded = Fold(name);
    for (size_t at = HashOf(folded) % kCells;; at = (at + 1) % kCells) {
      const Cell& cell = cells[at];
      if (cell.spec == nullptr) return nullptr;
      if (cell.name == folded && cell.spec->name.size() == name.size()) return &cell;
    }
  }
  void Insert(const CommandSpec& row);
  void InsertSub(const CommandSpec& row, const Registry& registry);
  void NoteId(const CommandSpec& row);
  void Check(const CommandSpec& row, bool is_container) {
    CheckRow(row, is_container);
    arguments.emplace(&row, CheckedSyntax(row));
  }
};

void Registry::Tables::NoteId(const CommandSpec& row) {
  if (row.id == 0) return;
  if (by_id.size() <= row.id) by_id.resize(row.id + 1U);
  if (by_id[row.id] != nullptr) Malformed(row, "its id is taken");
  by_id[row.id] = &row;
}

void Registry::Tables::Insert(const CommandSpec& row) {
  if (row.name.size() > kNameBytesMax) Malformed(row, "the name is longer than 16 bytes");
  const FoldedName name = Fold(row.name);
  size_t at = HashOf(name) % kCells;
  for (; cells[at].spec != nullptr; at = (at + 1) % kCells) {
    if (cells[at].name == name) Malformed(row, "there twice");
  }
  cells[at] = {name, &row, false};
  all.push_back(&row);
  if (all.size() > kCells / 3) Malformed(row, "too many commands for the look-up table");
  NoteId(row);
}

void Registry::Tables::InsertSub(const CommandSpec& row, const Registry& registry) {
  const size_t bar = row.name.find('|');
  const CommandSpec* parent = registry.Find(row.name.substr(0, bar));
  if (parent == nullptr) Malformed(row, "its container has no row");
  Container* container = FindContainer(parent);
  if (container == nullptr) {
    const_cast<Cell*>(Lookup(parent->name))->is_container = true;
    containers.push_back({parent, {}});
    container = &containers.back();
  }
  for (const CommandSpec* other : container->subs) {
    if (EqualFold(other->name, row.name)) Malformed(row, "there twice");
  }
  container->subs.push_back(&row);
  NoteId(row);
}

Registry::Registry() {
  auto tables = std::make_unique<Tables>();
  tables_ = tables.get();
  for (FamilyFn family : kFamilies) {
    for (const CommandSpec& row : family()) {
      if (row.name.find('|') == std::string_view::npos) tables->Insert(row);
    }
  }
  for (FamilyFn family : kFamilies) {
    for (const CommandSpec& row : family()) {
      if (row.name.find('|') != std::string_view::npos) tables->InsertSub(row, *this);
    }
  }
  for (const CommandSpec* row : tables->all) {
    const Tables::Container* container = tables->FindContainer(row);
    tables->Check(*row, container != nullptr);
    if (container == nullptr) continue;
    for (const CommandSpec* sub : container->subs) tables->Check(*sub, false);
  }
  static_cast<void>(tables.release());  // the process's, for ever
}

const Registry& Registry::Get() {
  static const Registry registry;
  return registry;
}

const CommandSpec* Registry::Find(std::string_view name) const {
  const Tables::Cell* cell = tables_->Lookup(name);
  return cell == nullptr ? nullptr : cell->spec;
}

const CommandSpec* Registry::FindSub(const CommandSpec& container, std::string_view sub) const {
  const Tables::Container* found = tables_->FindContainer(&container);
  if (found == nullptr) return nullptr;
  const size_t prefix = container.name.size() + 1;
  for (const CommandSpec* row : found->subs) {
    if (EqualFold(row->name.substr(prefix), sub)) return row;
  }
  return nullptr;
}

const CommandSpec* Registry::Resolve(std::span<const std::string_view> args,
                                     const CommandSpec** container) const {
  *container = nullptr;
  if (args.empty()) return nullptr;
  const Tables::Cell* cell = tables_->Lookup(args[0]);
  if (cell == nullptr) return nullptr;
  // COMPAT: a container alone is itself (COMMAND) or fails by its arity (OBJECT).
  if (!cell->is_container || args.size() < 2) return cell->spec;
  if (const CommandSpec* sub = FindSub(*cell->spec, args[1])) return sub;
  // TXN IF … THEN …: what is no subcommand is its own call.
  if (cell->spec->Is(kWrapper | kOwnCalls)) return cell->spec;
  *container = cell->spec;
  return nullptr;
}

const CommandSpec* Registry::ById(uint16_t id) const {
  return id < tables_->by_id.size() ? tables_->by_id[id] : nullptr;
}

std::span<const CommandSpec* const> Registry::All() const { return tables_->all; }

std::span<const CommandSpec* const> Registry::Subcommands(const CommandSpec& container) const {
  const Tables::Container* found = tables_->FindContainer(&container);
  if (found == nullptr) return {};
  return found->subs;
}

std::span<const Argument> Registry::ArgumentsOf(const CommandSpec& row) const {
  const auto found = tables_->arguments.find(&row);
  CHECK(found != tables_->arguments.end());
  return found->second;
}

}  // namespace clustron::commands
