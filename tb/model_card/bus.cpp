// SPDX-License-Identifier: Apache-2.0
#include "tb/model_card/bus.hpp"

#include <algorithm>
#include <utility>

namespace aperture::tb::model {
namespace {

constexpr std::uint64_t kBeat = 8;

}  // namespace

std::optional<AccessResult> Bus::access(const DeviceAccess& access) {
  ++counters_.translations;
  Result<AccessResult> result = iommu_.access(access);
  if (!result || !result->ok) {
    ++counters_.faults;
    return std::nullopt;
  }
  if (result->memory_error) return std::nullopt;
  return std::move(*result);
}

bool Bus::read(DeviceAccess as, std::span<std::byte> to) {
  as.write = false;
  as.length = static_cast<unsigned>(to.size());
  const auto result = access(as);
  if (!result) return false;
  const std::uint64_t first = as.iova / kBeat;
  const std::uint64_t last = (as.iova + to.size() - 1) / kBeat;
  counters_.read_bytes += (last - first + 1) * kBeat;
  std::ranges::copy(result->data, to.begin());
  return true;
}

bool Bus::write(DeviceAccess as, std::span<const std::byte> from) {
  as.write = true;
  as.exec = false;
  as.length = static_cast<unsigned>(from.size());
  as.data.emplace(from.begin(), from.end());
  if (!access(as)) return false;
  counters_.write_bytes += from.size();
  return true;
}

std::optional<AtsResult> Bus::translate(const DeviceAccess& request) {
  ++counters_.translations;
  const Result<AtsResult> result = iommu_.ats(request);
  if (result && result->status == AtsResult::Status::kSuccess) return *result;
  ++counters_.faults;
  return std::nullopt;
}

void Bus::page_request(const PageRequest& request) { static_cast<void>(iommu_.page_request(request)); }

}  // namespace aperture::tb::model
