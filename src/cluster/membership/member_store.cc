#include "cluster/membership/member_store.h"

#include <utility>

#include "persist/mark_file.h"

namespace clustron::cluster {

struct MemberStore::Shared {
  persist::Fs& fs;
  std::string dir;
  persist::MarkFile file;
  persist::Identity identity;
};

MemberStore::MemberStore(std::shared_ptr<Shared> shared, TaskRunner* runner)
    : shared_(std::move(shared)), runner_(*runner), alive_(std::make_shared<bool>(true)) {}

MemberStore::~MemberStore() = default;

Result<std::unique_ptr<MemberStore>> MemberStore::Open(persist::Fs* fs, TaskRunner* runner,
                                                       std::string dir,
                                                       const persist::Identity& identity,
                                                       std::vector<MemberRecord>* records,
                                                       std::string* note) {
  auto shared =
      std::make_shared<Shared>(Shared{*fs, dir, persist::MarkFile(fs, dir, "members"), identity});
  TRY(shared->file.Load());
  TRY(shared->file.KeepBoth());
  records->clear();
  const auto& value = shared->file.value();
  if (value ? !DecodeRecords(*value, records) : shared->file.damaged()) {
    records->clear();
    *note =
        dir + "/members can't be read: what this node knew of the other members' starts is lost";
  }
  return std::unique_ptr<MemberStore>(new MemberStore(std::move(shared), runner));
}

void MemberStore::RunTask(std::function<Status()> work, std::function<void(const Status&)> done) {
  auto result = std::make_shared<Status>();
  runner_.Run([work = std::move(work), result] { *result = work(); },
              [alive = std::weak_ptr<bool>(alive_), done = std::move(done), result] {
                if (!alive.expired()) done(*result);
              });
}

void MemberStore::SaveRecords(const std::vector<MemberRecord>& records,
                              std::function<void(const Status&)> done) {
  RunTask(
      [shared = shared_, bytes = EncodeRecords(records)] { return shared->file.WriteBoth(bytes); },
      std::move(done));
}

void MemberStore::SaveOwn(const OwnLife& own, std::function<void(const Status&)> done) {
  persist::Identity identity = shared_->identity;
  identity.boot = own.boot;
  identity.nonce = own.nonce;
  identity.set_back = own.set_back;
  identity.set_back_why = own.why;
  identity.recovered_boot = own.recovered_boot;
  identity.loss_accepted = own.loss_used;
  shared_->identity = identity;
  RunTask([shared = shared_,
           identity] { return persist::IdentityFile::Update(shared->fs, shared->dir, identity); },
          std::move(done));
}

}  // namespace clustron::cluster
