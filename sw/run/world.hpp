// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dma/channel.hpp"
#include "host/machine.hpp"
#include "ioas/ioas.hpp"
#include "ioas/memory_domain.hpp"
#include "ioas/mirror.hpp"
#include "riscv/iommu.hpp"
#include "run/memory.hpp"
#include "run/scenario.hpp"

namespace aperture::sw::run {

/// "NAME=vfio:BDF" of the command line: which device of the host a name stands for.
using Bindings = std::map<std::string, std::string>;

/// Pins of devices that exist only in the program: the scenario's own memory is there, nothing else is.
class ScenarioPins final : public ioas::MemoryPins {
 public:
  using Memories = std::map<std::string, std::unique_ptr<Memory>>;
  explicit ScenarioPins(const Memories& memories) : memories_(memories) {}
  Result<std::unique_ptr<ioas::Residency>> pin(const ioas::Pages& pages) override;

 private:
  const Memories& memories_;
};

/// One fault, as `faults` lists it.
struct FaultRecord {
  std::uint64_t cause{};
  std::uint64_t device_id{};
  std::optional<std::uint64_t> process_id;
  std::uint64_t iova{};
  std::uint64_t iotval2{};
  std::uint64_t ttyp{};
  bool write{};
};

/// Answers the missing pages of a device.
struct Handler {
  std::string ioas;
  riscv::PageRequestHandlers::Handler answer;
};

struct DeviceEntry {
  DeviceSpec spec;
  unsigned channel{};
  std::unique_ptr<ioas::Device> device;
  ioas::MemoryDevice* memory{};  ///< the same, if it is one
  bool page_requests{};          ///< kRiscv: it asks the IOMMU for missing pages, by ATS
  std::optional<Handler> handler;
};

struct Space {
  std::unique_ptr<ioas::Ioas> ioas;
  bool eager{};
};

struct Projected {
  std::uint64_t id{};
  std::string from;
  std::string to;
  IovaRange range;
  Iova at;
};

/// A refusal without a report of the IOAS layer: gets one that says no more than the reason.
ioas::Refusal refusal(Error error);
ioas::Refusal refusal(Code code, int number, std::string what);

/// Everything that lives while one scenario runs. Names that were never created, or are gone, are ENOENT.
class World {
 public:
  /// Makes the devices. Throws Failure: the card or the machine does not suit them. `iommu` may be null if no device
  /// needs it.
  World(const Scenario& scenario, riscv::Iommu* iommu, const Bindings& bindings);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Scenario& scenario() const { return scenario_; }
  ioas::Platform& platform() { return platform_; }
  riscv::Iommu* iommu() { return iommu_; }

  ioas::Outcome<ioas::Ioas*> ioas(const std::string& name);
  ioas::Outcome<Memory*> memory(const std::string& name);
  ioas::Outcome<ioas::Mirror*> mirror(const std::string& name);
  DeviceEntry& device(const std::string& name) { return devices_.at(name); }

  /// An empty IOAS of that name. EEXIST.
  ioas::Outcome<ioas::Ioas*> add_ioas(const std::string& name, bool huge_pages, bool eager);
  bool eager(const std::string& name) const { return spaces_.at(name).eager; }
  void drop_ioas(const std::string& name);
  ioas::Outcome<> add_memory(const std::string& name, std::unique_ptr<Memory> memory);
  ioas::Outcome<ioas::Mirror*> add_mirror(const std::string& name);
  void drop_mirror(const std::string& name) { mirrors_.erase(name); }
  std::map<std::string, Projected>& projections() { return projections_; }
  const std::map<std::string, Space>& spaces() const { return spaces_; }
  /// From now on missing pages of the device are answered; an empty function: no more. EOPNOTSUPP.
  ioas::Outcome<> set_handler(DeviceEntry& device, Handler handler);

  struct Pins {
    std::uint64_t bytes{};
    std::uint64_t areas{};  ///< in all IOASes that have a name
  };
  Pins pins(const Memory& memory) const;

  std::vector<FaultRecord>& faults() { return faults_; }
  std::map<unsigned, std::unique_ptr<dma::Channel>>& channels() { return channels_; }

 private:
  void make_device(const DeviceSpec& spec, const Bindings& bindings);
  std::unique_ptr<ioas::Device> make_riscv(const DeviceSpec& spec, bool page_requests);
  std::unique_ptr<ioas::Device> make_host(const DeviceSpec& spec, const std::string& place);
  ioas::PinProvider& eager_provider();

  // In the order in which they may go, the last first.
  const Scenario& scenario_;
  riscv::Iommu* iommu_;
  ScenarioPins::Memories memories_;
  ScenarioPins pins_{memories_};
  std::unique_ptr<host::Machine> machine_;
  ioas::Platform platform_;
  std::map<std::string, DeviceEntry> devices_;
  std::map<std::string, Space> spaces_;
  std::map<std::string, std::unique_ptr<ioas::Mirror>> mirrors_;
  std::map<std::string, Projected> projections_;
  std::map<unsigned, std::unique_ptr<dma::Channel>> channels_;
  std::vector<FaultRecord> faults_;
};

}  // namespace aperture::sw::run
