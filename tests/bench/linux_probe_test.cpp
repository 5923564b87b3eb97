// SPDX-License-Identifier: Apache-2.0
// What the stock driver of Linux (drivers/iommu/riscv) asks of an IOMMU, step by step and with its access widths: how
// it finds out what is there, switches queues and directory on, and changes a mapping and a device context at run time.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.hpp"
#include "regs/registers.hpp"
#include "support/seed.hpp"
#include "tb/bench.hpp"

namespace aperture::test {
namespace {

namespace r = regs::iommu;
namespace caps = r::capabilities_f;
using regs::Igs;
using regs::IommuMode;

constexpr unsigned kCommandLog2 = 13, kFaultLog2 = 12;  ///< 8192 commands, 4096 records
constexpr std::uint64_t kIova = 0x40'0000'0000 / 8;
constexpr std::uint32_t kDevice = 0x123456, kPscid = 7;
constexpr unsigned kPolls = 100'000;
constexpr std::uint64_t kLeaf = 0xd7;  ///< V, R, W, U, A, D

struct Kind {
  const char* name;
  Igs igs;
  bool extended;  ///< device contexts with MSI page tables
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

/// The driver: registers by its own accesses, memory as the processor sees it.
class LinuxProbe : public ::testing::TestWithParam<Kind> {
 protected:
  LinuxProbe() {
    tb::Options options;
    options.seed = seed();
    options.straps.capabilities = caps::igs.set(options.straps.capabilities, std::to_underlying(GetParam().igs));
    if (!GetParam().extended) options.straps.capabilities &= ~caps::msi_flat.mask();
    bench.power_on(options);
  }

  std::uint32_t readl(const regs::Register& reg) { return mmio().read32(card::Bar::kIommu, reg.offset); }
  std::uint64_t readq(const regs::Register& reg) { return mmio().read64(card::Bar::kIommu, reg.offset); }
  void writel(const regs::Register& reg, std::uint32_t value, std::uint64_t at = 0) {
    mmio().write32(card::Bar::kIommu, reg.offset + at, value);
  }
  void writeq(const regs::Register& reg, std::uint64_t value, std::uint64_t at = 0) {
    mmio().write64(card::Bar::kIommu, reg.offset + at, value);
  }
  card::Mmio& mmio() { return bench.card().mmio(); }
  tb::Memory& memory() { return bench.memory(); }
  std::uint64_t pages(unsigned count = 1) {
    next = (next + count * kPageSize - 1) / (count * kPageSize) * (count * kPageSize);
    const std::uint64_t first = next;
    next += count * kPageSize;
    return first;
  }
  bool wires() const { return GetParam().igs == Igs::kWsi; }

  // ---- the steps of its probe

