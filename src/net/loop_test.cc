#include "net/loop.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/mailbox.h"
#include "net/worker.h"

namespace clustron::net {
namespace {

TEST_CASE("timers fire in order, and a stopped one doesn't") {
  Loop loop;
  std::string order;
  Timer late(loop, [&] {
    order += 'c';
    loop.Stop();
  });
  Timer early(loop, [&] { order += 'a'; });
  Timer stopped(loop, [&] { order += 'b'; });
  late.Start(20);
  early.Start(1);
  stopped.Start(5);
  stopped.Stop();
  loop.Run([] {});
  CHECK(order == "ac");
}

TEST_CASE("a timer may go from within its own callback") {
  Loop loop;
  std::unique_ptr<Timer> timer;
  int fired = 0;
  timer = std::make_unique<Timer>(loop, [&] {
    ++fired;
    timer.reset();
  });
  timer->Start(1, 1);
  Timer end(loop, [&] { loop.Stop(); });
  end.Start(20);
  loop.Run([] {});
  CHECK(fired == 1);
}

TEST_CASE("a loop whose input comes at once looks for it before it sleeps, and no other does") {
  Loop loop;
  loop.SetSpin(1'000'000'000);
  int fds[2];
  REQUIRE(pipe(fds) == 0);
  int inputs = 0;
  bool spun = false;
  Poll poll(loop, fds[0], [&](int) {
    char byte;
    REQUIRE(read(fds[0], &byte, 1) == 1);
    ++inputs;
  });
  poll.Watch(Poll::kReadable);
  REQUIRE(write(fds[1], "x", 1) == 1);
  Timer end(loop, [&] { loop.Stop(); });
  SUBCASE("at once") {
    loop.Run([&] {
      spun = spun || loop.spinning();
      if (spun) return loop.Stop();
      if (!loop.after_input()) return;
      REQUIRE(write(fds[1], "x", 1) == 1);
    });
    CHECK(spun);
    CHECK(inputs >= 4);
  }
  SUBCASE("too late") {
    loop.SetSpin(1);
    end.Start(20);
    loop.Run([&] {
      spun = spun || loop.spinning();
      if (loop.after_input()) REQUIRE(write(fds[1], "x", 1) == 1);
    });
    CHECK_FALSE(spun);
  }
  SUBCASE("no more") {
    end.Start(1000);
    loop.Run([&] {
      if (inputs < 20 && loop.after_input()) REQUIRE(write(fds[1], "x", 1) == 1);
      if (spun || !loop.spinning()) return;
      spun = true;
      end.Start(1);  // timers run meanwhile
    });
    CHECK(spun);
    loop.SetSpin(1'000'000);
    end.Start(20);
    loop.Run([] {});
    CHECK_FALSE(loop.spinning());
  }
  close(fds[0]);
  close(fds[1]);
}

TEST_CASE("a busy loop has the next turn at once, and its timers fire") {
  Loop loop;
  Timer timer(loop, [&] { loop.Stop(); });
  timer.Start(30);
  int turns = 0;
  loop.Run([&] { loop.SetBusy(++turns < 1000); });
  CHECK(turns >= 1000);
  CHECK(turns < 1100);  // then it slept
}

TEST_CASE("the end of the turn comes after its input and before the next wait") {
  Loop loop;
  std::string order;
  Timer second(loop, [&] {
    order += '2';
    loop.Stop();
  });
  // The second is started by the first, so they are never due in the same turn.
  Timer first(loop, [&] {
    order += '1';
    second.Start(5);
  });
  first.Start(1);
  loop.Run([&] {
    if (!order.empty() && order.back() != '.') order += '.';
  });
  CHECK(order == "1.2.");
}

TEST_CASE("letters from many threads arrive all, each sender's in order") {
  constexpr int kThreads = 4;
  constexpr int kLetters = 2000;
  Loop loop;
  Mailbox mailbox(loop);
  std::vector<std::vector<int>> got(kThreads);
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kLetters; ++i)
        mailbox.Post([&, t, i] {
          got[static_cast<size_t>(t)].push_back(i);
          if (++total == kThreads * kLetters) loop.Stop();
        });
    });
  loop.Run([] {});
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& one : got) {
    REQUIRE(one.size() == kLetters);
    CHECK(std::is_sorted(one.begin(), one.end()));
  }
}

TEST_CASE("a worker runs tasks in order elsewhere and reports on the loop") {
  Loop loop;
  Worker worker(loop);
  const std::thread::id loop_thread = std::this_thread::get_id();
  std::string done;
  std::string work;
  bool elsewhere = true;
  for (char c = 'a'; c <= 'e'; ++c)
    worker.Run(
        [&, c] {
          elsewhere &= std::this_thread::get_id() != loop_thread;
          work += c;
        },
        [&, c] {
          CHECK(loop.OnOwnThread());
          done += c;
          if (c == 'e') loop.Stop();
        });
  loop.Run([] {});
  CHECK(elsewhere);
  CHECK(work == "abcde");
  CHECK(done == "abcde");
}

TEST_CASE("a worker that ends finishes its work first") {
  Loop loop;
  int ran = 0;
  {
    Worker worker(loop);
    for (int i = 0; i < 10; ++i) worker.Run([&] { ++ran; }, {});
  }
  CHECK(ran == 10);
}

TEST_CASE("signals arrive on the loop") {
  Loop loop;
  int seen = 0;
  Signal signal(loop, SIGUSR2, [&] {
    ++seen;
    loop.Stop();
  });
  kill(getpid(), SIGUSR2);
  loop.Run([] {});
  CHECK(seen == 1);
}

}  // namespace
}  // namespace clustron::net
