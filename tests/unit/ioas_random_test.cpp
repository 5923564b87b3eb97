// SPDX-License-Identifier: Apache-2.0
// Any sequence of calls: what is refused changes nothing, and what devices reach is what is mapped.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "ioas/host_memory.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/operations.hpp"

namespace aperture::ioas::test {
namespace {

/// What a refused call must not change.
struct Seen {
  std::vector<IovaRange> ranges;
  std::uint64_t alignment{};
  std::uint64_t generation{};
  std::size_t maps{};
  std::vector<Device*> attached;
  std::vector<IovaRange> allowed;
  bool operator==(const Seen&) const = default;
};

Seen see(const Ioas& ioas) {
  const Ranges ranges = ioas.ranges();
  return {ranges.ranges, ranges.alignment, ranges.generation, ioas.map_count(), ioas.attached(), ioas.allowed()};
}

std::vector<Seen> see(Machine& machine) {
  std::vector<Seen> out;
  for (unsigned i = 0; i < Machine::kSpaces; ++i) out.push_back(see(machine.space(i)));
  return out;
}

/// Maps keep to the ranges and the alignment, and every device reaches exactly what its IOAS has.
void expect_consistent(Machine& machine, const Platform& platform) {
  for (unsigned i = 0; i < Machine::kSpaces; ++i) {
    Ioas& ioas = machine.space(i);
    const Ranges ranges = ioas.ranges();
    const RangeSet usable(ranges.ranges);
    for (std::uint64_t at = 0; at < 80; ++at) {
      const auto map = ioas.lookup({at * kPageSize});
      if (!map) continue;
      RC_ASSERT(usable.contains(map->range));
      RC_ASSERT((map->range.first.value | (map->range.extent() + 1)) % ranges.alignment == 0U);
    }
  }
  for (Device* device : machine.devices()) {
    const Ioas* ioas = platform.attached_to(*device, {});
    for (std::uint64_t at = 0; at < 80; ++at) {
      const Iova iova{at * kPageSize};
      const auto map = ioas == nullptr ? std::nullopt : ioas->lookup(iova);
      std::array<std::byte, 1> got{};
      MemoryFault fault;
      const bool reads = static_cast<MemoryDevice*>(device)->dma_read(iova, got, fault).has_value();
      RC_ASSERT(reads == (map.has_value() && readable(map->prot)));
      if (reads) RC_ASSERT(got[0] == map->pages->data()[map->offset + (iova - map->range.first)]);
    }
  }
}

RC_GTEST_PROP(IoasRandom, RefusedCallsChangeNothingAndDevicesReachWhatIsMapped, ()) {
  static Memory memory(2 * Machine::kMemory);
  for (std::size_t i = 0; i < Machine::kMemory; i += 64) memory.data()[i] = static_cast<std::byte>(i / 64 * 7);
  MemoryPins pins;
  const Format narrow{"narrow", 1, 3, {{{0x2000}, {0x2ffff}}, {{0x34000}, {0xffffff}}}, kPageSize};
  MemoryDevice wide("wide", 1, pins, {{}, {{{{0x10000}, {0x11fff}}, Cause::kMsi}}, 64});
  MemoryDevice two_windows("two windows", 2, pins, {{narrow}, {}, 64});
  MemoryDevice fine("fine", 3, pins, {{{"fine", 1, 1, {kAll}, 0x400}}, {}, 40});
  Platform platform;
  {
    Machine machine(platform, {&wide, &two_windows, &fine}, memory.data());
    for (const Operation& operation : *operations(3)) {
      const std::vector<Seen> before = see(machine);
      const std::uint64_t pinned = pins.pinned_bytes();
      const Answer answer = machine.play(operation);
      RC_LOG() << operation << ": " << answer << "\n";
      if (answer.number != 0) {
        RC_ASSERT(see(machine) == before);
        RC_ASSERT(pins.pinned_bytes() == pinned);
      }
      expect_consistent(machine, platform);
    }
  }
  RC_ASSERT(pins.pinned_bytes() == 0U);
}

}  // namespace
}  // namespace aperture::ioas::test
