// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/device_streams.hpp"

#include <utility>

namespace aperture::tb {
namespace {

constexpr std::uint64_t kPage = 4096;

AtsResult result(const AtsCompletionPins& pins) {
  AtsResult r;
  r.status = pins.status == 0   ? AtsResult::Status::kSuccess
             : pins.status == 1 ? AtsResult::Status::kUnsupportedRequest
                                : AtsResult::Status::kCompleterAbort;
  r.pa = pins.page * kPage;
  r.size = kPage << pins.lg;
  r.r = pins.r;
  r.w = pins.w;
  r.x = pins.x;
  r.global = pins.global;
  r.priv = pins.priv;
  r.untranslated = pins.untranslated;
  r.pbmt = pins.pbmt;
  return r;
}

std::uint8_t tag(std::uint64_t number) { return static_cast<std::uint8_t>(number); }

}  // namespace

std::uint64_t DeviceStreams::request_translation(const DeviceAccess& access) {
  requests_.push_back({numbers_, access});
  return numbers_++;
}

std::optional<AtsResult> DeviceStreams::take_translation(std::uint64_t number) {
  const auto found = translations_.find(number);
  if (found == translations_.end()) return std::nullopt;
  const AtsResult result = found->second;
  translations_.erase(found);
  return result;
}

void DeviceStreams::complete_invalidation(std::uint32_t device_id, std::uint32_t itags, unsigned cc) {
  InvalidationCompletionPins pins;
  pins.device_id = device_id;
  pins.itags = itags;
  pins.cc = cc & 7;
  completions_.push_back(pins);
}

void DeviceStreams::observe(const StreamPins& pins) {
  if (pins.ats_req.valid && pins.ats_req.ready) {
    asked_.emplace(pins.ats_req.tag, requests_.front().number);
    requests_.pop_front();
  }
  if (pins.ats_rsp.valid && pins.ats_rsp.ready) {
    if (const auto asked = asked_.find(pins.ats_rsp.tag); asked != asked_.end()) {
      translations_.emplace(asked->second, result(pins.ats_rsp));
      asked_.erase(asked);
    }
  }
  if (pins.pr_req.valid && pins.pr_req.ready) pages_.pop_front();
  if (pins.inv_cpl.valid && pins.inv_cpl.ready) completions_.pop_front();
  if (pins.msg_out.valid && pins.msg_out.ready) {
    const MessagePins& m = pins.msg_out;
    const std::optional<std::uint32_t> process = m.pv ? std::optional(m.process_id) : std::nullopt;
    if (m.response) {
      messages_.group_responses.push_back({m.device_id, process, m.payload});
    } else {
      messages_.invalidations.push_back({m.device_id, process, m.payload, m.itag});
    }
  }
}

void DeviceStreams::drive(StreamPins& pins) {
  if (AtsRequestPins& p = pins.ats_req; !p.valid || p.ready) {
    p.valid = !requests_.empty() && !asked_.contains(tag(requests_.front().number)) && offers(Stream::kAtsRequest);
    if (p.valid) {
      const DeviceAccess& access = requests_.front().access;
      p.iova = access.iova;
      p.device_id = access.device_id;
      p.pv = access.process_id.has_value();
      p.process_id = access.process_id.value_or(0);
      p.tag = tag(requests_.front().number);
      p.priv = access.privileged;
      p.exec = access.exec;
      p.write = access.write;
    }
  }
  if (PageRequestPins& p = pins.pr_req; !p.valid || p.ready) {
    p.valid = !pages_.empty() && offers(Stream::kPageRequest);
    if (p.valid) {
      const PageRequest& request = pages_.front();
      p.payload = request.payload;
      p.device_id = request.device_id;
      p.pv = request.process_id.has_value();
      p.process_id = request.process_id.value_or(0);
      p.priv = request.privileged;
      p.exec = request.exec;
    }
  }
  if (InvalidationCompletionPins& p = pins.inv_cpl; !p.valid || p.ready) {
    const bool offered = !completions_.empty() && offers(Stream::kInvalidationCompletion);
    if (offered) p = completions_.front();
    p.valid = offered;
  }
  pins.ats_rsp.ready = offers(Stream::kAtsCompletion);
  pins.msg_out.ready = offers(Stream::kMessage);
}

}  // namespace aperture::tb
