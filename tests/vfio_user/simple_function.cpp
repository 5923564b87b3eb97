// SPDX-License-Identifier: Apache-2.0
#include "vfio_user/simple_function.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace aperture::test {
namespace {

std::size_t place(unsigned bar, std::uint64_t offset, unsigned size) {
  if ((bar != 0 && bar != 2) || (size != 4 && size != 8) || offset % size != 0 || offset >= card::pci::kBarSize)
    throw std::logic_error("a register access that a server must not let through");
  return (bar == 2 ? card::pci::kBarSize : 0) + offset;
}

}  // namespace

std::uint64_t SimpleFunction::read(unsigned bar, std::uint64_t offset, unsigned size) {
  std::uint64_t value = 0;
  std::memcpy(&value, bars_.data() + place(bar, offset, size), size);
  return value;
}

void SimpleFunction::write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) {
  std::memcpy(bars_.data() + place(bar, offset, size), &value, size);
  if (bar != 2 || offset != kGo) return;
  Job job{jobs_made_++,
          (value & 1) != 0,
          read(2, kAddress, 8),
          std::clamp<std::uint64_t>(read(2, kLength, 8), 1, 32),
          static_cast<std::uint32_t>(value >> 32),
          (value & 2) != 0 ? std::uint64_t{1} << (value >> 8 & 63) : 0,
          {}};
  std::memcpy(job.data.data(), bars_.data() + place(2, kData, 8), job.data.size());
  jobs_.push_back(job);
  run(1);
}

void SimpleFunction::reset() {
  ++resets;
  std::ranges::fill(bars_, std::byte{0});
  jobs_.clear();
  messages_ = 0;
  done.clear();
}

void SimpleFunction::run(std::uint64_t) {
  using sw::serve::Answer;
  // One after the other.
  while (!jobs_.empty()) {
    Job& job = jobs_.front();
    const auto bytes = std::span(job.data).first(job.size);
    const Answer answer = job.write ? memory_.write(job.name, job.address, bytes, job.strobes)
                                    : memory_.read(job.name, job.address, bytes);
    if (answer == Answer::kPending) return;
    if (!job.write && answer == Answer::kOk) std::memcpy(bars_.data() + place(2, kData, 8), bytes.data(), job.size);
    done.push_back({job.write, job.address, answer});
    messages_ |= job.messages;
    jobs_.pop_front();
  }
}

std::uint64_t SimpleFunction::take_messages() { return std::exchange(messages_, 0); }

}  // namespace aperture::test
