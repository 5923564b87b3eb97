// SPDX-License-Identifier: Apache-2.0
#include "ioas/state.hpp"

#include <algorithm>
#include <bit>

namespace aperture::ioas {

void Shape::reserve(IovaRange range, Cause cause, std::uint64_t owner, const std::string& device) {
  reservations.push_back({range, cause, owner, device, generation + 1});
  recompute_reserved();
}

void Shape::drop_owner(std::uint64_t owner) noexcept {
  std::erase_if(reservations, [&](const Reservation& r) { return r.owner == owner; });
  recompute_reserved();
}

void Shape::recompute_reserved() {
  reserved.rebuild([this](std::vector<IovaRange>& out) {
    for (const Reservation& r : reservations) out.push_back(r.range);
  });
}

std::uint64_t Shape::needed_alignment() const {
  std::uint64_t needed = huge_pages ? 1 : kPageSize;
  for (const Slot& slot : slots)
    needed = std::max(needed, std::uint64_t{1} << std::countr_zero(slot.format.page_sizes));
  return needed;
}

RangeSet Shape::required() const {
  RangeSet out(allowed);
  for (const PlacedWindow& placed : windows) out.add(placed.range);
  return out;
}

std::list<Attachment>::iterator Shape::find(const Device& device, ProcessId process) {
  return std::ranges::find_if(attachments,
                              [&](const Attachment& a) { return a.device == &device && a.process == process; });
}

std::vector<PlacedWindow>::iterator Shape::window(const std::string& name) {
  return std::ranges::find_if(windows, [&](const PlacedWindow& w) { return w.window.name == name; });
}

}  // namespace aperture::ioas
