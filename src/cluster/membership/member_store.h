// What a directory keeps of its own life and of the other members' (member_watch.h): the identity
// file and `members.a/.b`, both written in both copies.
//
// THREAD: the owner's loop; the writing is done on the runner. `done` comes on the owner's loop,
// not if the store is gone by then.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task_runner.h"
#include "cluster/membership/member_watch.h"
#include "persist/fs.h"
#include "persist/identity.h"

namespace clustron::cluster {

class MemberStore {
 public:
  // Reads the records. Blocking. `identity`: as it is on disk. `note` gets a line if they could not
  // be read: the others' records of this node and of each other still stand.
  static Result<std::unique_ptr<MemberStore>> Open(persist::Fs* fs, TaskRunner* runner,
                                                   std::string dir,
                                                   const persist::Identity& identity,
                                                   std::vector<MemberRecord>* records,
                                                   std::string* note);
  ~MemberStore();

  // Durable when `done` is called without an error. One of each at a time.
  void SaveRecords(const std::vector<MemberRecord>& records,
                   std::function<void(const Status&)> done);
  // Boot, and all that is said of setting back.
  void SaveOwn(const OwnLife& own, std::function<void(const Status&)> done);

 private:
  struct Shared;
  MemberStore(std::shared_ptr<Shared> shared, TaskRunner* runner);
  void RunTask(std::function<Status()> work, std::function<void(const Status&)> done);

  std::shared_ptr<Shared> shared_;  // tasks hold it
  TaskRunner& runner_;
  std::shared_ptr<bool> alive_;  // tasks hold it weakly
};

}  // namespace clustron::cluster
