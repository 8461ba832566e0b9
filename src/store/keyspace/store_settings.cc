// Cluster-wide settings as far as the store itself acts on them.
#include <algorithm>

#include "base/check.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/store.h"

namespace clustron::store {

namespace {

// A packed hash is one block with 32-bit offsets, and is searched from the front: beyond these a
// higher setting has no effect.
constexpr int64_t kPackedFieldsMax = 1 << 16;
constexpr int64_t kPackedValueBytesMax = 1 << 13;

}  // namespace

void Store::ApplySettings() {
  item_reply_max_ = static_cast<uint64_t>(settings_.Number("item-reply-max"));
  limits_.list_fill = settings_.Number("list-max-listpack-size");
  limits_.hash = {
      .packed_fields_max = static_cast<uint32_t>(
          std::min(settings_.Number("hash-max-listpack-entries"), kPackedFieldsMax)),
      .packed_value_bytes_max = static_cast<uint32_t>(
          std::min(settings_.Number("hash-max-listpack-value"), kPackedValueBytesMax)),
  };
}

Result<bool> Store::ChangeSetting(const OptionSpec& spec, std::string_view text) {
  std::string before = settings_.Get(spec.name).text;
  ASSIGN_OR_RETURN(const bool changed, settings_.Set(spec, text));
  if (changed && journal_->armed()) journal_->Add(undo::SettingChanged{&spec, std::move(before)});
  if (changed) {
    TakeRevision();
    ApplySettings();
    if (observer_ != nullptr) observer_->OnSetting();
  }
  return changed;
}

void Store::UndoSetting(const OptionSpec& spec, std::string_view text) {
  CHECK(settings_.Set(spec, text).has_value());
  ApplySettings();
  if (observer_ != nullptr) observer_->OnSetting();
}

void Store::RestoreSettings(Settings settings) {
  settings_ = std::move(settings);
  ApplySettings();
  if (observer_ != nullptr) observer_->OnSetting();
}

}  // namespace clustron::store
