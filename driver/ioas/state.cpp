// SPDX-License-Identifier: Apache-2.0
#include "ioas/state.hpp"

#include <algorithm>
#include <bit>

namespace aperture::ioas {

void Shape::reserve(Reservation reservation) {
  reservations.push_back(std::move(reservation));
  reserved.make_room(reservations.size());
  reserved.add(reservations.back().range);
}

void Shape::drop_owner(std::uint64_t owner, std::list<Reservation>& gone) noexcept {
  for (auto r = reservations.begin(); r != reservations.end();) {
    const auto one = r++;
    if (one->owner == owner) gone.splice(gone.end(), reservations, one);
  }
  recompute_reserved();
}

void Shape::recompute_reserved() noexcept {
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
  std::vector<IovaRange> ranges = allowed;
  for (const PlacedWindow& placed : windows) ranges.push_back(placed.range);
  return RangeSet(ranges);
}

std::list<Attachment>::iterator Shape::find(const Device& device, ProcessId process) {
  return std::ranges::find_if(attachments,
                              [&](const Attachment& a) { return a.device == &device && a.process == process; });
}

std::vector<PlacedWindow>::iterator Shape::window(const std::string& name) {
  return std::ranges::find_if(windows, [&](const PlacedWindow& w) { return w.window.name == name; });
}

}  // namespace aperture::ioas
