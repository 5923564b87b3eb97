// SPDX-License-Identifier: Apache-2.0
#include "serve/dma_maps.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/types.hpp"

namespace aperture::sw::serve {
namespace {

using card::vfio_user::DmaMap;
using card::vfio_user::DmaUnmap;

std::string text(std::uint64_t address, std::uint64_t size) { return fmt::format("{:#x} + {:#x}", address, size); }

bool makes_sense(std::uint64_t address, std::uint64_t size) {
  return size != 0 && address % kPageSize == 0 && size % kPageSize == 0 && size - 1 <= ~address;
}

}  // namespace

Result<> DmaMaps::map(const DmaMap& request, FileDescriptor file) {
  const auto [argsz, flags, offset, address, size] = request;
  if (argsz < sizeof request || (flags & ~(DmaMap::kRead | DmaMap::kWrite)) != 0)
    return fail(Code::kInvalid, EINVAL, fmt::format("DMA_MAP with argsz {} and flags {:#x}", argsz, flags));
  if (!makes_sense(address, size))
    return fail(Code::kInvalid, EINVAL, fmt::format("DMA_MAP of {}", text(address, size)));
  Map made{address + (size - 1), flags, offset, nullptr};
  const auto at = maps_.upper_bound(made.last);
  if (at != maps_.begin()) {
    const auto& [first, before] = *std::prev(at);
    if (before.last >= address && (first != address || before.last != made.last))
      return fail(Code::kExists, EEXIST, fmt::format("DMA_MAP of {} overlaps another map", text(address, size)));
  }
  if (maps_.size() >= kMost && !maps_.contains(address))
    return fail(Code::kNoSpace, ENOSPC, fmt::format("there are {} DMA maps already", kMost));
  if (file) {
    if (size > ~std::uint64_t{0} - offset) return fail(Code::kInvalid, EINVAL, "DMA_MAP beyond the end of any file");
    auto opened = files_.open(std::move(file), offset + size);
    if (!opened) return fail(opened.error().code, opened.error().number, "DMA_MAP: " + opened.error().what);
    if (((flags & DmaMap::kRead) != 0 && !(*opened)->readable()) ||
        ((flags & DmaMap::kWrite) != 0 && !(*opened)->writable()))
      return fail(Code::kPermission, EACCES, "DMA_MAP allows more than its file is open for");
    made.file = std::move(*opened);
  }
  maps_.insert_or_assign(address, std::move(made));
  return {};
}

Result<> DmaMaps::unmap(const DmaUnmap& request) {
  const auto [argsz, flags, address, size] = request;
  if (argsz < sizeof request || (flags & ~DmaUnmap::kAll) != 0)
    return fail(Code::kInvalid, EINVAL, fmt::format("DMA_UNMAP with argsz {} and flags {:#x}", argsz, flags));
  if (flags == DmaUnmap::kAll) {
    if (address != 0 || size != 0)
      return fail(Code::kInvalid, EINVAL, fmt::format("DMA_UNMAP of all and of {}", text(address, size)));
    clear();
    return {};
  }
  if (!makes_sense(address, size))
    return fail(Code::kInvalid, EINVAL, fmt::format("DMA_UNMAP of {}", text(address, size)));
  cut(address, address + (size - 1));
  return {};
}

void DmaMaps::cut(std::uint64_t first, std::uint64_t last) {
  auto at = maps_.upper_bound(first);
  if (at != maps_.begin()) --at;
  while (at != maps_.end() && at->first <= last) {
    const std::uint64_t start = at->first;
    const Map old = at->second;
    if (old.last < first) {
      ++at;
      continue;
    }
    at = maps_.erase(at);
    if (start < first) maps_.emplace(start, Map{first - 1, old.flags, old.offset, old.file});
    if (old.last > last) maps_.emplace(last + 1, Map{old.last, old.flags, old.offset + (last + 1 - start), old.file});
  }
}

DmaMaps::Maps::const_iterator DmaMaps::find(std::uint64_t address, std::size_t size) const {
  auto at = maps_.upper_bound(address);
  if (at == maps_.begin()) return maps_.end();
  --at;
  const bool within = address <= at->second.last && size - 1 <= at->second.last - address;
  return within ? at : maps_.end();
}

bool DmaMaps::read(std::uint64_t address, std::span<std::byte> to) const {
  const auto at = find(address, to.size());
  if (at == maps_.end() || !at->second.file || (at->second.flags & DmaMap::kRead) == 0) return false;
  return at->second.file->read(at->second.offset + (address - at->first), to);
}

bool DmaMaps::write(std::uint64_t address, std::span<const std::byte> from) const {
  const auto at = find(address, from.size());
  if (at == maps_.end() || !at->second.file || (at->second.flags & DmaMap::kWrite) == 0) return false;
  return at->second.file->write(at->second.offset + (address - at->first), from);
}

std::optional<bool> DmaMaps::exchange(std::uint64_t address, std::span<const std::byte> expected,
                                      std::span<const std::byte> desired) const {
  constexpr std::uint32_t kBoth = DmaMap::kRead | DmaMap::kWrite;
  const auto at = find(address, expected.size());
  if (at == maps_.end() || !at->second.file || (at->second.flags & kBoth) != kBoth) return std::nullopt;
  return at->second.file->exchange(at->second.offset + (address - at->first), expected, desired);
}

}  // namespace aperture::sw::serve
