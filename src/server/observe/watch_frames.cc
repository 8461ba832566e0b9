#include "server/observe/watch_frames.h"

#include "base/check.h"

namespace clustron::server {

using state::WatchEvent;
using state::WatchKind;

namespace {

std::string_view WordOf(const WatchEvent& event) {
  return event.kind == WatchKind::kPut ? "put" : event.kind == WatchKind::kDelete ? "del" : "reset";
}

std::string_view WordOfReset(const WatchEvent& event) {
  return event.reason == store::Reason::kFlush ? "flush" : "swap";
}

void AppendNumber(int64_t number, char behind, std::string* out) {
  out->append(std::to_string(number));
  out->push_back(behind);
}

void ReplyValue(resp::ReplyWriter& writer, std::string_view value, int64_t size) {
  size >= 0 ? writer.Bulk(value) : writer.Null();
}

}  // namespace

std::string ChannelOf(const commands::WatchTarget& target, bool previous) {
  std::string channel = "__watch@" + std::to_string(target.db) + "__:";
  channel.append(target.prefix ? "p:" : "k:").append(target.name);
  if (previous) channel.append(";prev");
  return channel;
}

void ReplyEvent(resp::ReplyWriter& writer, const WatchEvent& event, bool values, bool previous) {
  if (event.kind == WatchKind::kReset) {
    writer.Array(2);
    writer.Bulk("reset");
    writer.Bulk(WordOfReset(event));
    return;
  }
  writer.Array(previous ? 6 : 5);
  writer.Bulk(WordOf(event));
  writer.Bulk(ReasonName(event.reason));
  event.lease.empty() ? writer.Null() : writer.Bulk(event.lease);
  writer.Bulk(event.key);
  const bool value = values && event.kind == WatchKind::kPut;
  ReplyValue(writer, event.value, value ? event.value_size : WatchEvent::kNone);
  if (previous) ReplyValue(writer, event.previous, event.previous_size);
}

WatchFrames WatchFrames::Sync(const commands::WatchTarget& target, store::Revision revision) {
  return WatchFrames(Kind::kSync, target, revision, 0);
}

WatchFrames WatchFrames::Gap(const commands::WatchTarget& target, store::Revision from,
                             store::Revision to) {
  return WatchFrames(Kind::kGap, target, from, to);
}

WatchFrames WatchFrames::Events(const commands::WatchTarget& target, store::Revision revision,
                                store::Revision previous,
                                std::span<const WatchEvent* const> events) {
  CHECK(!events.empty());
  const bool reset = events.front()->kind == WatchKind::kReset;
  WatchFrames frames(reset ? Kind::kReset : Kind::kEvents, target, revision, previous);
  frames.events_ = events;
  return frames;
}

std::string WatchFrames::Text(bool previous) const {
  std::string text;
  switch (kind_) {
    case Kind::kSync:
      return "sync " + std::to_string(a_);
    case Kind::kGap:
      return "gap " + std::to_string(a_) + " " + std::to_string(b_);
    case Kind::kReset:
      text = "reset " + std::to_string(a_) + " ";
      return text.append(WordOfReset(*events_.front()));
    case Kind::kEvents:
      break;
  }
  size_t size = 64;
  for (const WatchEvent* event : events_)
    size += 64 + event->key.size() + event->value.size() + (previous ? event->previous.size() : 0);
  text.reserve(size);
  AppendNumber(static_cast<int64_t>(a_), ' ', &text);
  AppendNumber(static_cast<int64_t>(b_), ' ', &text);
  AppendNumber(static_cast<int64_t>(events_.size()), '\n', &text);
  for (const WatchEvent* event : events_) {
    text.append(WordOf(*event)).append(" ");
    text.append(ReasonName(event->reason)).append(" ");
    text.append(event->lease.empty() ? "-" : event->lease).append(" ");
    AppendNumber(static_cast<int64_t>(event->key.size()), ' ', &text);
    AppendNumber(event->value_size, previous ? ' ' : '\n', &text);
    if (previous) AppendNumber(event->previous_size, '\n', &text);
    text.append(event->key).append(event->value);
    if (previous) text.append(event->previous);
  }
  return text;
}

void WatchFrames::Plain(const WatchForm& form, resp::ReplyWriter& writer) const {
  static constexpr std::string_view kWords[] = {"sync", "gap", "reset", "event"};
  const bool events = kind_ == Kind::kEvents;
  writer.Push(kind_ == Kind::kSync ? 4 : events ? 6 : 5);
  writer.Bulk("watchkey");
  writer.Bulk(kWords[static_cast<size_t>(kind_)]);
  writer.Bulk(target_.name);
  writer.Uint(a_);
  switch (kind_) {
    case Kind::kSync:
      return;
    case Kind::kGap:
      return writer.Uint(b_);
    case Kind::kReset:
      return writer.Bulk(WordOfReset(*events_.front()));
    case Kind::kEvents:
      break;
  }
  writer.Uint(b_);
  writer.Array(events_.size());
  for (const WatchEvent* event : events_) ReplyEvent(writer, *event, form.values, form.previous);
}

std::string_view WatchFrames::For(const WatchForm& form) {
  std::string& bytes = bytes_[form.number()];
  if (!bytes.empty()) return bytes;
  resp::ReplyWriter writer(&bytes, form.resp_version);
  if (form.plain) {
    Plain(form, writer);
  } else {
    writer.Push(3);
    writer.Bulk("message");
    writer.Bulk(ChannelOf(target_, form.previous));
    writer.Bulk(Text(form.previous));
  }
  return bytes;
}

}  // namespace clustron::server
