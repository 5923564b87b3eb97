// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/types.hpp"
#include "card/card.hpp"
#include "ioas/device.hpp"
#include "riscv/address_space.hpp"
#include "riscv/command_queue.hpp"
#include "riscv/device_directory.hpp"
#include "riscv/fault_queue.hpp"
#include "riscv/numbers.hpp"
#include "riscv/page_request_handlers.hpp"
#include "riscv/page_request_queue.hpp"
#include "riscv/page_table.hpp"

namespace aperture::riscv {

struct IommuOptions {
  unsigned levels{3};                     ///< deepest device directory to use, 1 to 3; less if the card takes no more
  unsigned command_log2{8};               ///< entries of the command queue, at most
  unsigned fault_log2{7};                 ///< entries of the fault queue, at most
  unsigned page_request_log2{7};          ///< entries of the page-request queue, at most
  bool napot{};                           ///< 64 KiB Svnapot leaves
  std::uint64_t wait_cycles{10'000'000};  ///< how long any one operation of the hardware may take
};

/// A bus master behind the IOMMU, as bring-up's user knows it.
struct DeviceOptions {
  std::string name{};
  std::uint32_t device_id{};
  std::uint64_t dma_mask{~std::uint64_t{0}};
  std::uint64_t page_sizes{~std::uint64_t{0}};  ///< sizes that leaves may have; 4 KiB is always one of them
  std::vector<ioas::DeviceReservation> reservations{};
  bool ats{};               ///< it may ask for translations and keep them (DC.tc.EN_ATS); invalidations reach it then
  bool page_requests{};     ///< it may ask for pages (EN_PRI), which needs `ats`
  bool external{};          ///< with `ats`: it is none of the card's DMA channels, so that it may ask at any time
  bool response_process{};  ///< it wants the process id back with the answer (PRPR), which needs `page_requests`
};

/// The card's IOMMU, on, with an empty device directory: no device can do anything until it gets a context. Outlives
/// every device, domain, residency and channel made from it. Public functions take the card's mutex. Once a fence has
/// failed the card is lost: every call that needs it gives EIO until restart().
class Iommu {
 public:
  /// Brings the IOMMU up (resets the card first if somebody left it on): features, queues, directory. kUnsupported: the
  /// card lacks what this driver needs; ENOMEM; as a wait.
  static Result<std::unique_ptr<Iommu>> bring_up(card::Card& card, const IommuOptions& options = {});
  /// Switches translation off; resets a lost card, so that its memory can be freed.
  ~Iommu();

  card::Card& card() { return card_; }
  /// The card's mutex: taken by every public call of riscv and dma.
  std::recursive_mutex& mutex() { return mutex_; }
  std::uint64_t capabilities() const { return capabilities_; }
  unsigned directory_levels() const { return directory_->levels(); }
  std::uint32_t last_device_id() const { return directory_->last_id(); }
  const IommuOptions& options() const { return options_; }
  CommandQueue& commands() { return commands_; }
  FaultQueue& faults() { return faults_; }
  /// Not started where the card has no ATS.
  PageRequestQueue& page_requests() { return page_requests_; }
  /// Who answers page requests.
  PageRequestHandlers& page_request_handlers() { return handlers_; }
  /// Tables of leaves for every page table of this card.
  TablePool& table_pool() { return table_pool_; }
  /// Pins user memory for this card.
  ioas::PinProvider& pin_provider() { return *provider_; }

  /// A device for the IOAS layer. EINVAL: the id does not fit the directory, or page requests without ATS.
  /// kUnsupported: no page-table format at all, or no ATS.
  Result<std::unique_ptr<ioas::Device>> make_device(const DeviceOptions& options);

  /// Gives a device id a context without translation (IOVA == bus address), for the driver's own rings. EBUSY: it has
  /// another context; EINVAL, ENOMEM, EIO.
  Result<> pass_through(std::uint32_t device_id);
  /// Takes any context of a device id away. EIO: the card is lost, the context is away all the same.
  Result<> block(std::uint32_t device_id) noexcept;
  /// The context in memory.
  DeviceContext context(std::uint32_t device_id);

  /// Whether a fence has failed.
  bool lost();
  /// Resets the card and brings it up again with the same directory, contexts and page tables; frees what was in
  /// quarantine. DMA channels have to be started again by their owners. As bring_up.
  Result<> restart();

