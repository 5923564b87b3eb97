// SPDX-License-Identifier: Apache-2.0
#include "serve/sim_function.hpp"

#include <cstring>

namespace aperture::sw::serve {
namespace {

/// An address that nobody answers at is, to the card, one that its bus does not decode.
tb::MemoryAnswer translate(Answer answer) {
  switch (answer) {
    case Answer::kOk:
      return tb::MemoryAnswer::kOk;
    case Answer::kPending:
      return tb::MemoryAnswer::kPending;
    case Answer::kUnsupported:
      return tb::MemoryAnswer::kDecode;
  }
  return tb::MemoryAnswer::kDecode;
}

}  // namespace

tb::MemoryAnswer SimFunction::Target::perform_read(std::uint64_t access, std::uint64_t address,
                                                   std::span<std::byte> out) {
  return translate(memory_.read(access, address, out));
}

tb::MemoryAnswer SimFunction::Target::perform_write(std::uint64_t access, std::uint64_t address,
                                                    std::span<const std::byte> data, std::uint32_t strobes) {
  return translate(memory_.write(access, address, data, strobes));
}

tb::MemoryAnswer SimFunction::Target::perform_exchange(std::uint64_t access, std::uint64_t address,
                                                       std::span<const std::byte> expected,
                                                       std::span<const std::byte> data, bool& held) {
  return translate(memory_.exchange(access, address, expected, data, held));
}

SimFunction::SimFunction(const tb::Options& options, BusMemory& data, BusMemory& own)
    : bench_(tb::Bench::start(options)), data_(data), own_(own), data_target_(data), own_target_(own) {
  bench_.connect(data_target_, own_target_);
}

SimFunction::~SimFunction() { bench_.connect(bench_.memory(), bench_.memory()); }

std::uint64_t SimFunction::read(unsigned bar, std::uint64_t offset, unsigned size) {
  busy_ = true;
  card::Mmio& mmio = bench_.card().mmio();
  const auto which = static_cast<card::Bar>(bar);
  return size == 8 ? mmio.read64(which, offset) : mmio.read32(which, offset);
}

void SimFunction::write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) {
  busy_ = true;
  card::Mmio& mmio = bench_.card().mmio();
  const auto which = static_cast<card::Bar>(bar);
  if (size == 8) {
    mmio.write64(which, offset, value);
  } else {
    mmio.write32(which, offset, static_cast<std::uint32_t>(value));
  }
}

void SimFunction::reset() {
  bench_.reset();
  data_.forget();
  own_.forget();
  busy_ = true;
}

void SimFunction::run(std::uint64_t cycles) { busy_ = bench_.settle(cycles) != tb::Outcome::kIdle; }

std::uint64_t SimFunction::take_messages() { return bench_.card().interrupts().wait(~std::uint64_t{0}, 0); }

}  // namespace aperture::sw::serve
