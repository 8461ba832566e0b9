#include "tests/support/models.h"

#include <algorithm>

#include "base/check.h"
#include "base/numeric.h"

namespace clustron::test {

std::string Answer::ToString() const {
  switch (kind) {
    case Kind::kNone:
      return "?";
    case Kind::kNil:
      return "nil";
    case Kind::kOk:
      return "OK";
    case Kind::kInteger:
      return std::to_string(integer);
    case Kind::kText:
      return "\"" + text + "\"";
  }
  return "";
}

namespace {

bool Known(int64_t return_ns) { return return_ns != kNever; }

// --- Strings -------------------------------------------------------------------------------------

using Strings = StringsModel;

Answer RunString(const Strings::Command& c, Strings::Cell* cell) {
  const Answer old = cell->present ? Answer::Text(cell->value) : Answer::Nil();
  const auto put = [&](const std::string& value) {
    if (!cell->present) cell->expire_from = 0;
    cell->present = true;
    cell->value = value;
  };
  switch (c.kind) {
    case Strings::Kind::kGet:
      return old;
    case Strings::Kind::kSet:
      put(c.text);
      cell->expire_from = 0;
      return Answer::Ok();
    case Strings::Kind::kSetExpire:
      put(c.text);
      cell->expire_from = c.expire_from;
      return Answer::Ok();
    case Strings::Kind::kSetNx:
      if (cell->present) return Answer::Nil();
      put(c.text);
      return Answer::Ok();
    case Strings::Kind::kGetSet:
      put(c.text);
      cell->expire_from = 0;
      return old;
    case Strings::Kind::kDelete: {
      const bool was = cell->present;
      *cell = {};
      return Answer::Integer(was ? 1 : 0);
    }
    case Strings::Kind::kAppend:
      put(cell->present ? cell->value + c.text : c.text);
      return Answer::Integer(static_cast<int64_t>(cell->value.size()));
    case Strings::Kind::kIncrBy: {
      const auto value = cell->present ? ParseInt64(cell->value) : std::optional<int64_t>(0);
      if (!value) return {};  // an error; the workloads don't ask for it
      put(std::to_string(*value + c.number));
      return Answer::Integer(*value + c.number);
    }
    case Strings::Kind::kExpire:
      if (!cell->present) return Answer::Integer(0);
      cell->expire_from = c.expire_from;
      return Answer::Integer(1);
    case Strings::Kind::kPersist: {
      const bool had = cell->present && cell->expire_from != 0;
      cell->expire_from = 0;
      return Answer::Integer(had ? 1 : 0);
    }
    case Strings::Kind::kExists:
      return Answer::Integer(cell->present ? 1 : 0);
  }
  return {};
}

bool Holds(const Strings::State& state, const Strings::Condition& condition) {
  const Strings::Cell& cell = state.cells[condition.key];
  return cell.present == condition.present && (!cell.present || cell.value == condition.value);
}

void StepStrings(Strings::State state, const Strings::Op& op, std::vector<Strings::State>* next) {
  bool hold = true;
  for (const Strings::Condition& c : op.conditions) hold = hold && Holds(state, c);
  const bool known = Known(op.return_ns);
  if (known && !op.conditions_held) {
    if (!hold || op.may_fail_spuriously) next->push_back(std::move(state));
    return;
  }
  if (!hold) return;  // unknown: it changed nothing, which is as if it never happened
  for (const Strings::Command& c : op.commands) {
    const Answer answer = RunString(c, &state.cells[c.key]);
    if (known && answer != c.answer) return;
  }
  next->push_back(std::move(state));
}

const char* NameOf(Strings::Kind kind) {
  static constexpr const char* kNames[] = {"GET",    "SET",    "SET PX", "SET NX",  "GETSET", "DEL",
                                           "APPEND", "INCRBY", "EXPIRE", "PERSIST", "EXISTS"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace

void StringsModel::State::Mix(StateHash* hash) const {
  for (size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    if (!cell.present) continue;
    hash->Add(i + 1);
    hash->Add(static_cast<uint64_t>(cell.expire_from));
    hash->Add(cell.value);
  }
}

void StringsModel::Step(const State& state, const Op& op, std::vector<State>* next) {
  State base = state;
  uint32_t highest = 0;
  for (const Command& c : op.commands) highest = std::max(highest, c.key);
  for (const Condition& c : op.conditions) highest = std::max(highest, c.key);
  if (base.cells.size() <= highest) base.cells.resize(highest + 1);
  // A key whose time may have come is there or gone: both are tried.
  std::vector<uint32_t> mortal;
  for (uint32_t i = 0; i <= highest; ++i) {
    const Cell& cell = base.cells[i];
    if (!cell.present || cell.expire_from == 0 || op.return_ns < cell.expire_from) continue;
    const bool named = std::any_of(op.commands.begin(), op.commands.end(),
                                   [i](const Command& c) { return c.key == i; }) ||
                       std::any_of(op.conditions.begin(), op.conditions.end(),
                                   [i](const Condition& c) { return c.key == i; });
    if (named && mortal.size() < 4) mortal.push_back(i);
  }
  for (uint32_t gone = 0; gone < (1u << mortal.size()); ++gone) {
    State start = base;
    for (size_t i = 0; i < mortal.size(); ++i) {
      if ((gone >> i) & 1) start.cells[mortal[i]] = {};
    }
    StepStrings(std::move(start), op, next);
  }
}

std::string StringsModel::Describe(const Op& op) {
  std::string text;
  for (const Condition& c : op.conditions) {
    text +=
        "if k" + std::to_string(c.key) + "=" + (c.present ? "\"" + c.value + "\"" : "nil") + " ";
  }
  if (!op.conditions.empty()) text += op.conditions_held ? "(held) " : "(did not hold) ";
  for (const Command& c : op.commands) {
    text += std::string(NameOf(c.kind)) + " k" + std::to_string(c.key);
    if (!c.text.empty()) text += " \"" + c.text + "\"";
    if (c.number != 0) text += " " + std::to_string(c.number);
    if (c.expire_from != 0) text += " ends>=" + std::to_string(c.expire_from / 1000) + "us";
    text += " -> " + (Known(op.return_ns) ? c.answer.ToString() : "?") + "; ";
  }
  return text;
}

// --- Hash ----------------------------------------------------------------------------------------

void HashModel::State::Mix(StateHash* hash) const {
  for (const auto& [field, value] : fields) {
    hash->Add(field);
    hash->Add(value);
  }
}

void HashModel::Step(const State& state, const Op& op, std::vector<State>* next) {
  State after = state;
  Answer answer;
  bool all_equal = true;
  const auto it = after.fields.find(op.field);
  const bool found = it != after.fields.end();
  switch (op.kind) {
    case Kind::kSet:
      answer = Answer::Integer(found ? 0 : 1);
      after.fields[op.field] = op.text;
      break;
    case Kind::kGet:
      answer = found ? Answer::Text(it->second) : Answer::Nil();
      break;
    case Kind::kDelete:
      answer = Answer::Integer(found ? 1 : 0);
      if (found) after.fields.erase(it);
      break;
    case Kind::kIncrBy: {
      const auto value = found ? ParseInt64(it->second) : std::optional<int64_t>(0);
      if (!value) return;
      answer = Answer::Integer(*value + op.number);
      after.fields[op.field] = std::to_string(answer.integer);
      break;
    }
    case Kind::kLength:
      answer = Answer::Integer(static_cast<int64_t>(after.fields.size()));
      break;
    case Kind::kGetAll:
      answer = op.answer;
      all_equal = after.fields == op.all;
      break;
    case Kind::kDrop:
      answer = Answer::Integer(after.fields.empty() ? 0 : 1);
      after.fields.clear();
      break;
  }
  if (Known(op.return_ns) && (answer != op.answer || !all_equal)) return;
  next->push_back(std::move(after));
}

std::string HashModel::Describe(const Op& op) {
  static constexpr const char* kNames[] = {"HSET", "HGET",    "HDEL", "HINCRBY",
                                           "HLEN", "HGETALL", "DEL"};
  std::string text = std::string(kNames[static_cast<size_t>(op.kind)]) + " " + op.field;
  if (!op.text.empty()) text += " \"" + op.text + "\"";
  if (op.number != 0) text += " " + std::to_string(op.number);
  text += " -> ";
  if (op.kind == Kind::kGetAll) {
    for (const auto& [field, value] : op.all) text += field + "=" + value + " ";
  } else {
    text += op.answer.ToString();
  }
  return text;
}

// --- Lists ---------------------------------------------------------------------------------------

void ListsModel::State::Mix(StateHash* hash) const {
  for (const auto& list : lists) {
    hash->Add(list.size());
    for (const std::string& element : list) hash->Add(element);
  }
}

namespace {

using Elements = std::vector<std::string>;

std::string TakeOff(Elements* list, bool back) {
  std::string element = back ? list->back() : list->front();
  list->erase(back ? list->end() - 1 : list->begin());
  return element;
}

void PutOn(Elements* list, bool back, const std::string& element) {
  list->insert(back ? list->end() : list->begin(), element);
}

Answer LengthOf(const Elements& list) { return Answer::Integer(static_cast<int64_t>(list.size())); }

}  // namespace

void ListsModel::Step(const State& state, const Op& op, std::vector<State>* next) {
  State after = state;
  Answer answer;
  bool all_equal = true;
  Elements& list = after.lists[op.list];
  switch (op.kind) {
    case Kind::kPush:
      PutOn(&list, op.back, op.text);
      answer = LengthOf(list);
      break;
    case Kind::kPop:
      answer = list.empty() ? Answer::Nil() : Answer::Text(TakeOff(&list, op.back));
      break;
    case Kind::kPopEither: {
      const size_t from = list.empty() ? 1 - op.list : op.list;
      answer = Answer::Nil();
      if (after.lists[from].empty()) break;
      answer = Answer::Text(std::to_string(from) + " " + TakeOff(&after.lists[from], op.back));
      break;
    }
    case Kind::kMove:
    case Kind::kRotate: {
      answer = Answer::Nil();
      if (list.empty()) break;
      const std::string element = TakeOff(&list, op.back);
      PutOn(op.kind == Kind::kMove ? &after.lists[1 - op.list] : &list, op.to_back, element);
      answer = Answer::Text(element);
      break;
    }
    case Kind::kLength:
      answer = LengthOf(list);
      break;
    case Kind::kAll:
      answer = op.answer;
      all_equal = list == op.all;
      break;
    case Kind::kRemove:
      answer = Answer::Integer(static_cast<int64_t>(std::erase(list, op.text)));
      break;
    case Kind::kInsert: {
      const auto at = std::find(list.begin(), list.end(), op.pivot);
      answer = Answer::Integer(list.empty() ? 0 : -1);
      if (at == list.end()) break;
      list.insert(at, op.text);
      answer = LengthOf(list);
      break;
    }
    case Kind::kDrop:
      answer = Answer::Integer(list.empty() ? 0 : 1);
      list.clear();
      break;
  }
  if (Known(op.return_ns) && (answer != op.answer || !all_equal)) return;
  next->push_back(std::move(after));
}

std::string ListsModel::Describe(const Op& op) {
  static constexpr const char* kNames[] = {"push",  "pop",  "move",   "rotate", "length",
                                           "range", "LREM", "insert", "DEL",    "pop either"};
  std::string text = std::string(kNames[static_cast<size_t>(op.kind)]) + " list " +
                     std::to_string(op.list) + (op.back ? " back" : " front");
  if (op.kind == Kind::kMove || op.kind == Kind::kRotate) text += op.to_back ? " back" : " front";
  if (!op.text.empty()) text += " \"" + op.text + "\"";
  if (!op.pivot.empty()) text += " before \"" + op.pivot + "\"";
  text += " -> ";
  if (op.kind == Kind::kAll) {
    for (const std::string& element : op.all) text += element + " ";
  } else {
    text += op.answer.ToString();
  }
  return text;
}

// --- Lock ----------------------------------------------------------------------------------------

void LockModel::State::Mix(StateHash* hash) const {
  hash->Add((held ? 1u : 0u) + (present ? 2u : 0u));
  hash->Add(static_cast<uint64_t>(token));
  hash->Add(static_cast<uint64_t>(expire_from));
  hash->Add(static_cast<uint64_t>(last_token));
  hash->Add(owner);
  hash->Add(value);
}

namespace {

void Free(LockModel::State* state) {
  state->held = false;
  state->token = 0;
  state->owner.clear();
  state->expire_from = 0;
}

void StepAcquire(LockModel::State state, const LockModel::Op& op,
                 std::vector<LockModel::State>* next) {
  const bool known = Known(op.return_ns);
  if (state.held && state.owner == op.owner) {  // the same attempt again: same token, not extended
    if (!known) {
      next->push_back(std::move(state));
      return;
    }
    if (!op.done) return;
    if (state.token == LockModel::kUnknownToken && op.token > state.last_token) {
      state.token = state.last_token = op.token;
    }
    if (state.token == op.token) next->push_back(std::move(state));
    return;
  }
  if (state.held) {
    if (!known) return;  // refused: as if it never happened
    if (op.done) return;
    if (state.token == LockModel::kUnknownToken && op.holder_token > state.last_token) {
      state.token = state.last_token = op.holder_token;
    }
    if (op.holder_token == 0 || op.holder_token == state.token) next->push_back(std::move(state));
    return;
  }
  if (known && !op.done) return;
  if (op.token <= state.last_token && (known || op.token != 0)) return;  // tokens rise
  state.held = true;
  state.owner = op.owner;
  state.expire_from = op.expire_from;
  const bool told = known || op.token != 0;
  state.token = told ? op.token : LockModel::kUnknownToken;
  if (told) state.last_token = op.token;
  next->push_back(std::move(state));
}

void StepLock(LockModel::State state, const LockModel::Op& op,
              std::vector<LockModel::State>* next) {
  const bool known = Known(op.return_ns);
  // A token is ours if it is the holder's; a holder whose token nobody knows may be anybody's only
  // if the asker could know it, which it could not.
  const bool ours = state.held && state.token == op.token;
  bool done = false;
  switch (op.kind) {
    case LockModel::Kind::kAcquire:
      StepAcquire(std::move(state), op, next);
      return;
    case LockModel::Kind::kRenew:
      done = ours;
      if (done) state.expire_from = std::max(state.expire_from, op.expire_from);
      break;
    case LockModel::Kind::kRelease:
      done = ours;
      if (done) Free(&state);
      break;
    case LockModel::Kind::kDoSet:
      done = ours;
      break;
    case LockModel::Kind::kPlainSet:
      done = !state.held;
      break;
    case LockModel::Kind::kGet:
      if (known && op.answer != (state.present ? Answer::Text(state.value) : Answer::Nil())) return;
      next->push_back(std::move(state));
      return;
  }
  if (known ? done != op.done : !done) return;
  if (done && (op.kind == LockModel::Kind::kDoSet || op.kind == LockModel::Kind::kPlainSet)) {
    state.present = true;
    state.value = op.text;
  }
  next->push_back(std::move(state));
}

}  // namespace

void LockModel::Step(const State& state, const Op& op, std::vector<State>* next) {
  StepLock(state, op, next);
  if (state.held && op.return_ns >= state.expire_from) {
    State gone = state;
    Free(&gone);
    StepLock(std::move(gone), op, next);
  }
}

std::string LockModel::Describe(const Op& op) {
  static constexpr const char* kNames[] = {"ACQUIRE", "RENEW", "RELEASE", "DO SET", "SET", "GET"};
  std::string text = kNames[static_cast<size_t>(op.kind)];
  if (!op.owner.empty()) text += " owner=" + op.owner;
  if (!op.text.empty()) text += " \"" + op.text + "\"";
  if (op.token != 0) text += " token=" + std::to_string(op.token);
  if (op.expire_from != 0) text += " ends>=" + std::to_string(op.expire_from / 1000) + "us";
  if (!Known(op.return_ns)) return text + " -> ?";
  if (op.kind == Kind::kGet) return text + " -> " + op.answer.ToString();
  text += op.done ? " -> done" : " -> refused";
  if (op.holder_token != 0) text += " holder=" + std::to_string(op.holder_token);
  return text;
}

// --- Lease ---------------------------------------------------------------------------------------

void LeaseModel::State::Mix(StateHash* hash) const {
  hash->Add((alive ? 1u : 0u) + (present ? 2u : 0u));
  hash->Add(static_cast<uint64_t>(expire_from));
  hash->Add(value);
}

namespace {

void StepLease(LeaseModel::State state, const LeaseModel::Op& op,
               std::vector<LeaseModel::State>* next) {
  const bool known = Known(op.return_ns);
  bool done = state.alive;
  switch (op.kind) {
    case LeaseModel::Kind::kGrant:
      done = true;
      if (!state.alive) {
        state.alive = true;
        state.expire_from = op.expire_from;
      }
      break;
    case LeaseModel::Kind::kKeepAlive:
      if (done) state.expire_from = std::max(state.expire_from, op.expire_from);
      break;
    case LeaseModel::Kind::kRevoke:
      state = {};
      break;
    case LeaseModel::Kind::kDoSet:
      if (done) {
        state.present = true;
        state.value = op.text;
      }
      break;
    case LeaseModel::Kind::kRead: {
      const Answer value = state.present ? Answer::Text(state.value) : Answer::Nil();
      if (known && (op.first != value || op.second != value)) return;
      done = op.done;
      break;
    }
    case LeaseModel::Kind::kAlive:
      break;
  }
  if (known ? done != op.done : !done) return;
  next->push_back(std::move(state));
}

}  // namespace

void LeaseModel::Step(const State& state, const Op& op, std::vector<State>* next) {
  StepLease(state, op, next);
  if (state.alive && op.return_ns >= state.expire_from) StepLease({}, op, next);
}

std::string LeaseModel::Describe(const Op& op) {
  static constexpr const char* kNames[] = {"GRANT", "KEEPALIVE", "REVOKE", "DO SET", "READ", "TTL"};
  std::string text = kNames[static_cast<size_t>(op.kind)];
  if (!op.text.empty()) text += " \"" + op.text + "\"";
  if (op.expire_from != 0) text += " ends>=" + std::to_string(op.expire_from / 1000) + "us";
  if (!Known(op.return_ns)) return text + " -> ?";
  if (op.kind == Kind::kRead) {
    return text + " -> " + op.first.ToString() + ", " + op.second.ToString();
  }
  return text + (op.done ? " -> done" : " -> gone");
}

}  // namespace clustron::test
