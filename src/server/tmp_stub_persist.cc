// TEMPORARY: whoever lands the real snapshot_store.cc, rdb_writer.cc, rdb_reader.cc deletes this file.
#include "persist/snapshot_store.h"
namespace clustron::persist {
struct SnapshotStore::Pending {};
SnapshotStore::SnapshotStore(Fs* fs, TaskRunner* r, std::string d) : fs_(*fs), runner_(*r), dir_(d) { (void)fs_; (void)runner_; }
SnapshotStore::~SnapshotStore() = default;
Result<std::unique_ptr<SnapshotStore>> SnapshotStore::Open(Fs* fs, TaskRunner* r, std::string d) { return std::unique_ptr<SnapshotStore>(new SnapshotStore(fs, r, d)); }
Result<SnapshotStore::Opened> SnapshotStore::OpenNewestValid() { return Fail(Errc::kNotFound, ""); }
void SnapshotStore::BeginWrite(uint64_t) {}
void SnapshotStore::Append(std::string) {}
void SnapshotStore::FinishWrite(std::function<void(Status, bool)>) {}
void SnapshotStore::AbortWrite() {}
size_t SnapshotStore::backlog_bytes() const { return 0; }
Result<std::unique_ptr<SnapshotStore::Sender>> SnapshotStore::OpenSender(uint64_t) { return Fail(Errc::kNotFound, ""); }
Result<SnapshotChunk> SnapshotStore::ReadChunk(Sender&, uint64_t) { return Fail(Errc::kNotFound, ""); }
Result<uint64_t> SnapshotStore::BeginReceive(const SnapshotInfo&, uint64_t) { return Fail(Errc::kNotFound, ""); }
Status SnapshotStore::Receive(const SnapshotChunk&) { return {}; }
uint64_t SnapshotStore::receive_offset() const { return 0; }
void SnapshotStore::FinishReceive(std::function<void(Status, bool)>) {}
}
#include "persist/rdb_writer.h"
#include "persist/rdb_reader.h"
namespace clustron::persist {
void RdbWriter::Begin() {} void RdbWriter::Aux(std::string_view, std::string_view) {} void RdbWriter::Section(std::string_view, std::string_view) {}
void RdbWriter::SelectDb(uint32_t) {} void RdbWriter::ResizeDb(uint64_t, uint64_t) {} void RdbWriter::ExpireAtMs(int64_t) {}
void RdbWriter::String(std::string_view, std::string_view) {} void RdbWriter::HashBegin(std::string_view, uint64_t) {} void RdbWriter::HashField(std::string_view, std::string_view) {}
void RdbWriter::End() {} std::string RdbWriter::Take() { return {}; }
Result<size_t> RdbFileSource::Read(char*, size_t) { return 0; }
Status ReadRdb(RdbSource&, const RdbLimits&, RdbVisitor&) { return {}; }
Status RdbVisitor::OnAux(std::string_view, std::string_view) { return {}; }
Status RdbVisitor::OnSection(std::string_view, std::string_view) { return {}; }
Status RdbVisitor::OnSelectDb(uint32_t) { return {}; }
Status RdbVisitor::OnResizeDb(uint64_t, uint64_t) { return {}; }
Status RdbVisitor::OnFunction(std::string_view) { return {}; }
}
