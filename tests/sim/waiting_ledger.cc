#include "tests/sim/waiting_ledger.h"

#include <cstdio>
#include <utility>

#include "store/types/list/list_value.h"
#include "tests/sim/wait_watch.h"

namespace clustron::sim {

std::vector<std::string> ElementsOf(const Reply& reply) {
  if (reply.IsBulk()) return {reply.text};
  if (!reply.IsArray(2)) return {};
  std::vector<std::string> elements;
  for (const Reply& element : reply.elements[1].elements) elements.push_back(element.text);
  if (reply.elements[1].IsBulk()) elements.push_back(reply.elements[1].text);
  return elements;
}

bool RefusedForCertain(const Reply& reply) {
  return reply.IsError("LOCKED") || reply.IsError("BUSYKEY") ||
         reply.IsError("ERR nothing was done") ||
         reply.IsError("EXECABORT Transaction discarded because of previous errors") ||
         reply.text.find("needs feature version") != std::string::npos;
}

std::string WaitingLedger::NewTimeout(int64_t ms) {
  const uint64_t number = world_.next_value++;
  char text[64];
  if (ms == 0) {
    std::snprintf(text, sizeof text, "0e%llu", static_cast<unsigned long long>(number));
  } else {
    std::snprintf(text, sizeof text, "%.3f000%llu", static_cast<double>(ms) / 1000.0,
                  static_cast<unsigned long long>(number));
  }
  return text;
}

std::string WaitingLedger::NewElement() {
  std::string element = "e" + std::to_string(world_.next_value++);
  elements_[element] = {};
  return element;
}

void WaitingLedger::Pushed(const std::vector<std::string>& elements, Outcome outcome) {
  for (const std::string& element : elements) {
    elements_.at(element).there = outcome == Outcome::kReply;
    elements_.at(element).refused = outcome == Outcome::kNo;
  }
}

void WaitingLedger::End(const std::string& timeout, const Reply* reply) {
  Call& call = calls_.at(timeout);
  call.end_ns = world_.loop->now_ns();
  call.end = Call::End::kUnknown;
  if (reply == nullptr) return;
  if (reply->IsNil() || reply->IsError("UNBLOCKED")) {
    call.end = Call::End::kNothing;
    world_.report->Count(reply->IsNil() ? "waiting: timed out" : "waiting: unblocked");
    return;
  }
  if (RefusedForCertain(*reply)) {
    call.end = Call::End::kRefused;
    return;
  }
  const Outcome outcome = Judge(world_, *reply);
  if (outcome == Outcome::kNo) call.end = Call::End::kRefused;
  if (outcome != Outcome::kReply) return;
  call.end = Call::End::kElements;
  call.elements = ElementsOf(*reply);
  if (call.elements.empty()) Fail("the reply to a call that waited is " + reply->ToString());
  world_.report->Count("waiting: served", call.elements.size());
  if (call.moves) return;
  for (const std::string& element : call.elements) Take(element, timeout);
}

void WaitingLedger::Take(const std::string& element, const std::string& timeout) {
  const auto it = elements_.find(element);
  if (it == elements_.end()) return Fail(element + " was taken, and nobody has pushed it");
  if (it->second.refused) return Fail(element + " was taken, and its push was refused");
  std::string& taken_by = it->second.taken_by;
  if (!taken_by.empty() && taken_by != timeout)
    return Fail(element + " was taken twice: by the calls " + taken_by + " and " + timeout);
  taken_by = timeout;
}

// --- The judgement -------------------------------------------------------------------------------

void WaitingLedger::Check(const CallsThatWait& log, const store::Store& state) {
  for (const auto& [timeout, call] : calls_) {
    const auto it = log.by_timeout.find(timeout);
    if (it != log.by_timeout.end()) CheckCall(timeout, call, it->second);
  }
  CheckOrder(log);
  CheckElements(state);
}

void WaitingLedger::CheckCall(const std::string& timeout, const Call& call,
                              const CallThatWaits& logged) {
  if (logged.answers > 1)
    return Fail("the call " + timeout + " was answered " + std::to_string(logged.answers) +
                " times, at last at slot " + std::to_string(logged.answered));
  Reply reply;
  std::vector<std::string> elements;
  if (ParseReply(logged.reply, &reply) > 0) elements = ElementsOf(reply);
  const bool known = call.end == Call::End::kElements || call.end == Call::End::kNothing ||
                     call.end == Call::End::kRefused;
  if (known && elements != call.elements) {
    std::string text = "the call " + timeout + " was told at " +
                       std::to_string(call.end_ns / kMillisecond) + " ms: " + EndName(call.end);
    for (const std::string& element : call.elements) text += " " + element;
    text += "; by the log at slot " + std::to_string(logged.answered) + " it has got";
    for (const std::string& element : elements) text += " " + element;
    return Fail(text);
  }
  if (known) return;
  CheckLate(timeout, call, logged);
  // Nobody has them, and it is known why.
  if (elements.empty() || call.moves) return;
  world_.report->Count("waiting: taken for who was gone", elements.size());
  for (const std::string& element : elements) Take(element, timeout);
}

// In a healthy cluster nothing is taken off for a client that has been gone for some time.
void WaitingLedger::CheckLate(const std::string& timeout, const Call& call,
                              const CallThatWaits& logged) {
  if (call.end != Call::End::kUnknown || logged.answered == 0 || logged.reply.empty()) return;
  Reply reply;
  if (ParseReply(logged.reply, &reply) <= 0 || ElementsOf(reply).empty()) return;
  if (world_.healed_ns == 0 || call.end_ns < world_.healed_ns) return;
  if (logged.answered_ns - call.end_ns <= WaitWatch::kGoneNsMax) return;
  if (!world_.steady(call.end_ns, logged.answered_ns)) return;
  Fail("the client of call " + timeout + " was gone at " +
       std::to_string(call.end_ns / kMillisecond) + " ms, and was served at " +
       std::to_string(logged.answered_ns / kMillisecond) + " ms, slot " +
       std::to_string(logged.answered));
}

// Of those who wait for one key alone nobody is served before who has waited longer, unless that
// one wanted to move it: a lock of the target may have held it back.
void WaitingLedger::CheckOrder(const CallsThatWait& log) {
  struct Waited {
    const std::string* timeout;
    const CallThatWaits* call;
    bool served;
    bool moves;
  };
  std::map<std::pair<int, std::string>, std::vector<Waited>> queues;
  for (const auto& [timeout, call] : calls_) {
    const auto it = log.by_timeout.find(timeout);
    if (it == log.by_timeout.end() || it->second.entered == 0 || call.keys.size() != 1) continue;
    Reply reply;
    const bool served = it->second.answered != 0 && ParseReply(it->second.reply, &reply) > 0 &&
                        !ElementsOf(reply).empty();
    queues[{call.db, call.keys[0]}].push_back({&timeout, &it->second, served, call.moves});
  }
  for (const auto& [key, waited] : queues) {
    for (const Waited& later : waited) {
      if (!later.served) continue;
      world_.report->Count("waiting: turns checked");
      const paxos::Slot at = later.call->answered;
      for (const Waited& earlier : waited) {
        if (earlier.moves || earlier.call->entered >= later.call->entered) continue;
        if (earlier.call->answered != 0 && earlier.call->answered <= at) continue;
        if (log.MayBeSkipped(*earlier.call, at)) continue;
        Fail(key.second + ": the call " + *later.timeout + ", waiting from slot " +
             std::to_string(later.call->entered) + " on, was served at slot " + std::to_string(at) +
             " before " + *earlier.timeout + ", which waited from slot " +
             std::to_string(earlier.call->entered) + " on");
      }
    }
  }
}

// Each element is in one place, and each that was pushed for certain is in one.
void WaitingLedger::CheckElements(const store::Store& state) {
  if (!world_.losses.empty()) return;
  std::set<std::string> in_lists;
  for (const auto& [db, key] : lists_) {
    const store::KeyRecord* record = state.Find(db, key);
    if (record == nullptr) continue;
    ListOf(*record).ForEach(0, [&, k = &key](const store::ListElement& found) {
      store::NumberText room;
      const std::string element(found.View(room));
      if (!in_lists.insert(element).second) Fail(element + " is in " + *k + " and elsewhere");
      const auto it = elements_.find(element);
      if (it == elements_.end() || it->second.refused)
        Fail(element + " is in " + *k + ", and was not pushed");
      else if (!it->second.taken_by.empty())
        Fail(element + " is in " + *k + ", and was taken by the call " + it->second.taken_by);
      return true;
    });
  }
  // A node alone writes without a trace of the client in its log.
  size_t unknown = 0;
  if (world_.network->node_count() == 1) {
    for (const auto& [timeout, call] : calls_)
      if (call.end == Call::End::kUnknown) unknown += 2;
  }
  for (const auto& [name, element] : elements_) {
    if (!element.there || !element.taken_by.empty() || in_lists.contains(name)) continue;
    if (unknown > 0) {
      --unknown;
      continue;
    }
    Fail(name + " was pushed, no list has it, and nobody got it");
  }
  world_.report->Count("waiting: elements accounted for", elements_.size());
}

}  // namespace clustron::sim
