// SPDX-License-Identifier: Apache-2.0
#pragma once

// A functional model of the RISC-V IOMMU, version 1.0 with the extensions QOSID, NL, S and Svrsw60t59b, written from
// the text of the specification alone: the scoreboard against which the RTL is judged. It has no caches, no clock and
// no queues inside: what a register write or an access causes has happened when the call returns.
//
// One file a section: register_access.cpp, command_queue.cpp, fault_queue.cpp, page_request.cpp, interrupts.cpp,
// device_context.cpp, process_context.cpp, page_table.cpp, translate.cpp, msi.cpp, ats.cpp, debug.cpp, performance.cpp.
// What the text leaves open and this model decided is said at the head of the file concerned.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "tb/bus_card.hpp"
#include "tb/model/fault.hpp"
#include "tb/model/registers.hpp"
#include "tb/model/structures.hpp"

namespace aperture::tb::model {

class Model final : public BusCard {
 public:
  Model();

  /// Bits of `capabilities` that the specification reserves or leaves to custom use are cleared, IGS 3 becomes BOTH,
  /// PAS above 56 becomes 56. EINVAL names a strap that is out of range.
  Result<void> reset(const Straps& straps) override;

  void write_memory(std::uint64_t address, std::span<const std::byte> data) override;
  std::vector<std::byte> read_memory(std::uint64_t address, std::size_t length) override;
  void set_fault(std::uint64_t address, std::uint64_t length, MemoryFault fault) override;

  void write_register(std::uint32_t offset, unsigned size, std::uint64_t value) override;
  std::uint64_t read_register(std::uint32_t offset, unsigned size) override;

  /// EINVAL: the type is kAts, the access crosses 4 KiB or executes and writes, or `data` has another length.
  Result<AccessResult> access(const DeviceAccess& access) override;
  /// EINVAL: the type is not kAts.
  Result<AtsResult> ats(const DeviceAccess& access) override;
  Result<std::optional<unsigned>> page_request(const PageRequest& request) override;

  /// Always quiet, in no time.
  Settled settle(std::uint64_t max_cycles) override;
  void advance(std::uint64_t cycles) override;
  Messages messages() override;
  void complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc) override;

  /// What lies behind the IOMMU.
  Memory& memory() { return memory_; }
  /// Entries of directories and page tables that were read since reset().
  std::uint64_t walk_reads() const { return walk_reads_; }

 private:
  // memory_port.cpp: the IOMMU's own accesses
  enum class Reply : std::uint8_t { kOk, kError, kPoison };
  Reply load(std::uint64_t address, std::span<std::uint64_t> doublewords, bool big_endian);
  Reply load_pte(std::uint64_t address, unsigned size, bool big_endian, std::uint64_t& pte);
  bool writable(std::uint64_t address, std::size_t size);
  bool store(std::uint64_t address, std::span<const std::byte> data);
  bool store(std::uint64_t address, std::span<const std::uint64_t> doublewords, bool big_endian);
  bool store_sized(std::uint64_t address, unsigned size, bool big_endian, std::uint64_t value);

  // register_access.cpp
  bool has_doubleword(std::uint32_t offset) const;
  std::uint64_t read64(std::uint32_t offset) const;
  std::uint32_t read32(std::uint32_t offset) const;
  void write64(std::uint32_t offset, std::uint64_t value, bool low_half);
  void write32(std::uint32_t offset, std::uint32_t value);
  void write_fctl(std::uint32_t value);
  void write_ddtp(std::uint64_t value, bool low_half);
  void write_base(Queue& queue, std::uint64_t value);
  void write_csr(Queue& queue, std::uint32_t value, std::uint32_t clearable);
  void write_event_selector(unsigned index, std::uint64_t value);
  void write_vector(Vector& vector, std::uint32_t offset, std::uint32_t value);
  bool be_writable() const { return straps_.fctl_be_writable && cap_.end(); }
  bool gxl_writable() const { return straps_.fctl_gxl_writable && (cap_.sv32x4() || cap_.sv32()); }

  // command_queue.cpp
  enum class Executed : std::uint8_t { kDone, kWait, kIllegal, kMemoryFault, kTimeout };
  using Command = std::array<std::uint64_t, 2>;
  void run_commands();
  Executed execute(const Command& command);
  Executed iotinval(const Command& command) const;
  Executed iofence(const Command& command);
  Executed iodir(const Command& command) const;
  Executed ats_command(const Command& command);
  void expire_invalidations();

