// SPDX-License-Identifier: Apache-2.0
#include "card/vfio/interrupts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "card/pci.hpp"

namespace aperture::card {
namespace {

constexpr unsigned kMostVectors = 64;  // the bits of a mask
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::milliseconds(100);
/// A sleep takes about this much longer than asked for; below it the caller does better to look again at once.
constexpr std::chrono::nanoseconds kShortestSleep = std::chrono::microseconds(50);

std::chrono::nanoseconds duration(std::uint64_t cycles, std::uint64_t clock_hz) {
  const std::chrono::duration<double> seconds(static_cast<double>(cycles) / static_cast<double>(clock_hz));
  if (seconds >= kLongestSleep) return kLongestSleep;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(seconds);
}

}  // namespace

Result<std::unique_ptr<VfioInterrupts>> VfioInterrupts::create(vfio::Function& function, std::uint64_t clock_hz) {
  const auto count = function.vectors();
  if (!count) return std::unexpected(count.error());
  std::unique_ptr<VfioInterrupts> interrupts(new VfioInterrupts(function, clock_hz));
  std::vector<int> fds;
  for (unsigned i = 0; i < std::min(*count, kMostVectors); ++i) {
    const int fd = function.kernel().eventfd();
    if (fd < 0) return std::unexpected(vfio::request_failed(function.location().address, "eventfd", -fd));
    interrupts->eventfds_.emplace_back(function.kernel(), fd);
    fds.push_back(fd);
  }
  if (fds.empty()) return interrupts;
  const auto given = function.signal(fds);
  if (!given) return std::unexpected(given.error());
  interrupts->eventfds_.resize(*given);
  for (const vfio::File& file : interrupts->eventfds_) interrupts->polled_.push_back({file.fd(), POLLIN, 0});
  interrupts->vectors_ = function.vectors_fold() ? std::max(*given, pci::kVectors) : *given;
  return interrupts;
}

VfioInterrupts::~VfioInterrupts() {
  if (!polled_.empty()) (void)function_.signal({});
}

std::uint64_t VfioInterrupts::wait(std::uint64_t mask, std::uint64_t cycles) {
  // A few cycles are not worth a sleep.
  auto limit = duration(cycles, clock_hz_);
  if (limit < kShortestSleep || (latched_ & mask) != 0) limit = {};
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    const int fd = eventfds_[i].fd();
    polled_[i].fd = (mask & sharers(i)) != 0 ? fd : ~fd;
    polled_[i].revents = 0;
  }
  vfio::Kernel& kernel = function_.kernel();
  if (kernel.poll(polled_, limit) > 0)
    for (std::size_t i = 0; i < polled_.size(); ++i)
      if (polled_[i].revents != 0 && kernel.drain(eventfds_[i].fd()) > 0) latched_ |= sharers(i);
  const std::uint64_t found = latched_ & mask;
  latched_ &= ~found;
  return found;
}

std::uint64_t VfioInterrupts::sharers(std::size_t eventfd) const {
  std::uint64_t vectors = 0;
  for (std::size_t vector = eventfd; vector < vectors_; vector += polled_.size()) vectors |= std::uint64_t{1} << vector;
  return vectors;
}

}  // namespace aperture::card
