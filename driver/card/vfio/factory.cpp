// SPDX-License-Identifier: Apache-2.0
#include "card/vfio/factory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "card/pci.hpp"
#include "card/registers.hpp"
#include "card/vfio/interrupts.hpp"
#include "card/vfio/memory.hpp"
#include "vfio/function.hpp"

namespace aperture::card {
namespace {

constexpr std::uint64_t kUsualClock = 100'000'000;  ///< where the card does not say

class VfioMmio final : public Mmio {
 public:
  VfioMmio(vfio::Region iommu, vfio::Region card) : iommu_(std::move(iommu)), card_(std::move(card)) {}
  std::uint32_t read32(Bar bar, std::uint64_t offset) override { return region(bar).read32(offset); }
  std::uint64_t read64(Bar bar, std::uint64_t offset) override { return region(bar).read64(offset); }
  void write32(Bar bar, std::uint64_t offset, std::uint32_t value) override { region(bar).write32(offset, value); }
  void write64(Bar bar, std::uint64_t offset, std::uint64_t value) override { region(bar).write64(offset, value); }

 private:
  const vfio::Region& region(Bar bar) const { return bar == Bar::kIommu ? iommu_ : card_; }
  vfio::Region iommu_;
  vfio::Region card_;
};

class VfioCard final : public Card {
 public:
  VfioCard(std::unique_ptr<vfio::Function> function, std::unique_ptr<VfioMmio> mmio, std::unique_ptr<VfioMemory> memory,
           std::unique_ptr<VfioInterrupts> interrupts)
      : function_(std::move(function)),
        mmio_(std::move(mmio)),
        memory_(std::move(memory)),
        interrupts_(std::move(interrupts)) {}
  /// No DMA is under way any more when the memory goes.
  ~VfioCard() override { (void)function_->set_bus_master(false); }
  Mmio& mmio() override { return *mmio_; }
  DmaMemory& memory() override { return *memory_; }
  Interrupts& interrupts() override { return *interrupts_; }
  Result<> function_reset() override { return function_->reset(); }
  std::string description() const override {
    return fmt::format("vfio {} ({})", function_->location().address, vfio::name(function_->backend()));
  }

 private:
  std::unique_ptr<vfio::Function> function_;
  std::unique_ptr<VfioMmio> mmio_;
  std::unique_ptr<VfioMemory> memory_;
  std::unique_ptr<VfioInterrupts> interrupts_;
};

Result<std::optional<vfio::Backend>> backend_of(const Options& options) {
  const std::string wanted = options.text("backend", "auto");
  if (wanted == "auto") return std::nullopt;
  for (const vfio::Backend backend : {vfio::Backend::kIommufd, vfio::Backend::kType1})
    if (wanted == vfio::name(backend)) return backend;
  return fail(Code::kInvalid, EINVAL, fmt::format("card vfio: backend={} is not one of auto, iommufd, type1", wanted));
}

/// The highest bus address that the card's IOMMU can name; everything where it does not say (a card in reset).
std::uint64_t last_address(Mmio& mmio) {
  const std::uint64_t pas = regs::iommu::capabilities_f::pas.get(read(mmio, regs::iommu::capabilities));
  return pas == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << pas) - 1;
}

Result<std::unique_ptr<Card>> open(vfio::Kernel& kernel, const Options& options) {
  const auto backend = backend_of(options);
  if (!backend) return std::unexpected(backend.error());
  const auto location = vfio::locate(kernel, options.argument);
  if (!location) return std::unexpected(location.error());
  if (location->vendor != pci::kVendor || location->device != pci::kDevice)
    return fail(
        Code::kEnvironment, ENODEV,
        fmt::format("{} is {:04x}:{:04x}, not this card ({:04x}:{:04x}); `lspci -D -d {:04x}:{:04x}` says where "
                    "one is",
                    location->address, location->vendor, location->device, pci::kVendor, pci::kDevice, pci::kVendor,
                    pci::kDevice));
  auto function = vfio::System(kernel, *backend).open(*location);
  if (!function) return std::unexpected(std::move(function.error()));
  auto iommu = (*function)->region(static_cast<unsigned>(Bar::kIommu));
  if (!iommu) return std::unexpected(std::move(iommu.error()));
  auto registers = (*function)->region(static_cast<unsigned>(Bar::kCard));
  if (!registers) return std::unexpected(std::move(registers.error()));
  auto mmio = std::make_unique<VfioMmio>(std::move(*iommu), std::move(*registers));

  auto space = (*function)->own_space();
  if (!space) return std::unexpected(std::move(space.error()));
  const auto kernel_ranges = (*space)->ranges();
  if (!kernel_ranges) return std::unexpected(kernel_ranges.error());
  std::vector<BusRange> outer;
  for (const IovaRange& range : kernel_ranges->ranges) outer.push_back({{range.first.value}, {range.last.value}});
  const std::uint64_t limit = last_address(*mmio);
  if (std::ranges::none_of(outer, [limit](const BusRange& range) { return range.first.value <= limit; }))
    return fail(Code::kUnsupported, EOPNOTSUPP,
                fmt::format("{}: the kernel's IOMMU gives it no address up to {:#x}, which is all that the card's own "
                            "IOMMU can name",
                            location->address, limit));
  auto memory = std::make_unique<VfioMemory>(kernel, std::move(*space), std::move(outer), limit);

  const std::uint64_t clock = read(*mmio, regs::card::clock_hz);
  const bool known = clock != 0 && clock != ~std::uint64_t{0};
  auto interrupts = VfioInterrupts::create(**function, known ? clock : kUsualClock);
  if (!interrupts) return std::unexpected(std::move(interrupts.error()));
  return std::make_unique<VfioCard>(std::move(*function), std::move(mmio), std::move(memory), std::move(*interrupts));
}

}  // namespace

Factory vfio_factory(vfio::Kernel& kernel) {
  return {.name = "vfio",
          .help = "a card on PCIe that is bound to vfio-pci",
          .argument = "PCI address (0000:01:00.0) or path in /sys",
          .argument_needed = true,
          .keys = {{"backend", "iommufd, type1 or auto (iommufd where the kernel has it)"}},
          .open = [&kernel](const Options& options) { return open(kernel, options); }};
}

}  // namespace aperture::card
