// SPDX-License-Identifier: Apache-2.0
#include "ioas/memory_domain.hpp"
#include "world.hpp"

namespace aperture::ioas::test {
namespace {

class MemoryWorld : public World {
 public:
  Device& add_device(const DeviceSpec& spec) override {
    MemoryDeviceOptions options{{}, spec.reservations, spec.dma_bits};
    const auto id = static_cast<std::uint32_t>(devices_.size() + 1);
    devices_.push_back(std::make_unique<MemoryDevice>(spec.name, id, pins_, options));
    return *devices_.back();
  }
  bool read(Device& device, Iova from, std::span<std::byte> to) override {
    MemoryFault fault;
    return static_cast<MemoryDevice&>(device).dma_read(from, to, fault).has_value();
  }
  bool write(Device& device, Iova to, std::span<const std::byte> from) override {
    MemoryFault fault;
    return static_cast<MemoryDevice&>(device).dma_write(to, from, fault).has_value();
  }
  std::uint64_t pinned_bytes() const override { return pins_.pinned_bytes(); }

 private:
  MemoryPins pins_;
  std::vector<std::unique_ptr<MemoryDevice>> devices_;
};

}  // namespace

std::vector<WorldKind> worlds() {
  return {{"memory", [] { return std::make_unique<MemoryWorld>(); }}};
}

}  // namespace aperture::ioas::test