  // For domains and devices, with the mutex held.
  /// EIO if the card is lost.
  Result<> alive();
  /// What a change of context needs beforehand.
  Result<std::unique_ptr<Table>> prepare_context(std::uint32_t device_id);
  /// Switches to `context`, fences, and frees `page`. The value: whether every access of the meantime saw the old or
  /// the new context. EIO: the card is lost, the context is switched all the same.
  Result<bool> switch_context(std::uint32_t device_id, const DeviceContext& context,
                              std::unique_ptr<Table> page) noexcept;
  /// The same for contexts of a device's processes: DC.fsc becomes `pdtp` by one store, if it is not; `old` is freed
  /// behind the fence.
  Result<> switch_processes(std::uint32_t device_id, std::uint64_t pdtp, Quarantine& old) noexcept;
  /// The context of a process has been made invalid: makes everybody forget it. EIO as above.
  Result<> forget_process(std::uint32_t device_id, std::uint32_t process_id) noexcept;
  /// Invalidates what was removed from an address space, fences, then frees `quarantine`; on EIO keeps it.
  Result<> flush(const AddressSpace& space, const Removed& removed, Quarantine& quarantine) noexcept;
  /// Carries out commands for a device's guest, makes the device forget its translations, and fences.
  Result<> invalidate(std::span<const Command> commands, std::uint32_t device_id) noexcept;
  /// A device that may cache translations uses an address space, as itself or as a process, or does so no more: flush()
  /// reaches it.
  void watch(const AddressSpace& space, std::uint32_t device_id, ioas::ProcessId process) {
    caching_.emplace(space, Caching{device_id, process});
  }
  void unwatch(const AddressSpace& space, std::uint32_t device_id, ioas::ProcessId process) noexcept;
  /// A DMA channel asks for translations as this device from here on, or for none. A device for which nothing asks has
  /// none to forget, and would not answer an invalidation.
  void channel_asks(unsigned channel, std::optional<std::uint32_t> device_id) {
    asking_.erase(channel);
    if (device_id) asking_.emplace(channel, *device_id);
  }
  /// The same for a device that is no channel.
  void device_asks(std::uint32_t device_id, bool asks) {
    asks ? (void)external_.insert(device_id) : (void)external_.erase(device_id);
  }
  /// The end of an address space: invalidates all of it, then frees its tables and its number. A guest's has no tables.
  void retire(const AddressSpace& space, std::unique_ptr<Table> root) noexcept;
  /// Frees tables if the fence before has passed, else keeps them.
  void dispose(Quarantine& tables) noexcept;
  Numbers& pscids() { return pscids_; }
  Numbers& gscids() { return gscids_; }

 private:
  Iommu(card::Card& card, const IommuOptions& options);
  Result<> start();
  Result<> leave_off();
  Result<> write_features();
  Result<> enable_directory();
  Result<> set_mode(regs::IommuMode mode, std::uint64_t ppn);
  /// The fence behind commands already pushed; marks the card as lost if it or they failed.
  Result<> conclude(Result<> pushed) noexcept;
  /// Who may have translations of an address space cached.
  struct Caching {
    std::uint32_t device_id;
    ioas::ProcessId process;
    bool operator==(const Caching&) const = default;
  };
  /// Pushes what makes a device forget all its translations, as itself or as one process, once the IOMMU itself has
  /// forgotten what it shall.
  Result<> forget(const Caching& who) noexcept;
  /// The same for the device and all its processes.
  Result<> forget_all(std::uint32_t device_id) noexcept;

  card::Card& card_;
  IommuOptions options_;
  std::recursive_mutex mutex_;
  TablePool table_pool_;
  CommandQueue commands_;
  FaultQueue faults_;
  PageRequestQueue page_requests_;
  PageRequestHandlers handlers_;
  std::unique_ptr<ioas::PinProvider> provider_;
  std::optional<DeviceDirectory> directory_;
  Numbers pscids_{20, "PSCID"};
  Numbers gscids_{16, "GSCID"};
  std::multimap<AddressSpace, Caching> caching_;  ///< attached devices with ATS
  std::map<unsigned, std::uint32_t> asking_;      ///< DMA channels in ATS mode, and as which device
  std::set<std::uint32_t> external_;              ///< other devices with ATS
  Quarantine quarantine_;                         ///< of a lost card
  std::uint64_t capabilities_{};
  bool lost_{};
};

}  // namespace aperture::riscv