  void step1_interrupts_as_the_bus_has_them() {
    capabilities = readq(r::capabilities);
    EXPECT_EQ(caps::version.get(capabilities), 0x10U);
    EXPECT_EQ(caps::igs.get(capabilities), std::to_underlying(GetParam().igs));
    const std::uint32_t fctl = readl(r::fctl), wsi = static_cast<std::uint32_t>(r::fctl_f::wsi.mask());
    writel(r::fctl, wires() ? fctl | wsi : fctl & ~wsi);
    EXPECT_EQ((readl(r::fctl) & wsi) != 0, wires());
  }
  void step2_nobody_else_has_it() {
    const std::uint64_t ddtp = readq(r::ddtp);
    EXPECT_EQ(r::ddtp_f::busy.get(ddtp), 0U);
    EXPECT_LE(r::ddtp_f::iommu_mode.get(ddtp), std::to_underlying(IommuMode::kBare));
    EXPECT_EQ(readl(r::fctl) & r::fctl_f::be.mask(), 0U);
  }
  void step3_each_cause_has_a_vector(unsigned vectors) {
    namespace v = r::icvec_f;
    std::uint64_t wanted = v::fiv.set(0, 1 % vectors);
    wanted = v::piv.set(v::pmiv.set(wanted, 3 % vectors), 2 % vectors);
    writeq(r::icvec, wanted);
    EXPECT_EQ(readq(r::icvec), wanted);
    if (wires()) return;
    doorbell = pages();
    for (unsigned vector = 0; vector < vectors; ++vector) {
      writeq(r::msi_addr, doorbell + 4 * vector, r::msi_addr.stride * vector);
      writel(r::msi_data, 0x100 + vector, r::msi_data.stride * vector);
      writel(r::msi_vec_ctl, 0, r::msi_vec_ctl.stride * vector);
    }
  }
  void step4_the_root_can_be_moved() {
    writeq(r::ddtp, 0);
    EXPECT_EQ(readq(r::ddtp) & ~r::ddtp_f::busy.mask(), 0U);
    wait_for_ddtp();
  }
  std::uint64_t step5_queue_is_as_long_as_wanted(const regs::Register& base, unsigned log2, unsigned entry) {
    namespace b = r::cqb_f;
    writeq(base, b::log2szm1.mask());
    const std::uint64_t largest = b::log2szm1.get(readq(base)) + 1;
    EXPECT_GE(largest, log2);
    const std::uint64_t queue = pages((entry << log2) / kPageSize);
    const std::uint64_t wanted = b::ppn.set(log2 - 1, queue >> 12);
    writeq(base, wanted);
    EXPECT_EQ(readq(base), wanted);
    return queue;
  }
  void step6_queue_goes_on(const regs::Register& index, const regs::Register& csr, std::uint32_t ip) {
    // Both queues have these bits in the same places.
    namespace c = r::cqcsr_f;
    writel(index, 0);
    writel(csr, static_cast<std::uint32_t>(c::cqen.mask() | c::cie.mask() | c::cqmf.mask()));
    std::uint32_t value = 0;
    for (unsigned i = 0; i < kPolls && ((value = readl(csr)) & c::busy.mask()) != 0; ++i) {
    }
    EXPECT_EQ(value & (c::cqon.mask() | c::busy.mask() | c::cqmf.mask()), c::cqon.mask());
    writel(r::ipsr, ip);
  }
  void step7_directory_is_as_deep_as_can_be() {
    root = pages();
    for (unsigned mode = std::to_underlying(IommuMode::k3lvl); mode > std::to_underlying(IommuMode::kBare); --mode) {
      const std::uint64_t wanted = r::ddtp_f::ppn.set(mode, root >> 12);
      writeq(r::ddtp, wanted);
      wait_for_ddtp();
      if (readq(r::ddtp) == wanted) {
        EXPECT_EQ(mode, std::to_underlying(IommuMode::k3lvl));
        return;
      }
    }
    ADD_FAILURE() << "no mode of the device directory is taken";
  }
  void step8_caches_are_empty() {
    invalidate_directory({});
    invalidate_pages(false, {});
    fence();
  }
  void wait_for_ddtp() {
    for (unsigned i = 0; i < kPolls; ++i) {
      if (r::ddtp_f::busy.get(readq(r::ddtp)) == 0) return;
    }
    ADD_FAILURE() << "ddtp stays busy";
  }
  void probe() {
    step1_interrupts_as_the_bus_has_them();
    step2_nobody_else_has_it();
    step3_each_cause_has_a_vector(4);
    step4_the_root_can_be_moved();
    commands = step5_queue_is_as_long_as_wanted(r::cqb, kCommandLog2, regs::cmd::kSize);
    faults = step5_queue_is_as_long_as_wanted(r::fqb, kFaultLog2, regs::fault::kSize);
    step6_queue_goes_on(r::cqt, r::cqcsr, static_cast<std::uint32_t>(r::ipsr_f::cip.mask()));
    step6_queue_goes_on(r::fqh, r::fqcsr, static_cast<std::uint32_t>(r::ipsr_f::fip.mask()));
    step7_directory_is_as_deep_as_can_be();
    step8_caches_are_empty();
  }

  // ---- commands

