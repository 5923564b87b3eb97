// SPDX-License-Identifier: Apache-2.0
#include "host/device.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstdlib>

#include "ioas/range_set.hpp"

namespace aperture::host {
namespace {

/// "0000:01:02.3" as the number that the bus has for it.
std::uint32_t requester_id(const std::string& address) {
  const std::size_t colon = address.find(':');
  char* end{};
  const unsigned long bus = std::strtoul(address.c_str() + colon + 1, &end, 16);
  const unsigned long device = std::strtoul(end + 1, &end, 16);
  const unsigned long function = std::strtoul(end + 1, &end, 16);
  return static_cast<std::uint32_t>(bus << 8 | device << 3 | function);
}

ioas::Format format_of(const vfio::Ranges& ranges) {
  const Iova last = ranges.ranges.back().last;
  return {.name = fmt::format("host-{}", std::bit_width(last.value)),
          .stage = 1,
          .levels = 0,
          .apertures = {{ranges.ranges.front().first, last}},
          .page_sizes = ranges.page_sizes};
}

/// What lies between the kernel's ranges.
ioas::RangeSet holes_of(const vfio::Ranges& ranges) {
  const IovaRange all{ranges.ranges.front().first, ranges.ranges.back().last};
  ioas::RangeSet holes(std::span(&all, 1));
  holes.subtract(ioas::RangeSet(ranges.ranges));
  return holes;
}

}  // namespace

std::vector<ioas::DeviceReservation> Device::with_causes(ioas::RangeSet holes, const vfio::Function& function) {
  std::vector<ioas::DeviceReservation> out;
  for (const vfio::ReservedRegion& region :
       vfio::reserved_regions(function.kernel(), function.location().group.value_or(0))) {
    if (region.type != "msi") continue;
    const ioas::RangeSet found = holes.intersect(ioas::RangeSet(std::span(&region.range, 1)));
    for (const IovaRange& range : found.ranges()) out.push_back({range, ioas::Cause::kMsi});
    holes.subtract(found);
  }
  for (const IovaRange& range : holes.ranges()) out.push_back({range, ioas::Cause::kReserved});
  return out;
}

Device::Device(std::unique_ptr<vfio::Function> function, PinProvider& pins, const vfio::Ranges& ranges,
               DeviceOptions options)
    : function_(std::move(function)),
      pins_(pins),
      options_(std::move(options)),
      device_id_(requester_id(function_->location().address)),
      formats_{format_of(ranges)} {
  if (options_.name.empty()) options_.name = function_->location().address;
  const auto holes = with_causes(holes_of(ranges), *function_);
  options_.reservations.insert(options_.reservations.begin(), holes.begin(), holes.end());
}

Result<> Device::check(ioas::ProcessId process) const {
  if (!process) return {};
  return fail(
      Code::kUnsupported, EOPNOTSUPP,
      fmt::format("device {}: address spaces per process (PASID) are not supported behind the host's IOMMU", name()));
}

}  // namespace aperture::host