  // fault_queue.cpp
  struct Record {
    Cause cause{};
    unsigned ttyp = 0;
    std::uint32_t device_id = 0;
    std::optional<std::uint32_t> process_id{};
    bool privileged = false;
    std::uint64_t iotval = 0, iotval2 = 0;
  };
  void report(const Record& record);
  void report(const Fault& fault, const Request& request);

  // page_request.cpp
  std::optional<unsigned> queue_page_request(const PageRequest& request);

  // interrupts.cpp
  void update_interrupts();
  void raise(Interrupt interrupt);
  unsigned vector_of(Interrupt interrupt) const;
  void send_vector(Vector& vector);
  void send_msi(std::uint64_t address, std::uint32_t data);

  // device_context.cpp, process_context.cpp
  Outcome<DeviceContext> locate_device_context(std::uint32_t device_id, bool counted);
  bool misconfigured(std::span<const std::uint64_t> dc) const;
  bool first_stage_mode_valid(std::uint64_t mode, bool sxl) const;
  Outcome<ProcessContext> locate_process_context(const Context& context, std::uint32_t process_id);
  Outcome<std::uint64_t> directory_address(const Context& context, std::uint64_t gpa);
  static Scheme first_scheme(std::uint64_t fsc, bool sxl);
  Scheme second_scheme(std::uint64_t iohgatp) const;

  // page_table.cpp
  /// How faults of one walk are reported.
  struct Faults {
    Fault page{}, access{};
  };
  /// Where an entry at `address` lies in physical memory; `write`: to be written to.
  using EntryAddress = std::function<Outcome<std::uint64_t>(std::uint64_t address, bool write)>;
  bool invalid(std::uint64_t pte, const Stage& stage, unsigned level) const;
  Outcome<Leaf> walk(const Context& context, const Stage& stage, std::uint64_t address, Permissions wanted,
                     bool negotiable, const Faults& faults, const EntryAddress& physical);
  Outcome<Leaf> first_stage(const Context& context);
  /// `implicit`: bits 1:0 of iotval2 if the access is one of the first stage, else 0.
  Outcome<Leaf> second_stage(const Context& context, std::uint64_t gpa, Permissions wanted, std::uint64_t implicit);
  Outcome<std::uint64_t> implicit_address(const Context& context, std::uint64_t gpa, bool write);

  // translate.cpp
  Outcome<Translation> translate(const Request& request);
  Outcome<Translation> translate_in(Context& context);
  Outcome<Translation> translate_stages(Context& context);

  // msi.cpp
  static bool is_virtual_interrupt_file(const DeviceContext& dc, std::uint64_t gpa);
  Outcome<Translation> translate_msi(const Context& context, std::uint64_t gpa);
  AccessResult access_mrif(const DeviceAccess& access, const Translation& translation, const Request& request);
  std::optional<Cause> set_pending(std::uint64_t mrif, std::uint32_t identity);

  // access.cpp
  AccessResult access_memory(const DeviceAccess& access, const Translation& translation);

  // debug.cpp
  void translate_for_debug();

  // performance.cpp
  enum class Event : std::uint8_t {
    kUntranslated = 1,
    kTranslated,
    kAtsRequest,
    kTlbMiss,
    kDdtWalk,
    kPdtWalk,
    kFirstStageWalk,
    kSecondStageWalk
  };
  struct Subject {
    std::uint32_t device_id = 0;
    std::optional<std::uint32_t> process_id{}, gscid{}, pscid{};
  };
  static Subject subject(const Context& context);
  static bool selected(std::uint64_t selector, Event event, const Subject& subject);
  void count(Event event, const Subject& subject);
  void count_cycles(std::uint64_t cycles);

  struct Tag {
    bool busy = false;
    std::uint32_t device_id = 0;
    std::uint64_t deadline = 0;
    unsigned completions = 0;
  };

  Straps straps_{};
  Capabilities cap_{};
  Registers reg_{};
  Memory memory_{1};
  Messages outbox_{};
  std::array<Tag, 2> tags_{};
  bool invalidation_timed_out_ = false;
  std::uint64_t cycle_ = 0;
  std::uint64_t walk_reads_ = 0;
};

/// A model with the default straps.
std::unique_ptr<BusCard> make_model();

}  // namespace aperture::tb::model