  void command(std::uint64_t low, std::uint64_t high = 0) {
    memory().write64(commands + regs::cmd::kSize * tail, low);
    memory().write64(commands + regs::cmd::kSize * tail + 8, high);
    tail = (tail + 1) % (1U << kCommandLog2);
    writel(r::cqt, tail);
  }
  static std::uint64_t code(regs::Opcode opcode, regs::Func3 func3) {
    namespace w0 = regs::cmd::w0;
    return w0::func3.set(w0::opcode.set(0, std::to_underlying(opcode)), std::to_underlying(func3));
  }
  void invalidate_directory(std::optional<std::uint32_t> device) {
    namespace w0 = regs::cmd::w0;
    std::uint64_t low = code(regs::Opcode::kIodir, regs::Func3::kIodirInvalDdt);
    if (device) low = w0::iodir_did.set(low | w0::iodir_dv.mask(), *device);
    command(low);
  }
  void invalidate_pages(bool of_space, std::optional<std::uint64_t> iova) {
    namespace w0 = regs::cmd::w0;
    std::uint64_t low = code(regs::Opcode::kIotinval, regs::Func3::kIotinvalVma), high = 0;
    if (of_space) low = w0::iotinval_pscid.set(low | w0::iotinval_pscv.mask(), kPscid);
    if (iova) {
      low |= w0::iotinval_av.mask();
      high = regs::cmd::w1::iotinval_addr.set(0, *iova >> 12);
    }
    command(low, high);
  }
  void fence() {
    namespace w0 = regs::cmd::w0;
    command(code(regs::Opcode::kIofence, regs::Func3::kIofenceC) | w0::iofence_pr.mask() | w0::iofence_pw.mask());
    for (unsigned i = 0; i < kPolls; ++i) {
      if (readl(r::cqh) == tail) return;
    }
    ADD_FAILURE() << "cqh does not reach the tail; cqcsr is " << readl(r::cqcsr);
  }

  // ---- memory of the directory and of one domain

  std::uint64_t table_below(std::uint64_t entry) {
    if ((memory().read64(entry) & 1) == 0) memory().write64(entry, pages() >> 12 << 10 | 1);
    return memory().read64(entry) >> 10 << 12;
  }
  std::uint64_t context(std::uint32_t device) {
    const unsigned leaf = GetParam().extended ? 6 : 7;
    const std::uint64_t middle = table_below(root + 8 * (device >> (leaf + 9)));
    return table_below(middle + 8 * (device >> leaf & 0x1ff)) + (4096U >> leaf) * (device & ((1U << leaf) - 1));
  }
  std::uint64_t entry(std::uint64_t top, std::uint64_t iova) {
    std::uint64_t table = top;
    for (unsigned level = 4; level != 0; --level) table = table_below(table + 8 * (iova >> (12 + 9 * level) & 0x1ff));
    return table + 8 * (iova >> 12 & 0x1ff);
  }
  void map(std::uint64_t top, std::uint64_t iova, std::uint64_t page) {
    memory().write64(entry(top, iova), page >> 12 << 10 | kLeaf);
  }
  /// Its update of a device context: invalid first, then the fields, V last.
  void attach(std::uint32_t device, std::uint64_t top) {
    const std::uint64_t dc = context(device);
    const std::uint64_t tc = memory().read64(dc);
    if ((tc & 1) != 0) {
      memory().write64(dc, tc & ~std::uint64_t{1});
      invalidate_directory(device);
      invalidate_pages(true, {});
      fence();
    }
    memory().write64(dc + 8 * regs::dc::fsc::kWord,
                     regs::dc::fsc::mode.set(top >> 12, std::to_underlying(regs::SatpMode::kSv57)));
    memory().write64(dc + 8 * regs::dc::ta::kWord, regs::dc::ta::pscid.set(0, kPscid));
    memory().write64(dc, regs::dc::tc::v.mask());
    invalidate_directory(device);
    fence();
  }

  // ---- the device

  tb::Ticket submit(std::uint64_t iova, unsigned id) {
    return bench.device().submit(bench.device().make({.device_id = kDevice}, iova, 8, static_cast<std::uint8_t>(id)));
  }
  tb::Resp finish(tb::Ticket ticket) { return bench.device().wait(ticket).resp; }
  std::uint64_t read(std::uint64_t iova) {
    const tb::Completion c = bench.device().wait(submit(iova, 0));
    EXPECT_EQ(c.resp, tb::Resp::kOkay);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < c.data.size(); ++i) value |= std::to_integer<std::uint64_t>(c.data[i]) << (8 * i);
    return value;
  }

