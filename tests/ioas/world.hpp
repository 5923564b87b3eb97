// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "ioas/device.hpp"
#include "ioas/platform.hpp"

namespace aperture::ioas::test {

/// What a conformance test asks of a device.
struct DeviceSpec {
  std::string name;
  unsigned dma_bits{64};
  std::vector<DeviceReservation> reservations{};
};

/// A kind of Domain and Device under test. Devices of one world are behind one IOMMU.
class World {
 public:
  virtual ~World() = default;
  /// What a test needs and this world does not have; empty: nothing. Then its tests are skipped.
  virtual std::string lacks() const { return {}; }
  /// At most two.
  virtual Device& add_device(const DeviceSpec& spec) = 0;
  /// One access by a device: false if it faulted (then nothing was transferred before the fault's address).
  virtual bool read(Device& device, Iova from, std::span<std::byte> to) = 0;
  virtual bool write(Device& device, Iova to, std::span<const std::byte> from) = 0;
  /// Bytes that the world's provider has pinned for IOASes.
  virtual std::uint64_t pinned_bytes() const = 0;
  /// Whether an attached device can go to another IOAS without a detach in between.
  virtual bool replaces() const { return true; }
  Platform& platform() { return platform_; }

 private:
  Platform platform_;
};

struct WorldKind {
  std::string name;
  std::function<std::unique_ptr<World>()> make;
};
inline void PrintTo(const WorldKind& kind, std::ostream* out) { *out << kind.name; }

/// Those of this test program: each program links one of the *_world.cpp.
std::vector<WorldKind> worlds();

}  // namespace aperture::ioas::test
