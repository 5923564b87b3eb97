// SPDX-License-Identifier: Apache-2.0
// Steps "registers", "access-widths" and "legal-values".
#include <fmt/format.h>

#include <bit>

#include "card/wait.hpp"
#include "ioas/text.hpp"
#include "selftest/plain_registers.hpp"
#include "selftest/step.hpp"

namespace aperture::sw::selftest {
namespace {

namespace iommu = regs::iommu;
namespace caps = regs::iommu::capabilities_f;
using ioas::hex;

std::string bit_list(std::uint64_t bits) {
  std::string text;
  for (unsigned bit = 0; bit < 64; ++bit)
    if ((bits >> bit & 1) != 0) text += fmt::format("{}{}", text.empty() ? "" : ",", bit);
  return text;
}

std::string place(const PlainRegister& one) {
  return fmt::format("{} (BAR {}, offset {:#x})", one.name(), one.reg.bar, one.offset());
}

class Plain {
 public:
  Plain(Bench& bench, Verdict& verdict) : bench_(bench), verdict_(verdict), list_(plain_registers(bench)) {}

  /// A one in each bit by itself, all ones, all zeros.
  void walk() {
    for (const PlainRegister& one : list_) {
      std::uint64_t zeros = 0;  // read 0 where a 1 was written
      std::uint64_t ones = 0;
      auto try_value = [&](std::uint64_t value) {
        write(one, value);
        const std::uint64_t found = read(one);
        zeros |= value & ~found;
        ones |= ~value & found;
      };
      const std::uint64_t before = read(one);
      for (std::uint64_t left = one.bits; left != 0; left &= left - 1) try_value(left & (~left + 1));
      try_value(one.bits);
      try_value(0);
      write(one, before);
      if ((zeros | ones) == 0) continue;
      std::string found;
      if (zeros != 0) found += "bits that read 0 though 1 was written: " + bit_list(zeros);
      if (ones != 0)
        found += (found.empty() ? "" : "; ") + ("bits that read 1 though 0 was written: " + bit_list(ones));
      verdict_.fail(fmt::format("{} holds what is written to its bits {}", place(one), hex(one.bits)), found,
                    "the data lines and byte strobes between PCIe core and register bus, for these bits; and the "
                    "register itself, by `aperture dump` before and after a write");
    }
  }

  /// Each register its own value, all at once: two that share an address do not keep theirs.
  void tell_apart() {
    for (std::size_t i = 0; i < list_.size(); ++i) write(list_[i], own(i));
    for (std::size_t i = 0; i < list_.size(); ++i) {
      const PlainRegister& one = list_[i];
      // Writing a queue's base clears its index.
      const std::uint64_t found = read(one);
      if (found == own(i)) continue;
      std::string also;
      for (std::size_t k = 0; k < list_.size(); ++k)
        if (k != i && found == (own(k) & one.bits)) also = ", the value of " + list_[k].name();
      verdict_.fail(fmt::format("{} keeps {} while all others are written", place(one), hex(own(i))), hex(found) + also,
                    "the address lines between PCIe core and register bus: two registers answer at one address");
    }
  }

  /// 64-bit accesses and two of 32 bits say the same; the high half goes first, as the driver does it.
  void halves() {
    for (std::size_t i = 0; i < list_.size(); ++i) {
      const PlainRegister& one = list_[i];
      if (one.reg.size != 8) continue;
      card::Mmio& mmio = bench_.card().mmio();
      const auto bar = static_cast<card::Bar>(one.reg.bar);
      const std::uint64_t value = own(i);
      mmio.write64(bar, one.offset(), value);
      compare(one, "written by one 64-bit access and read by two of 32 bits", value,
              mmio.read32(bar, one.offset()) | std::uint64_t{mmio.read32(bar, one.offset() + 4)} << 32);
      const std::uint64_t other = ~value & one.bits;
      mmio.write32(bar, one.offset() + 4, static_cast<std::uint32_t>(other >> 32));
      mmio.write32(bar, one.offset(), static_cast<std::uint32_t>(other));
      compare(one, "written by two 32-bit accesses and read by one of 64 bits", other, mmio.read64(bar, one.offset()));
    }
  }

  std::size_t size() const { return list_.size(); }

