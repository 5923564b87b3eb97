// SPDX-License-Identifier: Apache-2.0
// Devices behind the host's IOMMU: QEMU's edu devices. On a kernel in memory, one kind for each interface of the
// kernel's; and on this machine's kernel the devices that APERTURE_EDU names (PCI addresses, separated by commas), by
// way of APERTURE_EDU_BACKEND (iommufd or type1; none: as the driver chooses).
#include <fmt/format.h>

#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "edu.hpp"
#include "fake_edu.hpp"
#include "world.hpp"

namespace aperture::ioas::test {
namespace {

constexpr std::size_t kDevices = 2;  // as many as a test has

class EduWorld : public World {
 public:
  EduWorld(vfio::Kernel& kernel, std::vector<std::string> addresses, std::optional<vfio::Backend> backend)
      : addresses_(std::move(addresses)), kernel_(kernel), machine_(backend, kernel_) {}
  std::string lacks() const override {
    if (addresses_.size() >= kDevices) return {};
    return fmt::format("the suite needs {} edu devices, APERTURE_EDU names {}", kDevices, addresses_.size());
  }
  Device& add_device(const DeviceSpec& spec) override {
    auto opened = machine_.open(
        addresses_.at(devices_.size()),
        {.name = spec.name, .dma_mask = ~std::uint64_t{0} >> (64 - spec.dma_bits), .reservations = spec.reservations});
    if (!opened) throw std::runtime_error(opened.error().what);
    Behind behind{std::move(*opened), nullptr};
    behind.edu = std::make_unique<Edu>(kernel_, *behind.device);
    devices_.push_back(std::move(behind));
    return *devices_.back().device;
  }
  bool read(Device& device, Iova from, std::span<std::byte> to) override { return edu(device).read(from, to); }
  bool write(Device& device, Iova to, std::span<const std::byte> from) override { return edu(device).write(to, from); }
  std::uint64_t pinned_bytes() const override { return machine_.pinned_bytes(); }
  bool replaces() const override { return machine_.backend() != vfio::Backend::kType1; }

 private:
  struct Behind {
    std::unique_ptr<host::Device> device;
    std::unique_ptr<Edu> edu;
  };
  Edu& edu(const Device& device) {
    for (Behind& one : devices_)
      if (one.device.get() == &device) return *one.edu;
    throw std::out_of_range("not a device of this world");
  }

  std::vector<std::string> addresses_;
  WatchedKernel kernel_;
  host::Machine machine_;
  std::vector<Behind> devices_;
};

/// A kernel in memory with two such devices, for a base class that comes before the world on it.
struct FakeMachine {
  explicit FakeMachine(FakeEdu::RefusedRead refused)
      : one(kernel, "0000:00:04.0", 4, refused), two(kernel, "0000:00:05.0", 5, refused) {}
  aperture::test::FakeKernel kernel;
  FakeEdu one;
  FakeEdu two;
};

class FakeEduWorld : private FakeMachine, public EduWorld {
 public:
  FakeEduWorld(vfio::Backend backend, FakeEdu::RefusedRead refused)
      : FakeMachine(refused), EduWorld(kernel, {"0000:00:04.0", "0000:00:05.0"}, backend) {}
};

std::vector<std::string> addresses() {
  std::vector<std::string> list;
  const char* text = std::getenv("APERTURE_EDU");
  std::istringstream stream(text != nullptr ? text : "");
  for (std::string one; std::getline(stream, one, ',');)
    if (!one.empty()) list.push_back(one);
  return list;
}

std::optional<vfio::Backend> backend() {
  const char* text = std::getenv("APERTURE_EDU_BACKEND");
  if (text == nullptr) return {};
  for (const vfio::Backend one : {vfio::Backend::kIommufd, vfio::Backend::kType1})
    if (text == vfio::name(one)) return one;
  throw std::runtime_error(fmt::format("APERTURE_EDU_BACKEND={} is neither iommufd nor type1", text));
}

}  // namespace

std::vector<WorldKind> worlds() {
  std::vector<WorldKind> kinds{
      {"fake_iommufd",
       [] { return std::make_unique<FakeEduWorld>(vfio::Backend::kIommufd, FakeEdu::RefusedRead::kZeros); }},
      {"fake_type1",
       [] { return std::make_unique<FakeEduWorld>(vfio::Backend::kType1, FakeEdu::RefusedRead::kNothing); }}};
  if (!addresses().empty())
    kinds.push_back({"edu", [] { return std::make_unique<EduWorld>(vfio::linux_kernel(), addresses(), backend()); }});
  return kinds;
}

}  // namespace aperture::ioas::test
