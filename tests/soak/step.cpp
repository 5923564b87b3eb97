// SPDX-License-Identifier: Apache-2.0
#include "soak/step.hpp"

#include <utility>

#include "regs/registers.hpp"

namespace aperture::soak {
namespace {

namespace rp = tb::replay;
namespace f = regs::iommu::cqcsr_f;

constexpr std::uint32_t kCqt = regs::iommu::cqt.offset;
constexpr std::uint32_t kCqh = regs::iommu::cqh.offset;
constexpr std::uint32_t kCqcsr = regs::iommu::cqcsr.offset;

std::vector<std::byte> bytes_of(std::uint64_t value, unsigned size, bool big_endian) {
  std::vector<std::byte> bytes(size);
  for (unsigned i = 0; i < size; ++i) {
    bytes[big_endian ? size - 1 - i : i] = static_cast<std::byte>(value >> 8 * i);
  }
  return bytes;
}

class Lowering {
 public:
  explicit Lowering(const CommandQueue& queue) : queue_(queue) {}

  void add(const Step& step) {
    for (const Action& action : step.before) push(action);
    for (const Command& command : step.commands) put(command);
    if (!step.commands.empty()) ring();
    if (step.illegal) recover();
    for (const Action& action : step.after) push(action);
  }
  std::vector<Operation> take() { return std::move(operations_); }

 private:
  void push(Action action) { operations_.push_back({std::move(action), {}, {}}); }
  std::uint64_t place(std::uint64_t index) const { return queue_.address + regs::cmd::kSize * index; }
  void put(const Command& command) {
    push(write64(place(tail_), command[0], queue_.big_endian));
    push(write64(place(tail_) + 8, command[1], queue_.big_endian));
    last_ = tail_;
    tail_ = (tail_ + 1) & ((1U << queue_.log2_entries) - 1);
  }
  void ring() {
    push(set_register(kCqt, 4, tail_));
    push(settle());
    push(get_register(kCqh, 4));
    push(get_register(kCqcsr, 4));
  }
  /// An IOFENCE.C in the illegal one's place.
  void recover() {
    push(write64(place(last_), regs::cmd::w0::opcode.set(0, 2), queue_.big_endian));
    push(write64(place(last_) + 8, 0, queue_.big_endian));
    push(set_register(kCqcsr, 4, f::cqen.mask() | f::cie.mask() | f::cmd_ill.mask()));
    push(settle());
    push(get_register(kCqh, 4));
    push(get_register(kCqcsr, 4));
  }

  CommandQueue queue_;
  std::uint64_t tail_ = 0, last_ = 0;
  std::vector<Operation> operations_;
};

}  // namespace

std::vector<Operation> lower(const std::vector<Step>& steps, const CommandQueue& queue) {
  Lowering lowering(queue);
  for (const Step& step : steps) lowering.add(step);
  return lowering.take();
}

Action write64(std::uint64_t address, std::uint64_t value, bool big_endian) {
  return rp::MemWrite{address, bytes_of(value, 8, big_endian)};
}

Action write32(std::uint64_t address, std::uint32_t value, bool big_endian) {
  return rp::MemWrite{address, bytes_of(value, 4, big_endian)};
}

Action set_register(std::uint32_t offset, unsigned size, std::uint64_t value) {
  return rp::RegWrite{offset, size, value};
}

Action get_register(std::uint32_t offset, unsigned size) { return rp::RegRead{offset, size}; }

Action settle() { return rp::Settle{}; }

}  // namespace aperture::soak
