// SPDX-License-Identifier: Apache-2.0
#include "selftest/step.hpp"

namespace aperture::sw::selftest {
namespace {

namespace caps = regs::iommu::capabilities_f;

constexpr std::uint64_t kNone = 0;

constexpr const char* kBus = "the path between PCIe core and register bus; `aperture dump` shows every register";
constexpr const char* kDma =
    "the card's DMA: `BusMaster+` in `lspci -vv`, faults of the host's IOMMU in `dmesg`, the width and the byte lanes "
    "of the path to memory";
constexpr const char* kWalk =
    "whether the bitstream is built with this feature (`aperture dump`: card.build, iommu.capabilities), and whether "
    "the IOMMU's own port reads the memory that the host wrote; in simulation: `aperture replay` of the feature's "
    "trace in tests/traces";

constexpr Step kSteps[] = {
    {"identity", "The card answers, and is this card.", kBus, kNone, true, test_identity},
    {"clock", "CYCLE runs, and where wall time means something at CLOCK_HZ.", kBus, kNone, false, test_clock},
    {"reset", "After RESET registers have the values that the specification gives them.",
     "the reset of the IOMMU and the DMA block: does card.reset reach both, and does it end", kNone, true, test_reset},
    {"registers", "Every writable bit holds a one and a zero, each register its own; constants stay.", kBus, kNone,
     false, test_registers},
    {"access-widths", "A 64-bit access and two of 32 bits do the same.", kBus, kNone, false, test_halves},
    {"legal-values", "Fields that take some values only read back legal ones.", kBus, kNone, false, test_warl},
    {"iommu", "The driver brings the IOMMU up: queues, directory, a fence that stores to memory.", kDma, kNone, true,
     test_queues},
    {"loopback", "Every channel moves bytes unharmed, at all lengths and offsets, without translation.", kDma, kNone,
     true, test_loopback},
    {"irq-command", "The command queue's interrupt arrives on each vector of the IOMMU.", kBus, kNone, false,
     test_command_vector},
    {"irq-fault", "A fault record's interrupt arrives.", kBus, kNone, false, test_fault_vector},
    {"irq-counter", "The interrupt of a counter's overflow arrives.", kBus, caps::hpm.mask(), false,
     test_counter_vector},
    {"irq-page-request", "A page request's interrupt arrives.", kBus, caps::ats.mask(), false,
     test_page_request_vector},
    {"irq-channels", "Every channel's interrupt arrives.", kBus, kNone, false, test_channel_vectors},
    {"messages", "The IOMMU's interrupts as memory writes: address, data, mask.", kDma, kNone, false, test_messages},
    {"directories", "Device directories of every depth; each bit of a device id counts.", kWalk, kNone, false,
     test_directories},
    {"sv32", "First stage Sv32: leaves of every size, refusals.", kWalk, caps::sv32.mask(), false, test_sv32},
    {"sv39", "First stage Sv39: leaves of every size, both halves, refusals.", kWalk, caps::sv39.mask(), false,
     test_sv39},
    {"sv48", "First stage Sv48: leaves of every size, both halves, refusals.", kWalk, caps::sv48.mask(), false,
     test_sv48},
    {"sv57", "First stage Sv57: leaves of every size, both halves, refusals.", kWalk, caps::sv57.mask(), false,
     test_sv57},
    {"svnapot", "64 KiB leaves of 16 entries.", kWalk, kNone, false, test_svnapot},
    {"svpbmt", "Memory types in entries.", kWalk, caps::svpbmt.mask(), false, test_svpbmt},
    {"svrsw60t59b", "Bits 60:59 of entries are left to software.", kWalk, caps::svrsw60t59b.mask(), false,
     test_svrsw60t59b},
    {"sv32x4", "Second stage Sv32x4, with fctl.GXL.", kWalk, caps::sv32x4.mask(), false, test_sv32x4},
    {"sv39x4", "Second stage Sv39x4: leaves of every size, refusals.", kWalk, caps::sv39x4.mask(), false, test_sv39x4},
    {"sv48x4", "Second stage Sv48x4: leaves of every size, refusals.", kWalk, caps::sv48x4.mask(), false, test_sv48x4},
    {"sv57x4", "Second stage Sv57x4: leaves of every size, refusals.", kWalk, caps::sv57x4.mask(), false, test_sv57x4},
    {"two-stages", "A guest's table, itself in guest memory, behind a second stage.", kWalk, kNone, false,
     test_two_stages},
    {"amo_hwad", "The IOMMU sets A and D in entries.", kWalk, caps::amo_hwad.mask(), false, test_hardware_updates},
    {"pd8", "Process directories of one level.", kWalk, caps::pd8.mask(), false, test_pd8},
    {"pd17", "Process directories of two levels.", kWalk, caps::pd17.mask(), false, test_pd17},
    {"pd20", "Process directories of three levels.", kWalk, caps::pd20.mask(), false, test_pd20},
    {"msi_flat", "Devices' interrupts go where the MSI page table says.", kWalk, caps::msi_flat.mask(), false,
     test_msi_flat},
    {"msi_mrif", "Devices' interrupts are noted in interrupt files in memory.", kWalk,
     caps::msi_flat.mask() | caps::msi_mrif.mask(), false, test_msi_mrif},
    {"amo_mrif", "Interrupt files lose nothing when host and card write at once.", kWalk,
     caps::msi_flat.mask() | caps::amo_mrif.mask(), false, test_amo_mrif},
    {"ats", "A device translates for itself, forgets when told to, and is not trusted without EN_ATS.", kWalk,
     caps::ats.mask(), false, test_ats},
    {"t2gpa", "Such a device gets guest physical addresses.", kWalk, caps::ats.mask() | caps::t2gpa.mask(), false,
     test_t2gpa},
    {"page-requests", "Such a device asks for pages, and goes on when they are there.", kWalk, caps::ats.mask(), false,
     test_page_requests},
    {"end", "Big-endian page tables and directories.", kWalk, caps::end.mask(), false, test_endianness},
    {"hpm", "Performance counters count, filter and stand.", kBus, caps::hpm.mask(), false, test_counters},
    {"dbg", "The debug interface translates as devices' accesses are.", kWalk, caps::dbg.mask(), false, test_debug},
    {"qosid", "Quality-of-service ids: their width, in the register and in contexts.", kWalk, caps::qosid.mask(), false,
     test_qosid},
    {"pas", "Nothing is read beyond the physical address width.", kWalk, kNone, false, test_address_width},
    {"faults", "Refused accesses leave the right record, field by field; Bare refuses nothing, Off all.", kWalk, kNone,
     false, test_faults},
    {"invalidation", "Behind an invalidation and its fence nothing stale is used.",
     "the order between the IOMMU's invalidations and its own reads of memory, and whether the host's writes are "
     "visible before the doorbell's (write-combining BAR, missing barrier)",
     kNone, false, test_invalidation},
    {"nl", "The same for tables within the tree, with NL.", kWalk, caps::nl.mask(), false, test_nonleaf_invalidation},
    {"s", "The same for ranges of pages, with S.", kWalk, caps::s.mask(), false, test_range_invalidation},
    {"isolation", "A device that misbehaves reaches nothing, and another goes on.",
     "what identities the card's masters put on the bus in front of the IOMMU", kNone, false, test_isolation},
    {"throughput", "Bytes per cycle of reads, writes and copies: figures, no limits.", kDma, kNone, false,
     test_throughput},
};

}  // namespace

std::span<const Step> steps() { return kSteps; }

}  // namespace aperture::sw::selftest
