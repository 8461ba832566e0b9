// The process: configuration, sockets, threads and the order in which things begin and end. What a
// command does is not in here (engine.h).
//
//   Server ─ owns ─┬─ net::Loop (core loop: this thread)
//                  ├─ net::Worker ×2 (WAL; snapshots and other file work)
//                  ├─ Storage (log, snapshot files)
//                  ├─ Engine (sessions, executor, node)
//                  ├─ Peers (links to other nodes)
//                  └─ ClientDoor (listeners, ClientConnection …: sockets of clients)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/membership/formation.h"
#include "cluster/wire/peer_link.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/worker.h"
#include "persist/fs.h"
#include "server/config/config.h"
#include "server/dispatch/engine.h"
#include "server/process/boot.h"
#include "server/process/breathing_fs.h"
#include "server/process/client_door.h"
#include "server/process/descriptor_budget.h"
#include "server/process/live_options.h"
#include "server/process/own_files.h"
#include "server/process/peer_security.h"
#include "server/process/start_checks.h"
#include "server/process/supervisor.h"

namespace clustron::server {

class InfoFields;

class Server final : public EngineHost {
 public:
  explicit Server(Config& config);
  ~Server() override;

  // Everything up to listening sockets. Blocking; an error ends the process, and so does a signal
  // (stop_signal.h), which is told as an error.
  Status Start();
  // Takes connections in as soon as there is something true to tell them ("Ready to accept
  // connections"), until SHUTDOWN or a signal. Returns the process's exit code.
  int Run();

  // --- EngineHost ------------------------------------------------------------------------------
  void Halted(cluster::HaltCause cause, const std::string& reason) override;
  void Fatal(const std::string& reason) override;
  void Stop() override;
  void Warn(const std::string& line) override;
  uint64_t PeerMessagesLeftOut() const override {
    return peers_ == nullptr ? 0 : peers_->left_out();
  }

 private:
  cluster::FormationAnswer OnPlaceWanted(cluster::NodeId node);

  Status LockDirectory();
  Status FitDescriptors(size_t members);
  Status WritePidFile();
  Status Form(const Membership& membership);
  Status FindIdentity();
  Status CheckTimings() const;
  Status CheckAddress(const persist::Identity& identity) const;
  Status BeginLog();
  Result<cluster::Durability> DecideDurability();
  void MakeParts();
  Result<BootOptions> OptionsOfBoot(cluster::Durability durability) const;
  Result<BootReport> BootAndTell(BootOptions options);
  void FollowMembers();
  void TellSupervisor();
  bool SomethingToTell() const;
  void EndOfTurn();
  void OnTick();
  void BreatheInTurn();
  void OnSignal();

  Config& config_;
  DescriptorBudget descriptors_;
  LiveOptions live_options_{config_, descriptors_};
  SystemClock clock_;
  Supervisor supervisor_;
  BreathingFs fs_;
  net::Fd lock_;
  OwnFiles own_files_;  // made only while the lock is held
  std::string dir_;
  PeerSecurity security_;
  persist::Identity identity_;
  cluster::Genesis genesis_;  // for the start; then the state's members hold
  net::Fd peer_listener_;

  net::Loop loop_;
  std::unique_ptr<net::Worker> wal_worker_;
  std::unique_ptr<net::Worker> file_worker_;
  Storage storage_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<InfoFields> info_;
  std::unique_ptr<cluster::Peers> peers_;
  ClientDoor door_{config_, descriptors_, loop_, own_files_};
  std::unique_ptr<net::Timer> tick_;
  bool tick_waits_ = false;
  int64_t tick_ns_ = 0;
  int64_t peak_noted_ns_ = 0;
  cluster::NodeId place_said_ = 0;  // whose place was asked for, as the log last said, …
  int64_t place_said_ns_ = 0;       // … and when
  int64_t turn_ns_ = 0;             // when the last turn ended
  int64_t began_ns_ = 0;            // Run
  std::vector<std::unique_ptr<net::Signal>> signals_;
  int exit_code_ = 0;
  bool stopping_told_ = false;
  bool closing_ = false;  // the loop has been left: nothing is taken in any more
};

}  // namespace clustron::server
