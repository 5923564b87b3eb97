// SPDX-License-Identifier: Apache-2.0
#include "serve/msix.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

namespace aperture::sw::serve {
namespace {

using card::vfio_user::IrqSet;

constexpr std::size_t kEntry = 16;          ///< bytes of a table entry
constexpr std::size_t kVectorControl = 12;  ///< in an entry; bit 0 masks, and is set after reset

/// Anything else that can be written, a pipe for instance, might have readers who expect something else.
bool is_eventfd(int fd) {
  std::array<char, 64> target{};
  const auto size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size());
  return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == "anon_inode:[eventfd]";
}

std::unexpected<Error> invalid(const IrqSet& request, std::string_view what) {
  return fail(Code::kInvalid, EINVAL,
              fmt::format("DEVICE_SET_IRQS with flags {:#x} for {} vectors from {} on: {}", request.flags,
                          request.count, request.start, what));
}

}  // namespace

Msix::Msix(const Layout& layout) : layout_(layout), triggers_(layout.vectors), table_(layout.vectors * kEntry) {
  reset();
}

void Msix::reset() {
  std::ranges::fill(table_, std::byte{0});
  for (unsigned v = 0; v < layout_.vectors; ++v) table_[v * kEntry + kVectorControl] = std::byte{1};
  pending_ = 0;
}

void Msix::clear() {
  reset();
  for (FileDescriptor& trigger : triggers_) trigger.reset();
  signalled_ = 0;
}

void Msix::signal(unsigned vector) {
  const std::uint64_t one = 1;
  // The only way to fail is a counter that is full: the event is there already.
  const auto written = ::write(triggers_[vector].get(), &one, sizeof one);
  if (written == sizeof one) ++signalled_;
}

void Msix::raise(std::uint64_t vectors) {
  for (; vectors != 0; vectors &= vectors - 1) {
    const auto vector = static_cast<unsigned>(std::countr_zero(vectors));
    if (vector >= layout_.vectors) continue;
    if (triggers_[vector]) {
      signal(vector);
    } else {
      pending_ |= std::uint64_t{1} << vector;
    }
  }
}

Result<> Msix::set(const IrqSet& request, std::span<const std::byte> data, std::vector<FileDescriptor> fds) {
  const std::uint32_t kind = request.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
  const std::uint32_t action = request.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
  if ((kind | action) != request.flags || !std::has_single_bit(kind) || !std::has_single_bit(action))
    return invalid(request, "not one kind of data and one action");
  if (request.start >= layout_.vectors || request.count > layout_.vectors - request.start)
    return invalid(request, fmt::format("there are {}", layout_.vectors));
  if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
    return fail(Code::kUnsupported, ENOTTY, "DEVICE_SET_IRQS: MSI-X vectors are masked by the client's side");
  if (data.size() != (kind == VFIO_IRQ_SET_DATA_BOOL ? request.count : 0))
    return invalid(request, fmt::format("{} bytes of data", data.size()));
  if (!fds.empty() && (kind != VFIO_IRQ_SET_DATA_EVENTFD || fds.size() != request.count))
    return invalid(request, fmt::format("{} descriptors", fds.size()));
  if (request.count == 0) {
    if (kind != VFIO_IRQ_SET_DATA_NONE) return invalid(request, "only DATA_NONE ends the use of all");
    for (FileDescriptor& trigger : triggers_) trigger.reset();
    return {};
  }
  for (const FileDescriptor& fd : fds)
    if (!is_eventfd(fd.get())) return invalid(request, "a descriptor that is not an eventfd's");
  for (std::uint32_t i = 0; i < request.count; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << (request.start + i);
    if (kind != VFIO_IRQ_SET_DATA_EVENTFD) {
      if (kind == VFIO_IRQ_SET_DATA_NONE || data[i] != std::byte{0}) raise(bit);
      continue;
    }
    FileDescriptor& trigger = triggers_[request.start + i];
    trigger = fds.empty() ? FileDescriptor() : std::move(fds[i]);
    if (!trigger) continue;
    // The server waits for nobody, whatever the client does with the counter.
    ::fcntl(trigger.get(), F_SETFL, ::fcntl(trigger.get(), F_GETFL) | O_NONBLOCK);
    if ((pending_ & bit) != 0) {
      pending_ &= ~bit;
      raise(bit);
    }
  }
  return {};
}

bool Msix::in_table(std::uint64_t offset, unsigned size) const {
  return offset >= layout_.msix_table && offset + size <= layout_.msix_table + table_.size();
}

std::uint64_t Msix::read(std::uint64_t offset, unsigned size) const {
  std::uint64_t value = 0;
  if (in_table(offset, size)) {
    std::memcpy(&value, table_.data() + (offset - layout_.msix_table), size);
  } else if (offset >= layout_.msix_pending && offset < layout_.msix_pending + sizeof pending_) {
    std::memcpy(&value, reinterpret_cast<const std::byte*>(&pending_) + (offset - layout_.msix_pending), size);
  }
  return value;
}

void Msix::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  if (in_table(offset, size)) std::memcpy(table_.data() + (offset - layout_.msix_table), &value, size);
}

}  // namespace aperture::sw::serve
