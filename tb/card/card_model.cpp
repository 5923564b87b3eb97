// SPDX-License-Identifier: Apache-2.0
#include "tb/card/card_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tb/kernel/report.hpp"

namespace aperture::tb {
namespace {

constexpr std::uint64_t kResetCycles = 16;
constexpr unsigned kViolationsShown = 20;
/// Beats of the longest AXI burst.
constexpr std::uint64_t kLongestBurst = 256;
/// Far more than any profile needs: whoever waits longer waits for something that will not come.
constexpr std::uint64_t kAccessTimeout = 1'000'000;

}  // namespace

CardModel::CardModel(const sc_core::sc_module_name& name, Kernel& kernel) : sc_core::sc_module(name), kernel_(kernel) {
  mmio.register_b_transport(this, &CardModel::transport_mmio);
  device.register_b_transport(this, &CardModel::transport_device);
  wires.bind(wires_signal_);
  payload_.set_extension(&access_);
  payload_.set_streaming_width(16);
  kernel.set_wake([this] { wake(); });
  sc_core::sc_spawn_options options;
  options.spawn_method();
  options.dont_initialize();
  options.set_sensitivity(&wake_);
  sc_core::sc_spawn([this] { tick(); }, "clock", &options);
}

void CardModel::power_on(const Options& options) {
  options_ = options;
  dut_ =
      make_dut(options, [this](const std::string& text) { report_failure(fmt::format("cycle {}: {}", cycle_, text)); });
  history_ = std::make_unique<History>(options.history);
  waves_.plan(options, cycle_);
}

void CardModel::build_ports() {
  ++resets_;
  const unsigned bytes = options_.width / 8;
  timing_ = options_.top == Top::kFpga ? make_bridge_timing(options_.payload, options_.latency, options_.seed)
                                       : make_timing(options_.profile, options_.latency, options_.seed);
  lite_ = std::make_unique<LiteMaster>(*timing_);
  device_master_ = std::make_unique<DeviceMaster>(bytes, *timing_);
  device_streams_ = std::make_unique<DeviceStreams>(*timing_);
  BeatTarget& memory = *this;
  exclusives_ = ExclusiveMonitor(options_.exclusives);
  memory_ports_.clear();
  memory_ports_.emplace_back(Port::kData, bytes, *timing_, memory, exclusives_, options_.seed + 1);
  memory_ports_.emplace_back(Port::kIommu, bytes, *timing_, memory, exclusives_, options_.seed + 2);
  checkers_.clear();
  for (std::size_t p = 0; p < kPorts; ++p) {
    checkers_.emplace_back(static_cast<Port>(p), bytes, [this](const Violation& v) { violation(v); });
  }
}

void CardModel::reset(const Straps& straps) {
  build_ports();
  log_ = BusLog{};
  messages_.clear();
  latched_ = 0;
  violations_ = 0;
  pins_ = Pins{};
  streaming_ = false;
  dut_->straps(straps);
  reset_until_ = cycle_ + kResetCycles;
  keep_running(kResetCycles + 1);
  kernel_.wait_until([this] { return cycle_ >= run_until_; }, kResetCycles + 2, "bench", "reset");
}

void CardModel::keep_running(std::uint64_t cycles) { run_until_ = std::max(run_until_, cycle_ + cycles); }

std::uint64_t CardModel::take_latched(std::uint64_t mask) {
  const std::uint64_t taken = latched_ & mask;
  latched_ &= ~mask;
  return taken;
}

void CardModel::violation(const Violation& v) {
  ++violations_;
  if (violations_ <= kViolationsShown) SC_REPORT_ERROR("axi", v.text().c_str());
  if (violations_ == kViolationsShown) SC_REPORT_ERROR("axi", "further violations are counted only");
}

bool CardModel::clock_needed() const {
  if (cycle_ < run_until_ || pins_.busy || !lite_->idle() || !device_master_->idle() || !messages_.empty() ||
      streaming_ || !device_streams_->idle()) {
    return true;
  }
  if (std::any_of(memory_ports_.begin(), memory_ports_.end(), [](const MemoryPort& port) { return !port.idle(); }))
    return true;
  return std::any_of(pins_.axi.begin(), pins_.axi.end(),
                     [](const AxiPins& a) { return a.aw.valid || a.w.valid || a.b.valid || a.ar.valid || a.r.valid; });
}

void CardModel::tick() {
  if (!clock_needed()) {
    kernel_.asleep();
    return;
  }
  // Nothing else in the simulation has anything to do: the clock goes on without the scheduler, ahead of its time.
  ahead_ = sc_core::SC_ZERO_TIME;
  do {
    cycle();
    ahead_ += period_;
  } while (!kernel_.after_cycle(cycle_) && clock_needed() && sc_core::sc_time_to_pending_activity() > ahead_);
  next_trigger(ahead_);
}

void CardModel::cycle() {
  waves_.in_cycle(*dut_, pins_, cycle_);
  observe();
  if (pins_.reset_n) drive();
  ++cycle_;
  pins_.reset_n = cycle_ >= reset_until_;
  waves_.before_edge(*dut_, cycle_);
  dut_->edge(pins_, cycle_);
}

void CardModel::observe() {
  history_->add(pins_, cycle_);
  for (std::size_t p = 0; p < kPorts; ++p) checkers_[p].observe(pins_.axi[p], pins_.reset_n, cycle_);
  if (!pins_.reset_n) return;
  log_.observe(pins_, cycle_);
  // Memory before the register port: an answer there is ordered behind writes accepted up to now.
  memory_ports_[0].observe(pins_[Port::kData], cycle_);
  memory_ports_[1].observe(pins_[Port::kIommu], cycle_);
  for (MemoryPort& port : memory_ports_) port.perform_writes(cycle_);
  for (MemoryPort& port : memory_ports_) port.perform_reads(cycle_);
  if (!lite_->idle()) lite_->observe(pins_[Port::kMmio], cycle_);
  device_master_->observe(pins_[Port::kDevice], cycle_);
  streaming_ = pins_.streams.msg_out.valid || !device_streams_->idle();
  if (streaming_) device_streams_->observe(pins_.streams);
  if (pins_.message_valid && pins_.message_ready) {
    messages_.emplace_back(timing_->visible(cycle_), pins_.message_vector);
  }
  while (!messages_.empty() && messages_.front().first <= cycle_) {
    latched_ |= std::uint64_t{1} << messages_.front().second;
    messages_.pop_front();
  }
  if (wires_signal_.read() != pins_.wires) wires_signal_.write(pins_.wires);
}

void CardModel::drive() {
  memory_ports_[0].drive(pins_[Port::kData], cycle_ + 1);
  memory_ports_[1].drive(pins_[Port::kIommu], cycle_ + 1);
  lite_->drive(pins_[Port::kMmio]);
  device_master_->drive(pins_[Port::kDevice], cycle_ + 1);
  if (streaming_ || !device_streams_->idle()) device_streams_->drive(pins_.streams);
  pins_.message_ready = !timing_->stalls();
}

void CardModel::transport_mmio(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const std::uint64_t address = payload.get_address();
  const unsigned size = payload.get_data_length();
  if (address >= 1U << 17) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  if ((size != 4 && size != 8) || address % size != 0) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  const auto lane = static_cast<unsigned>(address % 8);
  LiteAccess access{};
  access.write = payload.is_write();
  access.address = static_cast<std::uint32_t>(address);
  auto* lanes = reinterpret_cast<unsigned char*>(&access.data) + lane;
  if (access.write) {
    std::memcpy(lanes, payload.get_data_ptr(), size);
    access.strobes = static_cast<std::uint8_t>((size == 8 ? 0xff : 0x0f) << lane);
  }
  lite_->submit(access);
  const std::string what = fmt::format("the {} of register {:#x}", access.write ? "write" : "read", address);
  if (kernel_.wait_until([&] { return access.done; }, kAccessTimeout, "host", what) != Outcome::kHappened) {
    lite_->abandon(access);
    const std::string text =
        fmt::format("{} was not answered within {} cycles; {}", what, kAccessTimeout, kernel_.waits());
    SC_REPORT_ERROR("watchdog", text.c_str());
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  if (!access.write) std::memcpy(payload.get_data_ptr(), lanes, size);
  payload.set_response_status(access.resp == Resp::kOkay ? tlm::TLM_OK_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE);
}

void CardModel::transport_device(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  const auto* identity = payload.get_extension<IdentityExtension>();
  const std::uint64_t first = payload.get_address();
  const std::uint64_t size = payload.get_data_length();
  const unsigned bus = options_.width / 8;
  const std::uint64_t beats = (first % bus + size + bus - 1) / bus;
  const unsigned char* enables = payload.get_byte_enable_ptr();
  if (identity == nullptr || size == 0 || payload.get_data_ptr() == nullptr || payload.get_streaming_width() < size ||
      (first ^ (first + size - 1)) >> 12 != 0 || beats > kLongestBurst) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (enables != nullptr && payload.get_byte_enable_length() == 0) {
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    return;
  }
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  const auto enabled = [&](std::uint64_t i) {
    return enables == nullptr || enables[i % payload.get_byte_enable_length()] != TLM_BYTE_DISABLED;
  };
  DeviceBurst burst;
  burst.write = payload.is_write();
  burst.who = identity->who;
  burst.id = identity->axi_id;
  burst.address = first;
  burst.size = bus == 16 ? 4 : 3;
  burst.beats = static_cast<unsigned>(beats);
  if (burst.write) {
    const auto* bytes = reinterpret_cast<const std::byte*>(payload.get_data_ptr());
    burst.data.assign(bytes, bytes + size);
    for (std::uint64_t i = 0; i < size; ++i) burst.strobes.push_back(enabled(i));
  }
  const Ticket ticket = device_master_->submit(std::move(burst), cycle_);
  const std::uint64_t resets = resets_;
  const Outcome outcome = kernel_.wait_until([&] { return resets_ != resets || device_master_->at(ticket).done; },
                                             kAccessTimeout, "device", "its access");
  if (resets_ != resets) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  const Completion completion = device_master_->take(ticket);
  if (outcome != Outcome::kHappened || completion.resp != Resp::kOkay) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  if (payload.is_read()) {
    for (std::uint64_t i = 0; i < size; ++i)
      if (enabled(i)) payload.get_data_ptr()[i] = std::to_integer<unsigned char>(completion.data[i]);
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

MemoryAnswer CardModel::transport(Port port, std::uint64_t access, std::uint64_t user) {
  access_.access = access << 1 | (port == Port::kData ? 0 : 1);
  access_.user = user;
  access_.poison = false;
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = ahead_;
  (port == Port::kData ? data : iommu)->b_transport(payload_, delay);
  switch (payload_.get_response_status()) {
    case tlm::TLM_OK_RESPONSE:
      return access_.poison ? MemoryAnswer::kPoison : MemoryAnswer::kOk;
    case tlm::TLM_ADDRESS_ERROR_RESPONSE:
      return MemoryAnswer::kDecode;
    case tlm::TLM_INCOMPLETE_RESPONSE:
      return MemoryAnswer::kPending;
    default:
      return MemoryAnswer::kError;
  }
}

MemoryAnswer CardModel::read(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                             std::span<std::byte> out) {
  payload_.set_read();
  payload_.set_address(address);
  payload_.set_data_ptr(reinterpret_cast<unsigned char*>(out.data()));
  payload_.set_data_length(static_cast<unsigned>(out.size()));
  payload_.set_byte_enable_ptr(nullptr);
  return transport(port, access, user);
}

MemoryAnswer CardModel::write(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                              std::span<const std::byte> data, std::uint32_t strobes) {
  const bool whole = strobes == (std::uint32_t{1} << data.size()) - 1;
  for (std::size_t i = 0; !whole && i < data.size(); ++i) {
    enables_[i] = (strobes >> i & 1U) != 0 ? TLM_BYTE_ENABLED : TLM_BYTE_DISABLED;
  }
  payload_.set_write();
  payload_.set_address(address);
  // A target does not change what a write carries; the interface only has no const.
  payload_.set_data_ptr(const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(data.data())));
  payload_.set_data_length(static_cast<unsigned>(data.size()));
  payload_.set_byte_enable_ptr(whole ? nullptr : enables_.data());
  payload_.set_byte_enable_length(whole ? 0 : static_cast<unsigned>(data.size()));
  return transport(port, access, user);
}

MemoryAnswer CardModel::exchange(Port port, std::uint64_t access, std::uint64_t user, std::uint64_t address,
                                 std::span<const std::byte> expected, std::span<const std::byte> data, bool& held) {
  access_.expected = expected.data();
  access_.held = false;
  const std::uint32_t all = (std::uint32_t{1} << data.size()) - 1;
  const MemoryAnswer answer = write(port, access, user, address, data, all);
  access_.expected = nullptr;
  held = access_.held;
  return answer;
}

}  // namespace aperture::tb
