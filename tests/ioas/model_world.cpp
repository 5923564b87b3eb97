// SPDX-License-Identifier: Apache-2.0
#include "ioas/model_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "ioas/host_memory.hpp"

namespace aperture::ioas::test {
namespace {

constexpr std::uint64_t kHighest = ~std::uint64_t{0};
constexpr std::uint64_t kHole = 96 * kPageSize;
constexpr std::uint64_t kHoleBytes = 4 * kPageSize;

struct Kind {
  const char* name;
  std::vector<Format> formats;
  std::vector<IovaRange> reservations{};
  unsigned dma_bits{64};
  std::size_t provider{};
  bool own_domains_only{};
};

IovaRange range(std::uint64_t first, std::uint64_t last) { return {{first}, {last}}; }

/// Between them, every reason for which an attach can be refused, and most ways to share a domain.
const std::vector<Kind>& kinds() {
  constexpr std::uint64_t kMixed = 0x40201000;  // 4 KiB, 2 MiB, 1 GiB
  static const Format kAll{"all", 1, 4, {range(0, kHighest)}, kMixed};
  static const Format kNarrow{"narrow", 1, 2, {range(0x1000, 0x1ffff)}, kMixed};
  static const Format kMiddle{"middle", 1, 3, {range(0, 0x7fffffffff)}, kMixed};
  static const Format kHalves{
      "halves", 1, 3, {range(0, 0x17fff), range(0x20000, 0x2ffff), range(kHighest - 0xffffff, kHighest)}, kMixed};
  static const Format kSecond{"second", 2, 3, {range(0, 0x1ffffffffff)}, kMixed};
  static const Format kFine{"fine", 1, 2, {range(0x4000, 0xffffff)}, 0x1200};
  static const Format kFiner{"finer", 1, 2, {range(0, kHighest)}, 0x1010};
  static const Format kCoarse{"coarse", 1, 2, {range(0, 0xffffffff)}, 0x4000};
  static const std::vector<Kind> kKinds{
      {"everything", {kAll}},
      {"narrow", {kNarrow}},
      {"halves", {kHalves}},
      {"choosy", {kNarrow, kMiddle, kSecond}},
      {"second stage", {kSecond}, {range(0x8000, 0x8fff)}},
      {"fine", {kFine}},
      {"finer", {kFiner}, {range(0x9000, 0x97ff)}},
      {"coarse", {kCoarse}, {range(0x5000, 0x8fff)}},
      {"too coarse at its largest", {kMiddle, kCoarse}, {range(0x14000, 0x17fff)}},
      {"msi", {kMiddle}, {range(0x10000, 0x11fff), range(0x11000, 0x12fff), range(0xfee00000, 0xfeefffff)}},
      {"masked", {kAll}, {}, 17},
      {"elsewhere", {kAll}, {range(0x30000, 0x30fff)}, 64, 1},
      {"alone", {kAll}, {}, 40, 0, true},
      {"alone elsewhere", {kNarrow, kAll}, {}, 64, 1, true},
  };
  return kKinds;
}

const std::vector<std::uint64_t>& limits() {
  static const std::vector<std::uint64_t> kLimits{40 * kPageSize, 16 * kPageSize};
  return kLimits;
}

/// Patterned, and more aligned than automatic IOVAs are.
std::byte* memory() {
  static Memory bytes = [] {
    Memory fresh(Machine::kMemory, std::size_t{8} << 20);
    for (std::size_t i = 0; i < Machine::kMemory; ++i)
      fresh.data()[i] = static_cast<std::byte>(i * 7 + i / 256 * 11 + i / 65536 * 3);
    return fresh;
  }();
  return bytes.data();
}

std::uint64_t address(const std::byte* byte) { return reinterpret_cast<std::uint64_t>(byte); }

std::vector<std::unique_ptr<LimitedPins>> make_pins() {
  std::vector<std::unique_ptr<LimitedPins>> result;
  for (const std::uint64_t limit : limits()) {
    result.push_back(std::make_unique<LimitedPins>(limit));
    result.back()->set_hole({memory() + kHole, kHoleBytes});
  }
  return result;
}

std::vector<std::unique_ptr<MemoryDevice>> make_devices(std::span<const std::unique_ptr<LimitedPins>> pins) {
  std::vector<std::unique_ptr<MemoryDevice>> result;
  for (const Kind& kind : kinds()) {
    MemoryDeviceOptions options{kind.formats, {}, kind.dma_bits};
    for (const IovaRange& r : kind.reservations) options.reservations.push_back({r, Cause::kReserved});
    const auto number = static_cast<std::uint32_t>(result.size());
    result.push_back(std::make_unique<MemoryDevice>(kind.name, number, *pins[kind.provider], options));
    if (kind.own_domains_only) result.back()->refuse_shared_domains();
  }
  return result;
}

std::vector<Device*> plain(std::span<const std::unique_ptr<MemoryDevice>> devices) {
  std::vector<Device*> result;
  for (const auto& device : devices) result.push_back(device.get());
  return result;
}

ModelMachine described() {
  ModelMachine result{address(memory()), kHole, kHoleBytes, limits(), {}};
  for (const Kind& kind : kinds()) {
    const std::uint64_t highest = kind.dma_bits == 64 ? kHighest : (std::uint64_t{1} << kind.dma_bits) - 1;
    result.devices.push_back({kind.formats, kind.reservations, highest, kind.provider, kind.own_domains_only});
  }
  return result;
}

std::string text(std::span<const IovaRange> ranges) {
  std::string result;
  for (const IovaRange& r : ranges) result += fmt::format(" [{:#x}, {:#x}]", r.first.value, r.last.value);
  return result.empty() ? " none" : result;
}

std::string text(const LinuxModel::Area& area, std::uint64_t first) {
  return fmt::format("[{:#x}, {:#x}] to memory {:#x}, prot {}", first, area.last, area.memory - address(memory()),
                     static_cast<int>(area.prot));
}

template <typename T>
std::vector<T> sorted(std::vector<T> list) {
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace

Result<std::unique_ptr<Residency>> LimitedPins::pin(const Pages& pages) {
  // The provider's own refusals come first, as the kernel charges what it has pinned.
  Result<std::unique_ptr<Residency>> residency = MemoryPins::pin(pages);
  if (residency && pinned_bytes() > limit_) return fail(Code::kNoMemory, ENOMEM, "limit of pinned memory");
  return residency;
}

unsigned ModelWorld::device_count() { return static_cast<unsigned>(kinds().size()); }

ModelWorld::ModelWorld()
    : pins_(make_pins()),
      devices_(make_devices(pins_)),
      machine_(platform_, plain(devices_), memory()),
      model_(described()) {}

std::string ModelWorld::difference() {
  for (unsigned space = 0; space < Machine::kSpaces; ++space) {
    if (const std::string found = space_difference(space); !found.empty()) {
      return fmt::format("ioas {}: {}", space, found);
    }
  }
  for (unsigned device = 0; device < device_count(); ++device) {
    if (const std::string found = device_difference(device); !found.empty()) {
      return fmt::format("device {} ({}): {}", device, devices_[device]->name(), found);
    }
  }
  for (std::size_t provider = 0; provider < pins_.size(); ++provider) {
    const std::uint64_t layer = pins_[provider]->pinned_bytes();
    const std::uint64_t linux = model_.pinned_bytes(provider);
    if (layer != linux) return fmt::format("provider {}: pinned {:#x}, Linux {:#x}", provider, layer, linux);
  }
  return {};
}

std::string ModelWorld::space_difference(unsigned space) {
  const Ioas& ioas = machine_.space(space);
  const Ranges ranges = ioas.ranges();
  if (ranges.ranges != model_.ranges(space)) {
    return "ranges" + text(ranges.ranges) + ", Linux" + text(model_.ranges(space));
  }
  if (ranges.alignment != model_.alignment(space)) {
    return fmt::format("alignment {:#x}, Linux {:#x}", ranges.alignment, model_.alignment(space));
  }
  if (const auto allowed = sorted(ioas.allowed()); allowed != model_.allowed(space)) {
    return "allowed" + text(allowed) + ", Linux" + text(model_.allowed(space));
  }
  if (ioas.huge_pages() != model_.huge_pages(space)) return "huge pages differ";
  const auto& areas = model_.areas(space);
  for (const auto& [first, area] : areas) {
    for (const std::uint64_t at : {first, area.last}) {
      const auto map = ioas.lookup({at});
      if (!map) return fmt::format("nothing at {:#x}, Linux {}", at, text(area, first));
      const LinuxModel::Area layer{map->range.last.value, map->prot, address(map->pages->data()) + map->offset,
                                   area.pages};
      if (map->range.first.value != first || layer != area) {
        return text(layer, map->range.first.value) + ", Linux " + text(area, first);
      }
    }
  }
  if (ioas.map_count() != areas.size()) return fmt::format("{} maps, Linux {}", ioas.map_count(), areas.size());
  return {};
}

std::string ModelWorld::device_difference(unsigned device) {
  const auto& attachments = model_.attachments();
  const auto& here = attachments.at(device);
  const std::shared_ptr<MemoryDomain> domain = devices_[device]->domain();
  for (unsigned space = 0; space < Machine::kSpaces; ++space) {
    const auto attached = machine_.space(space).attached();
    const bool layer = std::find(attached.begin(), attached.end(), devices_[device].get()) != attached.end();
    if (layer != (here && here->space == space)) return fmt::format("attached to {} differs", space);
  }
  if ((domain != nullptr) != here.has_value()) return "has a domain, or none, and in Linux not so";
  if (!here) return {};
  if (domain->format() != model_.format(*here)) {
    return "domain of " + domain->format().name + ", Linux " + model_.format(*here).name;
  }
  for (unsigned other = 0; other < device; ++other) {
    const auto& there = attachments.at(other);
    const bool shared = there && there->domain == here->domain;
    if ((devices_[other]->domain() == domain) != shared) return fmt::format("shares with {} differs", other);
  }
  const auto& areas = model_.areas(here->space);
  if (domain->map_count() != areas.size()) {
    return fmt::format("domain has {} maps, Linux {}", domain->map_count(), areas.size());
  }
  for (const auto& [first, area] : areas) {
    if (const std::string found = reach_difference(device, first, area); !found.empty()) return found;
  }
  return {};
}

std::string ModelWorld::reach_difference(unsigned device, std::uint64_t first, const LinuxModel::Area& area) {
  for (const std::uint64_t at : {first, area.last}) {
    std::array<std::byte, 1> got{};
    MemoryFault fault;
    const std::byte expected = *reinterpret_cast<const std::byte*>(area.memory + (at - first));
    const bool reads = devices_[device]->dma_read({at}, got, fault).has_value();
    if (reads != readable(area.prot)) return fmt::format("reads {:#x}: {}", at, reads);
    if (reads && got[0] != expected) return fmt::format("reads another byte at {:#x}", at);
    got[0] = expected;
    const bool writes = devices_[device]->dma_write({at}, got, fault).has_value();
    if (writes != writable(area.prot)) return fmt::format("writes {:#x}: {}", at, writes);
  }
  return {};
}

}  // namespace aperture::ioas::test
