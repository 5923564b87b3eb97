// SPDX-License-Identifier: Apache-2.0
#include "run/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "card/registers.hpp"
#include "run/unsuitable.hpp"
#include "session.hpp"

namespace aperture::sw::run {
namespace {

constexpr std::string_view kVfio = "vfio:";

std::uint64_t mask_of(std::uint64_t bits) { return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1; }

template <typename T>
ioas::Outcome<T*> find(const std::map<std::string, std::unique_ptr<T>>& all, const std::string& name,
                       std::string_view what) {
  const auto found = all.find(name);
  if (found != all.end()) return found->second.get();
  return std::unexpected(refusal(Code::kNotFound, ENOENT, fmt::format("there is no {} \"{}\" now", what, name)));
}

ioas::Refusal exists(std::string_view what, const std::string& name) {
  return refusal(Code::kExists, EEXIST, fmt::format("{} \"{}\" exists", what, name));
}

std::unique_ptr<ioas::MemoryDevice> make_memory(const DeviceSpec& spec, ioas::MemoryPins& pins) {
  ioas::MemoryDeviceOptions options;
  options.reservations = spec.reserved;
  options.dma_bits = static_cast<unsigned>(std::min<std::uint64_t>(spec.dma_bits, 64));
  const std::uint64_t of_domain = spec.domain_page_sizes.value_or(spec.page_sizes.value_or(kPageSize));
  options.formats = {{.name = "memory",
                      .stage = 1,
                      .levels = 1,
                      .apertures = spec.apertures.empty() ? std::vector{ioas::kAll} : spec.apertures,
                      .page_sizes = of_domain & spec.page_sizes.value_or(~std::uint64_t{0})}};
  return std::make_unique<ioas::MemoryDevice>(spec.name, static_cast<std::uint32_t>(spec.device_id), pins,
                                              std::move(options));
}

}  // namespace

ioas::Refusal refusal(Error error) {
  ioas::Report report;
  report.reason = error.what;
  return {std::move(error), std::make_shared<const ioas::Report>(std::move(report)), nullptr, 0};
}

ioas::Refusal refusal(Code code, int number, std::string what) { return refusal(Error{code, number, std::move(what)}); }

Result<std::unique_ptr<ioas::Residency>> ScenarioPins::pin(const ioas::Pages& pages) {
  const bool there = std::ranges::any_of(memories_, [&](const auto& memory) {
    return memory.second->holds(pages.data(), pages.size(), pages.writable());
  });
  if (!there) return aperture::fail(Code::kFault, EFAULT, "the memory is not mapped, or may not be written");
  return MemoryPins::pin(pages);
}

World::World(const Scenario& scenario, riscv::Iommu* iommu, const Bindings& bindings)
    : scenario_(scenario), iommu_(iommu) {
  for (const DeviceSpec& spec : scenario.devices) make_device(spec, bindings);
  for (const auto& [name, entry] : devices_) platform_.add_known(*entry.device);
}

World::~World() {
  for (auto& [name, entry] : devices_) {
    if (entry.handler) (void)set_handler(entry, {});
  }
  channels_.clear();
  mirrors_.clear();
  spaces_.clear();
  for (const auto& [name, entry] : devices_) platform_.remove_known(*entry.device);
}

void World::make_device(const DeviceSpec& spec, const Bindings& bindings) {
  DeviceEntry entry;
  entry.spec = spec;
  if (spec.home == Home::kMemory) {
    auto device = make_memory(spec, pins_);
    entry.memory = device.get();
    entry.device = std::move(device);
  } else if (spec.home == Home::kHost) {
    entry.device = make_host(spec, bindings.at(spec.name));
  } else {
    const auto count =
        regs::card::parameters_f::channels.get(card::read(iommu_->card().mmio(), regs::card::parameters));
    const auto before =
        std::ranges::count_if(devices_, [](const auto& other) { return other.second.spec.home == Home::kRiscv; });
    if (count == 0) throw Unsuitable("the card has no DMA channels");
    if (spec.channel && *spec.channel >= count) {
      throw Unsuitable(
          fmt::format("device \"{}\" wants DMA channel {}; the card has {}", spec.name, *spec.channel, count));
    }
    entry.channel = static_cast<unsigned>(spec.channel.value_or(static_cast<std::uint64_t>(before) % count));
    // Only a device that somebody answers may ask.
    entry.page_requests = regs::iommu::capabilities_f::ats.get(iommu_->capabilities()) != 0 &&
                          std::ranges::any_of(scenario_.steps, [&](const Json& step) {
                            return step["step"] == "handler" && step["device"] == spec.name;
                          });
    entry.device = make_riscv(spec, entry.page_requests);
  }
  devices_.emplace(spec.name, std::move(entry));
}

std::unique_ptr<ioas::Device> World::make_riscv(const DeviceSpec& spec, bool page_requests) {
  if (spec.device_id > iommu_->last_device_id()) {
    throw Unsuitable(fmt::format("device \"{}\": the card's device directory ends at {:#x}, before {:#x}", spec.name,
                                 iommu_->last_device_id(), spec.device_id));
  }
  riscv::DeviceOptions options;
  options.name = spec.name;
  options.device_id = static_cast<std::uint32_t>(spec.device_id);
  options.dma_mask = mask_of(spec.dma_bits);
  options.page_sizes = spec.page_sizes.value_or(options.page_sizes);
  options.reservations = spec.reserved;
  options.ats = options.page_requests = page_requests;
  auto made = iommu_->make_device(options);
  if (!made) throw Unsuitable(made.error().what);
  return std::move(*made);
}

std::unique_ptr<ioas::Device> World::make_host(const DeviceSpec& spec, const std::string& place) {
  if (!machine_) machine_ = std::make_unique<host::Machine>();
  host::DeviceOptions options{.name = spec.name, .dma_mask = mask_of(spec.dma_bits), .reservations = spec.reserved};
  auto opened = machine_->open(place.starts_with(kVfio) ? place.substr(kVfio.size()) : place, std::move(options));
  if (!opened) throw Failure(Exit::kEnvironment, opened.error().what);
  return std::move(*opened);
}

ioas::PinProvider& World::eager_provider() {
  if (scenario_.devices.empty()) return pins_;
  return devices_.at(scenario_.devices.front().name).device->pin_provider();
}

ioas::Outcome<ioas::Ioas*> World::ioas(const std::string& name) {
  const auto found = spaces_.find(name);
  if (found != spaces_.end()) return found->second.ioas.get();
  return std::unexpected(refusal(Code::kNotFound, ENOENT, fmt::format("there is no IOAS \"{}\" now", name)));
}

ioas::Outcome<Memory*> World::memory(const std::string& name) { return find(memories_, name, "memory"); }

ioas::Outcome<ioas::Mirror*> World::mirror(const std::string& name) { return find(mirrors_, name, "mirror"); }

ioas::Outcome<ioas::Ioas*> World::add_ioas(const std::string& name, bool huge_pages, bool eager) {
  if (spaces_.contains(name)) return std::unexpected(exists("IOAS", name));
  ioas::PinProvider* const pins = eager ? &eager_provider() : nullptr;
  auto made = std::make_unique<ioas::Ioas>(platform_, ioas::IoasOptions{name, huge_pages, pins});
  return spaces_.emplace(name, Space{std::move(made), eager}).first->second.ioas.get();
}

ioas::Outcome<> World::add_memory(const std::string& name, std::unique_ptr<Memory> memory) {
  if (!memories_.try_emplace(name, std::move(memory)).second) return std::unexpected(exists("memory", name));
  return {};
}

ioas::Outcome<ioas::Mirror*> World::add_mirror(const std::string& name) {
  if (mirrors_.contains(name)) return std::unexpected(exists("mirror", name));
  auto made = std::make_unique<ioas::Mirror>(platform_, ioas::IoasOptions{.name = name});
  return mirrors_.emplace(name, std::move(made)).first->second.get();
}

void World::drop_ioas(const std::string& name) {
  for (auto& [device, entry] : devices_) {
    if (entry.handler && entry.handler->ioas == name) (void)set_handler(entry, {});
  }
  spaces_.erase(name);
}

ioas::Outcome<> World::set_handler(DeviceEntry& device, Handler handler) {
  if (device.spec.home == Home::kRiscv && device.page_requests) {
    iommu_->page_request_handlers().set(device.device->device_id(), {}, handler.answer);
  } else if (device.memory == nullptr) {
    return std::unexpected(
        refusal(Code::kUnsupported, EOPNOTSUPP, fmt::format("device {} sends no page requests", device.spec.name)));
  }
  device.handler = handler.answer ? std::optional(std::move(handler)) : std::nullopt;
  return {};
}

World::Pins World::pins(const Memory& memory) const {
  Pins out;
  std::set<const ioas::Pages*> seen;
  const auto add = [&](const ioas::Ioas& ioas) {
    std::uint64_t areas = 0;
    for (const ioas::Ioas::MapInfo& map : ioas.maps()) {
      if (!memory.owns(*map.pages)) continue;
      ++areas;
      if (seen.insert(map.pages.get()).second) out.bytes += map.pages->pinned_bytes();
    }
    return areas;
  };
  for (const auto& [name, space] : spaces_) out.areas += add(*space.ioas);
  for (const auto& [name, mirror] : mirrors_) add(mirror->space());
  return out;
}

}  // namespace aperture::sw::run
