// SPDX-License-Identifier: Apache-2.0
// Steps "sv32" to "sv57x4" and "two-stages": every format of page tables, with leaves of every size.
#include <fmt/format.h>

#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

constexpr std::uint32_t kDevice = 0x12;
constexpr std::uint64_t kGscid = 7;
constexpr std::uint64_t kPscid = 9;
constexpr std::uint64_t kInside = 0x100;  ///< of the page that is accessed
constexpr std::uint64_t kLength = 256;
/// Where a guest has the page, behind a second stage: a multiple of Sv32's largest leaf.
constexpr std::uint64_t kGuestPage = 0x2000'0000;

std::uint64_t iohgatp(const Tree& tree) { return tree.pointer() | regs::dc::iohgatp::gscid.set(0, kGscid); }

/// The causes of a stage for reads and writes.
regs::Cause cause(const Format& format, bool write) {
  if (format.second) return write ? regs::Cause::kWriteGuestPageFault : regs::Cause::kReadGuestPageFault;
  return write ? regs::Cause::kWritePageFault : regs::Cause::kReadPageFault;
}

class FormatTest {
 public:
  FormatTest(World& world, Verdict& verdict, Tree& tree, std::span<std::byte> page, std::uint64_t target)
      : world_(world),
        verdict_(verdict),
        tree_(tree),
        page_(page),
        target_(target),
        channel_(world.channel({.device_id = kDevice})) {}

  /// A leaf of every size, each under an entry of the root of its own.
  void leaves() {
    const Format& format = tree_.format();
    for (unsigned level = 0; level < format.levels; ++level)
      leaf(place(level), level, fmt::format("{}, a leaf of {:#x} bytes", format.name, format.leaf(level)));
    if (!format.second && format.entry == 8)
      leaf(~std::uint64_t{0} << (format.bits() - 1) | 0x5000, 0, fmt::format("{}, the upper half", format.name));
  }

  void refusals() {
    const Format& format = tree_.format();
    const std::uint64_t free = place(0) + 16 * kPageSize;
    refuse(free, false, "an address that is not mapped");
    refuse(free, true, "an address that is not mapped");
    refuse(std::uint64_t{1} << (format.second || format.entry == 4 ? format.bits() : format.bits() - 1), false,
           "an address beyond the format");
    const std::uint64_t fixed = free + kPageSize;
    tree_.map(fixed, target_, pte::kReadOnly);
    (void)reaches(verdict_, world_, channel_, fixed + kInside, page_.subspan(kInside, kLength),
                  fmt::format("{}, a read-only page", format.name), Rights::kRead);
    refuse(fixed, true, "a read-only page");
    const std::uint64_t supervisor = fixed + kPageSize;
    tree_.map(supervisor, target_, pte::kReadWrite & ~pte::kU);
    refuse(supervisor, false, "a page without U");
  }

 private:
  std::uint64_t place(unsigned level) const {
    const unsigned top = tree_.format().levels - 1;
    return std::uint64_t{level + 1} << (12 + top * tree_.format().index_bits);
  }
  void leaf(std::uint64_t base, unsigned level, const std::string& what) {
    const std::uint64_t size = tree_.format().leaf(level);
    tree_.map(base, target_, pte::kReadWrite, level);
    const std::uint64_t iova = (base & ~(size - 1)) | (target_ & (size - 1));
    (void)reaches(verdict_, world_, channel_, iova + kInside, page_.subspan(kInside, kLength), what);
  }
  void refuse(std::uint64_t iova, bool write, const char* what) {
    const std::uint64_t iotval2 = tree_.format().second ? iova : 0;
    (void)refused(verdict_, world_, channel_, record_of(channel_, cause(tree_.format(), write), iova, write, iotval2),
                  fmt::format("{}, {} {}", tree_.format().name, write ? "a write to" : "a read of", what));
  }

  World& world_;
  Verdict& verdict_;
  Tree& tree_;
  std::span<std::byte> page_;
  std::uint64_t target_;
  dma::Channel& channel_;
};

void run(World& world, Verdict& verdict, Tree& tree, const Words& page, std::uint64_t target, const Context& context) {
  world.context(kDevice, context);
  FormatTest test(world, verdict, tree, page.bytes(), target);
  test.leaves();
  test.refusals();
}

void first(Bench& bench, Verdict& verdict, const Format& format) {
  World world(bench);
  const Words& page = world.words();
  Tree tree(world, format);
  run(world, verdict, tree, page, page.address(), {.ta = regs::dc::ta::pscid.set(0, kPscid), .fsc = tree.pointer()});
}