  tb::Bench& bench = tb::Bench::start({});
  std::uint64_t next = 0x1000'0000;
  std::uint64_t capabilities = 0, commands = 0, faults = 0, root = 0, doorbell = 0;
  std::uint32_t tail = 0;
};

INSTANTIATE_TEST_SUITE_P(Cards, LinuxProbe,
                         ::testing::Values(Kind{"messages", Igs::kMsi, true}, Kind{"both", Igs::kBoth, true},
                                           Kind{"wires", Igs::kWsi, true}, Kind{"base_contexts", Igs::kBoth, false}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(LinuxProbe, FindsWhatItNeeds) {
  probe();
  EXPECT_EQ(readl(r::cqcsr) & (r::cqcsr_f::cqmf.mask() | r::cqcsr_f::cmd_ill.mask()), 0U);
  EXPECT_EQ(readl(r::fqt), 0U);
}

TEST_P(LinuxProbe, OneVectorIsEnough) {
  tb::Straps straps = bench.options().straps;
  straps.vectors_log2 = 0;
  bench.reset(straps);
  step1_interrupts_as_the_bus_has_them();
  step3_each_cause_has_a_vector(1);
}

TEST_P(LinuxProbe, RefusedAccessInterruptsByTheFaultVector) {
  probe();
  EXPECT_NE(finish(submit(kIova, 0)), tb::Resp::kOkay);
  bench.settle();
  EXPECT_EQ(readl(r::fqt), 1U);
  EXPECT_EQ(memory().read64(faults) & 0xfff, std::to_underlying(regs::Cause::kDdtNotValid));
  EXPECT_EQ(readl(r::ipsr), r::ipsr_f::fip.mask());
  if (wires()) {
    EXPECT_EQ(bench.wires(), 1U << 1);
  } else {
    EXPECT_EQ(memory().read32(doorbell + 4), 0x101U);
  }
  writel(r::ipsr, static_cast<std::uint32_t>(r::ipsr_f::fip.mask()));
  writel(r::fqh, 1);
  EXPECT_EQ(readl(r::ipsr), 0U);
}

TEST_P(LinuxProbe, MappingsChangeUnderADeviceThatGoesOn) {
  probe();
  const std::uint64_t top = pages();
  attach(kDevice, top);
  const std::uint64_t old_page = pages(), new_page = pages(), other = pages();
  memory().write64(old_page, 0x01d);
  memory().write64(new_page, 0x2e3);
  map(top, kIova, old_page);
  map(top, kIova + kPageSize, other);
  EXPECT_EQ(read(kIova), 0x01dU);
  for (unsigned round = 0; round < 20; ++round) {
    std::vector<tb::Ticket> running;
    for (unsigned i = 0; i < 48; ++i) running.push_back(submit(i % 3 == 0 ? kIova : kIova + kPageSize + 8 * i, i % 16));
    memory().write64(entry(top, kIova), 0);
    invalidate_pages(true, kIova);
    fence();
    // PR: whatever saw the old page is answered, so that it may be given away.
    memory().write64(old_page, 0xdead);
    EXPECT_NE(finish(submit(kIova, 1)), tb::Resp::kOkay);
    map(top, kIova, round % 2 == 0 ? new_page : old_page);
    for (unsigned i = 0; i < running.size(); ++i) {
      const tb::Completion c = bench.device().wait(running[i]);
      if (i % 3 != 0) {
        EXPECT_EQ(c.resp, tb::Resp::kOkay) << "a page that stays mapped";
      } else if (c.resp == tb::Resp::kOkay) {
        EXPECT_NE(std::to_integer<unsigned>(c.data[0]), 0xadU) << "read after the fence";
      }
    }
    memory().write64(old_page, 0x01d);
    EXPECT_EQ(read(kIova), round % 2 == 0 ? 0x2e3U : 0x01dU);
  }
}

TEST_P(LinuxProbe, DeviceContextsChangeUnderADeviceThatGoesOn) {
  probe();
  const std::uint64_t tops[] = {pages(), pages()};
  for (const std::uint64_t value : {0U, 1U}) {
    const std::uint64_t page = pages();
    memory().write64(page, 0x50 + value);
    map(tops[value], kIova, page);
  }
  attach(kDevice, tops[0]);
  EXPECT_EQ(read(kIova), 0x50U);
  for (unsigned round = 1; round < 20; ++round) {
    std::vector<tb::Ticket> running;
    for (unsigned i = 0; i < 48; ++i) running.push_back(submit(kIova, i % 16));
    attach(kDevice, tops[round % 2]);
    EXPECT_EQ(read(kIova), 0x50U + round % 2);
    for (const tb::Ticket ticket : running) {
      const tb::Completion c = bench.device().wait(ticket);
      if (c.resp != tb::Resp::kOkay) continue;  // while the context was invalid
      EXPECT_EQ(std::to_integer<unsigned>(c.data[0]) & ~1U, 0x50U);
    }
  }
  EXPECT_EQ(readl(r::cqcsr) & r::cqcsr_f::cmd_ill.mask(), 0U);
}

}  // namespace
}  // namespace aperture::test
