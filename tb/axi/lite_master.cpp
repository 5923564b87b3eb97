// SPDX-License-Identifier: Apache-2.0
#include "tb/axi/lite_master.hpp"

#include <algorithm>

namespace aperture::tb {

void LiteMaster::abandon(LiteAccess& access) {
  const auto it = std::find(queue_.begin(), queue_.end(), &access);
  if (it == queue_.end()) return;
  if (it == queue_.begin() && step_ != Step::kIdle) {
    *it = nullptr;
  } else {
    queue_.erase(it);
  }
}

void LiteMaster::observe(const AxiPins& pins, std::uint64_t now) {
  if (pins.aw.valid && pins.aw.ready) address_taken_ = true;
  if (pins.ar.valid && pins.ar.ready) address_taken_ = true;
  if (pins.w.valid && pins.w.ready) data_taken_ = true;
  if (step_ == Step::kRequest && address_taken_ && data_taken_) step_ = Step::kAnswer;
  const bool b = pins.b.valid && pins.b.ready;
  const bool r = pins.r.valid && pins.r.ready;
  if ((b || r) && step_ == Step::kAnswer) {
    step_ = Step::kArrived;
    // Register answers are ordered behind earlier writes to memory.
    arrives_ = r ? timing_.visible(now) : now;
    if (LiteAccess* access = queue_.front(); access != nullptr) {
      access->resp = static_cast<Resp>(b ? pins.b.resp : pins.r.resp);
      if (r) access->data = pins.r.data[0];
    }
  }
  if (step_ == Step::kArrived && now >= arrives_) {
    if (queue_.front() != nullptr) queue_.front()->done = true;
    queue_.pop_front();
    step_ = Step::kIdle;
  }
}

void LiteMaster::drive(AxiPins& pins) {
  if (step_ == Step::kIdle && !queue_.empty()) {
    step_ = Step::kRequest;
    current_ = *queue_.front();
    address_taken_ = false;
    data_taken_ = !current_.write;
  }
  const bool request = step_ == Step::kRequest;
  AddressChannel& address = current_.write ? pins.aw : pins.ar;
  if (!request || address_taken_) {
    pins.aw.valid = pins.ar.valid = false;
  } else if (!address.valid && !timing_.stalls()) {
    address.addr = current_.address;
    address.size = 3;
    address.valid = true;
  }
  if (!request || data_taken_) {
    pins.w.valid = false;
  } else if (!pins.w.valid && !timing_.stalls()) {
    pins.w.data[0] = current_.data;
    pins.w.strb = current_.strobes;
    pins.w.last = true;
    pins.w.valid = true;
  }
  pins.b.ready = step_ == Step::kAnswer && !timing_.stalls();
  pins.r.ready = step_ == Step::kAnswer && !timing_.stalls();
}

}  // namespace aperture::tb
