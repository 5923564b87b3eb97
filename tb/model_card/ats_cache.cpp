// SPDX-License-Identifier: Apache-2.0
#include "tb/model_card/ats_cache.hpp"

#include <utility>

#include "regs/registers.hpp"

namespace aperture::tb::model {
namespace {

namespace request = regs::page_request::payload;
namespace w1 = regs::cmd::w1;
constexpr unsigned kChannelBits = 3;
constexpr unsigned kGroups = 64;

}  // namespace

const AtsCache::Entry* AtsCache::find(std::uint64_t page, bool write) const {
  const auto& entry = entries_[write ? 1 : 0];
  return entry && entry->page == page ? &*entry : nullptr;
}

AtsCache::Answer AtsCache::ask(Bus& bus, const DeviceAccess& who, std::uint64_t page, bool write) {
  DeviceAccess asked = who;
  asked.type = AccessType::kAts;
  asked.write = write;
  asked.exec = who.exec && !write;
  asked.iova = page;
  const auto answer = bus.translate(asked);
  if (!answer) {
    tries_ = 0;
    return Answer::kRefused;
  }
  if (write ? answer->w : answer->r && (!asked.exec || answer->x)) {
    entries_[write ? 1 : 0] = Entry{page, answer->pa | (page & (answer->size - 1)), answer->untranslated};
    tries_ = 0;
    return Answer::kGranted;
  }
  if (tries_ == kTries) {
    tries_ = 0;
    return Answer::kPageRefused;
  }
  ++tries_;
  group_ = (group_ + 1) % kGroups;
  parked_ = true;
  std::uint64_t payload = page & request::address.mask();
  payload = request::r.set(payload, !write);
  payload = request::w.set(payload, write);
  payload = request::l.set(payload, 1);
  payload = request::prgi.set(payload, group_ << kChannelBits | channel_);
  const bool has_process = who.process_id.has_value();
  bus.page_request({.device_id = who.device_id,
                    .process_id = who.process_id,
                    .privileged = has_process && who.privileged,
                    .exec = has_process && asked.exec,
                    .payload = payload});
  return Answer::kAwaitsGroupResponse;
}

bool AtsCache::take_refusal() { return std::exchange(refused_, false); }

void AtsCache::unpark() {
  parked_ = refused_ = false;
  tries_ = 0;
}

void AtsCache::clear() {
  entries_ = {};
  unpark();
}

void AtsCache::respond(const Messages::GroupResponse& response) {
  if (!parked_ || w1::ats_prgi.get(response.payload) != (group_ << kChannelBits | channel_)) return;
  parked_ = false;
  if (w1::ats_code.get(response.payload) == 0) return;
  refused_ = true;
  tries_ = 0;
}

void AtsCache::invalidate(const Messages::Invalidation& invalidation, std::optional<std::uint32_t> process_id) {
  const bool global = w1::ats_g.get(invalidation.payload) != 0;
  if (invalidation.process_id && !global && invalidation.process_id != process_id) return;
  const std::uint64_t page = w1::ats_addr.get(invalidation.payload);
  // With S the bits up to the lowest zero tell the size.
  const std::uint64_t ignored = w1::ats_s.get(invalidation.payload) != 0 ? page ^ (page + 1) : 0;
  for (auto& entry : entries_) {
    if (entry && ((entry->page / kPageSize ^ page) & ~ignored) == 0) entry.reset();
  }
}

}  // namespace aperture::tb::model