void second(Bench& bench, Verdict& verdict, const Format& format) {
  World world(bench);
  const Words& page = world.words();
  Tree tree(world, format);
  run(world, verdict, tree, page, page.address(), {.iohgatp = iohgatp(tree)});
}

}  // namespace

void test_sv32(Bench& bench, Verdict& verdict) {
  World world(bench);
  const Words& page = world.words();
  Context context{.tc = regs::dc::tc::v.mask() | regs::dc::tc::sxl.mask(), .ta = regs::dc::ta::pscid.set(0, kPscid)};
  const Format* behind = second_stage(bench);
  if (behind == nullptr) {
    // Its entries name 34 bits: that does where the transport gives such addresses.
    Tree tree(world, kSv32);
    context.fsc = tree.pointer();
    return run(world, verdict, tree, page, page.address(), context);
  }
  Tree guest(world, *behind);
  guest.map(kGuestPage, page.address());
  Tree tree(world, kSv32, &guest);
  context.fsc = tree.pointer();
  context.iohgatp = iohgatp(guest);
  verdict.fact("behind", behind->name);
  run(world, verdict, tree, page, kGuestPage, context);
}
void test_sv39(Bench& bench, Verdict& verdict) { first(bench, verdict, kSv39); }
void test_sv48(Bench& bench, Verdict& verdict) { first(bench, verdict, kSv48); }
void test_sv57(Bench& bench, Verdict& verdict) { first(bench, verdict, kSv57); }

void test_sv32x4(Bench& bench, Verdict& verdict) {
  World world(bench, {.guests32 = true});
  if (!world.willing()) return verdict.skip("fctl.GXL cannot be set: second stages are those of 64-bit guests");
  const Words& page = world.words();
  Tree tree(world, kSv32x4);
  run(world, verdict, tree, page, page.address(),
      {.tc = regs::dc::tc::v.mask() | regs::dc::tc::sxl.mask(), .iohgatp = iohgatp(tree)});
}
void test_sv39x4(Bench& bench, Verdict& verdict) { second(bench, verdict, kSv39x4); }
void test_sv48x4(Bench& bench, Verdict& verdict) { second(bench, verdict, kSv48x4); }
void test_sv57x4(Bench& bench, Verdict& verdict) { second(bench, verdict, kSv57x4); }

void test_two_stages(Bench& bench, Verdict& verdict) {
  const Format* outer = second_stage(bench);
  const Format* inner = first_stage(bench);
  if (outer == nullptr || inner == nullptr)
    return verdict.skip("capabilities announce no first and second stage of 64 bits together");
  constexpr std::uint64_t kIova = 0x1234'5000;
  World world(bench);
  const Words& page = world.words();
  Tree guest(world, *outer);
  guest.map(kGuestPage, page.address());
  Tree tree(world, *inner, &guest);
  tree.map(kIova, kGuestPage);
  world.context(kDevice, {.iohgatp = iohgatp(guest), .ta = regs::dc::ta::pscid.set(0, kPscid), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice});
  const std::string both = fmt::format("{} behind {}", inner->name, outer->name);
  (void)reaches(verdict, world, channel, kIova + kInside, page.bytes().subspan(kInside, kLength), both);

  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kReadPageFault, kIova + kPageSize, false),
                both + ", not mapped by the first stage");
  // A page that the guest has mapped to where it has no memory.
  constexpr std::uint64_t kNowhere = kGuestPage + 64 * kPageSize;
  tree.map(kIova + kPageSize, kNowhere);
  (void)refused(verdict, world, channel,
                record_of(channel, regs::Cause::kWriteGuestPageFault, kIova + kPageSize + 8, true, kNowhere + 8),
                both + ", not mapped by the second stage");
  // A table that lies where the guest has no memory: the fault is of an implicit access.
  const std::uint64_t far = kIova + (std::uint64_t{1} << 30);
  tree.set_entry(far, inner->levels - 1, pte::to(kNowhere) | pte::kV);
  const auto implicit = [&] {
    if (!stopped(verdict, world, channel, far, false, both + ", a table not mapped by the second stage")) return;
    auto faults = world.faults();
    // The offset within the page may be left out.
    if (faults.size() == 1) faults[0].iotval2 &= ~std::uint64_t{0xffc};
    const riscv::Fault wanted = record_of(channel, regs::Cause::kReadGuestPageFault, far, false, kNowhere | 1);
    if (faults.size() != 1 || faults[0] != wanted)
      verdict.fail(both + ", a table not mapped by the second stage: one record: " + to_text(wanted),
                   faults.empty() ? "no fault record" : to_text(faults[0]));
  };
  implicit();
}

}  // namespace aperture::sw::selftest