 private:
  std::uint64_t read(const PlainRegister& one) { return bench_.read(one.reg, one.index, one.instance) & one.bits; }
  void write(const PlainRegister& one, std::uint64_t value) {
    // An index has as many bits as the queue's size gives it.
    const bool base = one.reg.bar == 0 && (one.reg.offset == iommu::cqb.offset || one.reg.offset == iommu::fqb.offset ||
                                           one.reg.offset == iommu::pqb.offset);
    bench_.write(one.reg, value | (base ? iommu::cqb_f::log2szm1.mask() : 0), one.index, one.instance);
  }
  std::uint64_t own(std::size_t i) const {
    // Counters that run would not keep theirs.
    const bool inhibit = list_[i].reg.bar == 0 && list_[i].reg.offset == iommu::iocountinh.offset;
    return inhibit ? list_[i].bits : (i + 1) * 0x9e37'79b9'7f4a'7c15 & list_[i].bits;
  }
  void compare(const PlainRegister& one, const char* how, std::uint64_t wanted, std::uint64_t found) {
    if ((found & one.bits) == wanted) return;
    verdict_.fail(fmt::format("{}, {}, gives {}", place(one), how, hex(wanted)), hex(found & one.bits),
                  "the path splits 64-bit accesses, or merges halves, wrongly: the upper half belongs to the higher "
                  "address, and both halves of one access to one moment");
  }

