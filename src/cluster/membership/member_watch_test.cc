#include "cluster/membership/member_watch.h"

#include <doctest/doctest.h>

#include <vector>

namespace clustron::cluster {
namespace {

using Nodes = std::vector<paxos::NodeId>;

const paxos::Members kThree{.voters = {1, 2, 3}, .learners = {}};
const paxos::Members kFive{.voters = {1, 2, 3, 4, 5}, .learners = {}};
constexpr MemberWatch::Options kOptions{.again_ns = 100, .silence_ns = 1000};
constexpr OwnLife kOwn{.node = 1, .boot = 3, .nonce = 33};
constexpr Introduction kTwoSays{.boot = 5, .nonce = 55, .held = {.ballot = {7, 2}, .slot = 70}};

MemberWatch Watch(const OwnLife& own = kOwn) { return MemberWatch(own, {}, kOptions, 0); }

// What this node says of it, once that is saved.
IntroductionAnswer Say(MemberWatch& watch, paxos::NodeId from, const Introduction& said,
                       uint64_t boot_in_state = 0) {
  watch.OnIntroduction(from, said, boot_in_state);
  watch.OnRecordsSaved(watch.records_version());
  const auto answers = watch.TakeAnswers();
  REQUIRE(answers.size() == 1u);
  REQUIRE(answers[0].to == from);
  return answers[0].answer;
}

IntroductionAnswer Recorded(const OwnLife& own) {
  return {.boot = own.boot, .nonce = own.nonce, .recovered_boot = own.recovered_boot};
}

// Its process ends and starts: all that was saved or went with the log.
MemberWatch Restarted(const MemberWatch& watch) {
  std::vector<MemberRecord> records;
  REQUIRE(DecodeRecords(EncodeRecords(watch.records()), &records));
  REQUIRE(DecodeAcknowledged(EncodeAcknowledged(watch.records()), &records));
  return MemberWatch(kOwn, records, kOptions, 0);
}

TEST_CASE("an introduction is said once a link, and again until it is answered") {
  MemberWatch watch = Watch();
  CHECK((watch.TakeDue({2, 3}, 1000) == Nodes{2, 3}));
  CHECK(watch.TakeDue({2, 3}, 1099).empty());
  watch.OnAnswer(2, {.boot = 3, .nonce = 32});  // to an earlier process
  CHECK((watch.TakeDue({2, 3}, 1100) == Nodes{2, 3}));
  watch.OnAnswer(2, Recorded(kOwn));
  CHECK((watch.TakeDue({2, 3}, 1300) == Nodes{3}));
  watch.OnLinkUp(2);
  CHECK((watch.TakeDue({2, 3}, 1301) == Nodes{2}));
}

TEST_CASE("each life of a member is told, whatever an earlier one answers") {
  IntroductionAnswer answer = Recorded(kOwn);
  answer.by = kTwoSays.nonce;
  Introduction next = kTwoSays;
  next.boot = 6;
  next.nonce = 66;
  MemberWatch watch = Watch();
  CHECK((watch.TakeDue({2}, 1000) == Nodes{2}));
  SUBCASE("before its next life is heard of") {
    watch.OnAnswer(2, answer);
    Say(watch, 2, kTwoSays);
    CHECK(watch.TakeDue({2}, 1300).empty());
    Say(watch, 2, next);
  }
  SUBCASE("before, by a version that doesn't say who answers") {
    Say(watch, 2, kTwoSays);
    watch.OnAnswer(2, Recorded(kOwn));
    Say(watch, 2, next);
  }
  SUBCASE("before one that is refused") {
    watch.OnAnswer(2, answer);
    watch.Refuse(2, next);
  }
  SUBCASE("before, while this node is halted") {
    Say(watch, 2, kTwoSays);
    watch.OnHeard(2);
    Say(watch, 2, next);
  }
  SUBCASE("after") {
    Say(watch, 2, kTwoSays);
    Say(watch, 2, next);
    watch.OnLinkUp(2);
    CHECK((watch.TakeDue({2}, 1200) == Nodes{2}));
    watch.OnAnswer(2, answer);
    CHECK(!watch.RecordedBy(2));
  }
  CHECK((watch.TakeDue({2}, 1300) == Nodes{2}));
  answer.by = next.nonce;
  watch.OnAnswer(2, answer);
  CHECK(watch.RecordedBy(2));
  CHECK(watch.TakeDue({2}, 1500).empty());
  // It comes with another boot in the same life, and a copy of the earlier one comes late.
  next.boot = 9;
  Say(watch, 2, next);
  Say(watch, 2, kTwoSays);
  CHECK(watch.TakeDue({2}, 1500).empty());
}

TEST_CASE("an introduction is answered, and what follows it taken, once it is saved") {
  MemberWatch watch = Watch();
  watch.OnIntroduction(2, kTwoSays, 0);
  CHECK(watch.records_version() == 1u);
  CHECK(!watch.Taken(2));
  CHECK(watch.TakeAnswers().empty());
  watch.OnRecordsSaved(1);
  CHECK(watch.Taken(2));
  CHECK(!watch.Taken(3));
  REQUIRE(watch.TakeAnswers().size() == 1u);
  CHECK(watch.TakeAnswers().empty());
  // The same on a new link: nothing is new.
  const IntroductionAnswer again = Say(watch, 2, kTwoSays);
  CHECK(watch.records_version() == 1u);
  CHECK(again.recorded);
  CHECK(!again.set_back);
}

TEST_CASE("rising boots are nothing special, however many are missed") {
  MemberWatch watch = Watch();
  Introduction said = kTwoSays;
  for (const uint64_t boot : {5, 6, 9}) {
    said.boot = boot;
    said.nonce = 100 + boot;
    CHECK(!Say(watch, 2, said).set_back);
    watch.OnStanding(2, {{7, 2}, 70});
  }
  CHECK(!watch.SetBack(2));
}

TEST_CASE("a boot that was seen before, with another nonce or below the newest, is an old copy") {
  MemberWatch before = Watch();
  CHECK(!Say(before, 2, kTwoSays).set_back);
  MemberWatch watch = Restarted(before);
  Introduction copy = kTwoSays;
  copy.nonce = 56;
  IntroductionAnswer answer = Say(watch, 2, copy);
  CHECK(answer.set_back);
  CHECK(!answer.recorded);
  CHECK(answer.known_boot == 5u);
  copy.boot = 3;
  answer = Say(watch, 2, copy);
  CHECK(answer.set_back);
  CHECK(!answer.recorded);
  // The newest start is still who it was.
  CHECK(!Say(watch, 2, kTwoSays).set_back);
}

TEST_CASE("a boot below that of the member's session in the state is an old copy") {
  MemberWatch watch = Watch();
  const IntroductionAnswer answer = Say(watch, 2, kTwoSays, 8);
  CHECK(answer.set_back);
  CHECK(!answer.recorded);
  CHECK(answer.known_boot == 8u);
  CHECK(!Say(watch, 3, kTwoSays, 5).set_back);  // its own of this start
}

TEST_CASE("a newer boot that holds less than was acknowledged is a copy made while it ran") {
  MemberWatch before = Watch();
  Say(before, 2, kTwoSays);
  before.OnStanding(2, {{7, 2}, 90});
  before.OnStanding(2, {{8, 3}, 80});  // late
  Introduction copy = kTwoSays;
  copy.boot = 6;
  copy.nonce = 66;
  SUBCASE("by its slots") { copy.held = {{8, 3}, 89}; }
  SUBCASE("by its ballot") { copy.held = {{8, 2}, 90}; }
  MemberWatch watch = Restarted(before);
  const IntroductionAnswer answer = Say(watch, 2, copy);
  CHECK(answer.set_back);
  CHECK(answer.recorded);
  CHECK(!answer.why.empty());
  CHECK(watch.SetBack(2));
  // Whatever it says later in this life, and in later ones that don't know of it.
  CHECK(Say(watch, 2, copy).set_back);
  copy.boot = 7;
  copy.nonce = 77;
  copy.held = {{100, 1}, 1000};
  MemberWatch later = Restarted(watch);
  CHECK(later.SetBack(2));
  CHECK(Say(later, 2, copy).set_back);
  // But no more once it has recovered, with less than it once had.
  copy.recovered_boot = 7;
  CHECK(!Say(later, 2, copy).set_back);
  CHECK(!later.SetBack(2));
  // What it said before that comes late.
  Introduction overtaken = copy;
  overtaken.recovered_boot = 0;
  overtaken.set_back = true;
  CHECK(!Say(later, 2, overtaken).set_back);
  CHECK(!later.SetBack(2));
  MemberWatch last = Restarted(later);
  copy.boot = 8;
  copy.nonce = 88;
  copy.held = {{8, 1}, 20};
  CHECK(!Say(last, 2, copy).set_back);
  // A copy from before it recovered is an old one again.
  copy.boot = 9;
  copy.nonce = 99;
  copy.recovered_boot = 0;
  CHECK(Say(last, 2, copy).set_back);
}

TEST_CASE("exactly what was acknowledged is enough") {
  MemberWatch watch = Watch();
  Say(watch, 2, kTwoSays);
  watch.OnStanding(2, {{9, 2}, 90});
  Introduction next = kTwoSays;
  next.boot = 6;
  next.nonce = 66;
  next.held = {{9, 2}, 90};
  CHECK(!Say(watch, 2, next).set_back);
}

TEST_CASE("a start votes when all have taken its introduction, or a majority and some time") {
  MemberWatch watch = Watch();
  CHECK(!watch.MayVote(kThree, 5000));
  watch.OnAnswer(2, Recorded(kOwn));
  CHECK(!watch.MayVote(kThree, 999));
  SUBCASE("all") {
    watch.OnAnswer(3, Recorded(kOwn));
    CHECK(watch.MayVote(kThree, 999));
  }
  SUBCASE("a majority") { CHECK(watch.MayVote(kThree, 1000)); }
  SUBCASE("less than a majority") {
    CHECK(!watch.MayVote(kFive, 1000));
    watch.OnAnswer(4, Recorded(kOwn));
    CHECK(watch.MayVote(kFive, 1000));
  }
  SUBCASE("one who has seen better ends it") {
    CHECK(watch.MayVote(kThree, 1000));
    IntroductionAnswer answer = Recorded(kOwn);
    answer.set_back = true;
    answer.why = "its log goes to slot 4";
    watch.OnAnswer(3, answer);
    CHECK(!watch.MayVote(kThree, 1001));
    CHECK(watch.own().set_back);
    CHECK(watch.own().why == "its log goes to slot 4");
  }
}

TEST_CASE("who is told that its boot is old comes with a later one, once that is saved") {
  MemberWatch watch = Watch();
  watch.OnAnswer(3, Recorded(kOwn));
  IntroductionAnswer answer = Recorded(kOwn);
  answer.recorded = false;
  answer.set_back = true;
  answer.known_boot = 7;
  watch.OnAnswer(2, answer);
  CHECK(watch.own().boot == 8u);
  CHECK(watch.own_version() == 1u);
  CHECK(watch.TakeDue({2, 3}, 5000).empty());
  watch.OnOwnSaved(1);
  CHECK((watch.TakeDue({2, 3}, 5000) == Nodes{2, 3}));
  CHECK(watch.OwnIntroduction().set_back);
  // What was said of the old number counts no more.
  CHECK(!watch.RecordedBy(3));
  watch.OnAnswer(3, Recorded(kOwn));
  CHECK(!watch.RecordedBy(3));
}

TEST_CASE("who was set back knows when all others have recorded it, and the highest ballot") {
  OwnLife own = kOwn;
  own.set_back = true;
  MemberWatch watch = Watch(own);
  IntroductionAnswer answer = Recorded(own);
  answer.set_back = true;
  answer.highest = {9, 3};
  answer.chosen = 30;
  watch.OnAnswer(3, answer);
  CHECK(!watch.RecordedByAll(kThree));
  answer.highest = {8, 2};
  answer.chosen = 40;
  answer.accepts_loss = true;
  watch.OnAnswer(2, answer);
  CHECK(watch.RecordedByAll(kThree));
  CHECK((watch.HighestTold(kThree) == Standing{{9, 3}, 40}));
  CHECK(!watch.MayVote(kThree, 1 << 20));
  CHECK(!watch.LossAccepted(kThree));
  watch.Recover();
  CHECK(!watch.MayVote(kThree, 1 << 20));
  watch.OnOwnSaved(watch.own_version());
  CHECK(watch.MayVote(kThree, 1));
  CHECK(watch.OwnIntroduction().recovered_boot == 3u);
  CHECK((watch.TakeDue({2, 3}, 1) == Nodes{2, 3}));
  watch.OnAnswer(2, answer);  // late: from before
  CHECK(watch.MayVote(kThree, 1));
  CHECK((watch.TakeDue({2, 3}, 101) == Nodes{2, 3}));
  answer.recovered_boot = 3;
  answer.set_back = false;
  watch.OnAnswer(2, answer);
  CHECK((watch.TakeDue({2, 3}, 201) == Nodes{3}));
}

TEST_CASE("a loss is accepted by every voter or by none") {
  OwnLife own = kOwn;
  own.set_back = true;
  own.accepts_loss = true;
  MemberWatch watch = Watch(own);
  IntroductionAnswer answer = Recorded(own);
  answer.accepts_loss = true;
  watch.OnAnswer(2, answer);
  CHECK(!watch.LossAccepted(kThree));
  watch.OnAnswer(3, Recorded(own));
  CHECK(!watch.LossAccepted(kThree));
  watch.OnAnswer(3, answer);
  CHECK(watch.LossAccepted(kThree));
  watch.Recover();
  CHECK(watch.own().loss_used);
  CHECK(!watch.own().accepts_loss);
  // Who was not set back itself has accepted it for the other, once.
  own.set_back = false;
  MemberWatch other = Watch(own);
  Introduction said = kTwoSays;
  said.set_back = true;
  Say(other, 2, said);
  CHECK(other.own().accepts_loss);
  said.set_back = false;
  said.recovered_boot = said.boot;
  Say(other, 2, said);
  CHECK(other.own().loss_used);
  CHECK(!other.own().accepts_loss);
  CHECK(other.own_version() == 1u);
}

TEST_CASE("who gave up what it lost votes, and is set back until a leader has come") {
  OwnLife own = kOwn;
  own.set_back = own.accepts_loss = true;
  MemberWatch watch = Watch(own);
  const uint64_t version = watch.own_version();
  for (const paxos::NodeId voter : {2, 3}) watch.OnAnswer(voter, Recorded(own));
  CHECK(!watch.MayVote(kThree, 1'000'000));
  watch.GiveUp();
  CHECK(watch.MayVote(kThree, 1));
  CHECK(watch.GaveUp(own.node));
  // The next start knows nothing of it.
  CHECK(watch.own().set_back);
  CHECK(watch.own().recovered_boot == kOwn.recovered_boot);
  CHECK(watch.own_version() == version);
  const Introduction said = watch.OwnIntroduction();
  CHECK(said.set_back);
  CHECK(said.recovered_boot == own.boot);
  // Answers to that take nothing back.
  IntroductionAnswer answer = Recorded(own);
  answer.recovered_boot = own.boot;
  answer.set_back = true;
  watch.OnAnswer(2, answer);
  CHECK(watch.MayVote(kThree, 1));
  watch.Recover();
  CHECK(!watch.AnyGaveUp());
  CHECK(watch.own().recovered_boot == own.boot);
}

TEST_CASE("another's vote counts once it gave up what it lost, and the loss is not used up yet") {
  OwnLife own = kOwn;
  own.accepts_loss = true;
  MemberWatch watch = Watch(own);
  Introduction two = kTwoSays;
  two.set_back = true;
  Say(watch, 2, two);
  CHECK(watch.SetBack(2));
  two.recovered_boot = two.boot;
  Say(watch, 2, two);
  CHECK(!watch.SetBack(2));
  CHECK(watch.GaveUp(2));
  CHECK(watch.own().accepts_loss);
  SUBCASE("a leader comes") {
    two.set_back = false;
    Say(watch, 2, two);
    CHECK(!watch.AnyGaveUp());
    CHECK(!watch.SetBack(2));
    CHECK(watch.own().loss_used);
  }
  SUBCASE("it starts again before that") {
    two.boot++;
    two.nonce++;
    two.recovered_boot = kTwoSays.recovered_boot;
    Say(watch, 2, two);
    CHECK(!watch.AnyGaveUp());
    CHECK(watch.SetBack(2));
    CHECK(watch.own().accepts_loss);
  }
}

TEST_CASE("a loss is accepted for all that were set back, until the last of them has recovered") {
  OwnLife own = kOwn;
  own.set_back = own.accepts_loss = true;
  MemberWatch watch = Watch(own);
  IntroductionAnswer answer = Recorded(own);
  answer.accepts_loss = true;
  for (const paxos::NodeId voter : {2, 3, 4, 5}) watch.OnAnswer(voter, answer);
  Introduction two = kTwoSays, three = kTwoSays;
  two.set_back = three.set_back = true;
  Say(watch, 2, two);
  Say(watch, 3, three);
  // 2 is sooner up to date than this node and 3.
  two.set_back = false;
  two.recovered_boot = two.boot;
  Say(watch, 2, two);
  CHECK(watch.own().accepts_loss);
  CHECK(watch.LossAccepted(kFive));
  // This node's own recovery does not leave 3 alone with it.
  watch.Recover();
  CHECK(watch.own().accepts_loss);
  CHECK(!watch.own().loss_used);
  three.set_back = false;
  three.recovered_boot = three.boot;
  Say(watch, 3, three);
  CHECK(!watch.own().accepts_loss);
  CHECK(watch.own().loss_used);
}

}  // namespace
}  // namespace clustron::cluster