  Bench& bench_;
  Verdict& verdict_;
  std::vector<PlainRegister> list_;
};

void constants_stay(Bench& bench, Verdict& verdict) {
  for (const PlainRegister& one : constant_registers(bench)) {
    const std::uint64_t before = bench.read(one.reg, one.index, one.instance);
    bench.write(one.reg, ~before, one.index, one.instance);
    const std::uint64_t after = bench.read(one.reg, one.index, one.instance);
    if (after != before)
      verdict.fail(fmt::format("{} ignores writes and stays {}", place(one), hex(before)), hex(after));
  }
}

/// Writes a value and gives the field back.
std::uint64_t try_field(Bench& bench, const regs::Register& reg, const regs::Field& field, std::uint64_t value) {
  bench.write(reg, field.set(0, value));
  return field.get(bench.read(reg));
}

/// Writes ddtp, and gives back what it then reads.
std::uint64_t set_directory(Bench& bench, std::uint64_t value) {
  bench.write(iommu::ddtp, value);
  must(card::wait(bench.card(), {.who = "self-test", .what = "the end of ddtp.busy", .cycles = Bench::kCycles},
                  [&] { return iommu::ddtp_f::busy.get(bench.read(iommu::ddtp)) == 0; }));
  return bench.read(iommu::ddtp);
}

void features(Bench& bench, Verdict& verdict) {
  namespace fctl = iommu::fctl_f;
  set_directory(bench, 0);  // a card may be Bare after a reset
  const std::uint64_t before = bench.read(iommu::fctl);
  const bool both = caps::igs.get(bench.capabilities()) == static_cast<std::uint64_t>(regs::Igs::kBoth);
  const std::uint64_t free = (both ? fctl::wsi.mask() : 0) | (bench.has(caps::end) ? fctl::be.mask() : 0);
  for (const std::uint64_t wanted : {free, std::uint64_t{0}}) {
    bench.write(iommu::fctl, wanted);
    if (const std::uint64_t found = bench.read(iommu::fctl); ((found ^ wanted) & free) != 0)
      verdict.fail(fmt::format("fctl takes {} in the bits {}, which capabilities leave free", hex(wanted), hex(free)),
                   hex(found));
  }
  bench.write(iommu::fctl, before);
}

/// Every mode reads back as itself or as one that was there before; a page number survives in a mode that is there.
void directory_modes(Bench& bench, Verdict& verdict) {
  namespace ddtp = iommu::ddtp_f;
  auto put = [&](std::uint64_t value) { return set_directory(bench, value); };
  std::string modes;
  bool table = false;
  for (std::uint64_t mode = 0; mode <= ddtp::iommu_mode.max(); ++mode) {
    put(0);
    const std::uint64_t found = ddtp::iommu_mode.get(put(mode));
    if (found == mode) modes += fmt::format("{}{}", modes.empty() ? "" : " ", mode);
    const bool known = mode <= static_cast<std::uint64_t>(regs::IommuMode::k3lvl);
    if ((found == mode && known) || found == 0) {
      table = table || found > static_cast<std::uint64_t>(regs::IommuMode::kBare);
      if (mode > static_cast<std::uint64_t>(regs::IommuMode::kBare) || found == mode) continue;
    }
    verdict.fail(fmt::format("ddtp.iommu_mode, {} written, reads a mode that is there", mode),
                 fmt::format("{}", found));
  }
  if (!table) verdict.fail("ddtp takes a device directory of at least one level", "modes " + modes);
  verdict.fact("modes", modes);
  for (unsigned bit = 0; bit < bench.address_bits() - 12; ++bit) {
    put(0);
    const std::uint64_t wanted = ddtp::ppn.set(static_cast<std::uint64_t>(regs::IommuMode::k1lvl), 1ULL << bit);
    if (const std::uint64_t found = put(wanted); ddtp::iommu_mode.get(found) != 0 && found != wanted)
      verdict.fail("ddtp reads " + hex(wanted), hex(found), "the data line of this bit of BAR 0's register bus");
  }
  put(0);
}

void vectors(Bench& bench, Verdict& verdict) {
  bench.write(iommu::icvec, 0xffff);
  const std::uint64_t found = bench.read(iommu::icvec);
  const std::uint64_t field = iommu::icvec_f::civ.get(found);
  verdict.fact("vectors", field + 1);
  if (found != field * 0x1111 || !std::has_single_bit(field + 1))
    verdict.fail("icvec, all ones written, reads the same number of ones in each of its four fields", hex(found));
  bench.write(iommu::icvec, 0);
  if (const std::uint64_t zero = bench.read(iommu::icvec); zero != 0)
    verdict.fail("icvec, 0 written, reads 0", hex(zero));
}

void queue_sizes(Bench& bench, Verdict& verdict) {
  namespace cqb = iommu::cqb_f;
  for (const auto& [reg, there] :
       {std::pair{iommu::cqb, true}, {iommu::fqb, true}, {iommu::pqb, bench.has(caps::ats)}}) {
    const std::uint64_t largest = try_field(bench, reg, cqb::log2szm1, 31);
    verdict.fact(fmt::format("{}_entries", reg.name), there ? std::uint64_t{2} << largest : 0);
    for (std::uint64_t size = 0; size <= largest && there; ++size)
      if (const std::uint64_t found = try_field(bench, reg, cqb::log2szm1, size); found != size)
        verdict.fail(fmt::format("{}.log2szm1 takes {}, below its largest value {}", reg.name, size, largest),
                     fmt::format("{}", found));
    bench.write(reg, ~std::uint64_t{0});
    if (const std::uint64_t found = bench.read(reg); !there && found != 0)
      verdict.fail(fmt::format("{} reads 0, since capabilities.ATS is 0", reg.name), hex(found));
    bench.write(reg, 0);
  }
}

void event_ids(Bench& bench, Verdict& verdict) {
  if (!bench.has(caps::hpm)) return;
  for (std::uint64_t id = 0; id <= static_cast<std::uint64_t>(regs::HpmEvent::kSecondStageWalk); ++id) {
    const std::uint64_t found = try_field(bench, iommu::iohpmevt, iommu::iohpmevt_f::event_id, id);
    if (found != id && found != 0)
      verdict.fail(fmt::format("iohpmevt[0].event_id, {} written, reads {} or 0", id, id), fmt::format("{}", found));
  }
  bench.write(iommu::iohpmevt, 0);
}

void quality_of_service(Bench& bench, Verdict& verdict) {
  namespace qos = iommu::iommu_qosid_f;
  bench.write(iommu::iommu_qosid, 0xffff'ffff);
  const std::uint64_t found = bench.read(iommu::iommu_qosid);
  bench.write(iommu::iommu_qosid, 0);
  if (!bench.has(caps::qosid) && found != 0)
    verdict.fail("iommu_qosid reads 0, since capabilities.QOSID is 0", hex(found));
  if ((found & ~(qos::rcid.mask() | qos::mcid.mask())) != 0)
    verdict.fail("iommu_qosid has bits in RCID and MCID alone", hex(found));
}

}  // namespace

void test_registers(Bench& bench, Verdict& verdict) {
  bench.reset();
  const Survivors survivors(bench);
  Plain plain(bench, verdict);
  verdict.fact("registers", plain.size());
  plain.walk();
  plain.tell_apart();
  bench.reset();
  constants_stay(bench, verdict);
}

void test_halves(Bench& bench, Verdict& verdict) {
  bench.reset();
  const Survivors survivors(bench);
  Plain(bench, verdict).halves();
  bench.reset();
}

void test_warl(Bench& bench, Verdict& verdict) {
  bench.reset();
  features(bench, verdict);
  directory_modes(bench, verdict);
  vectors(bench, verdict);
  queue_sizes(bench, verdict);
  event_ids(bench, verdict);
  quality_of_service(bench, verdict);
  bench.reset();
}

}  // namespace aperture::sw::selftest
