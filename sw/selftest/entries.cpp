// SPDX-License-Identifier: Apache-2.0
// Steps "svnapot", "svpbmt", "svrsw60t59b" and "amo_hwad": what single entries of page tables can say beyond.
#include <fmt/format.h>

#include "card/wait.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace e = regs::pte::e;
namespace tc = regs::dc::tc;
constexpr std::uint32_t kDevice = 0x13;
constexpr std::uint64_t kIova = 0x4567'0000;
constexpr std::uint64_t kLength = 256;

/// A device behind a first stage of its own; false: the card has none.
template <typename Test>
bool behind_first_stage(Bench& bench, Verdict& verdict, std::uint64_t bits, Test test) {
  const Format* format = first_stage(bench);
  if (format == nullptr) {
    verdict.skip("capabilities announce no first stage of 64 bits");
    return false;
  }
  World world(bench);
  Tree tree(world, *format);
  world.context(kDevice, {.tc = tc::v.mask() | bits, .fsc = tree.pointer()});
  test(world, tree, world.channel({.device_id = kDevice}));
  return true;
}

/// A leaf whose reserved encoding has to be refused.
void refuse(Verdict& verdict, World& world, Tree& tree, dma::Channel& channel, std::uint64_t entry, const char* what) {
  const std::uint64_t iova = kIova + 0x10'0000;
  tree.set_entry(iova, 0, entry);
  world.forget();
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kReadPageFault, iova, false), what);
}

void expect_entry(Verdict& verdict, Tree& tree, std::uint64_t iova, std::uint64_t wanted, const std::string& when) {
  const std::uint64_t found = tree.entry(iova);
  if (found != wanted)
    verdict.fail(fmt::format("{}: the entry is {:#x}", when, wanted), fmt::format("{:#x}", found),
                 "the IOMMU's atomic update of entries: exclusive accesses, or compare-and-swap, on its own port");
}

}  // namespace

void test_svnapot(Bench& bench, Verdict& verdict) {
  (void)behind_first_stage(bench, verdict, 0, [&](World& world, Tree& tree, dma::Channel& channel) {
    constexpr std::uint64_t kSize = 64 * 1024;
    const Words& memory = world.words(kSize);
    for (std::uint64_t offset = 0; offset < kSize; offset += kPageSize)
      tree.set_entry(kIova + offset, 0, e::n.mask() | pte::to(memory.address() | 0x8000) | pte::kReadWrite);
    for (const unsigned page : {0U, 5U, 15U}) {
      const std::uint64_t offset = page * kPageSize + 0x80;
      (void)reaches(verdict, world, channel, kIova + offset, memory.bytes().subspan(offset, kLength),
                    fmt::format("page {} of a leaf of 64 KiB", page));
    }
    refuse(verdict, world, tree, channel, e::n.mask() | pte::to(memory.address() | 0x4000) | pte::kReadWrite,
           "an entry with N that is not 64 KiB (ppn[3:0] is 4)");
  });
}

void test_svpbmt(Bench& bench, Verdict& verdict) {
  (void)behind_first_stage(bench, verdict, 0, [&](World& world, Tree& tree, dma::Channel& channel) {
    const Words& memory = world.words();
    for (std::uint64_t type = 0; type <= 2; ++type) {
      const std::uint64_t iova = kIova + type * kPageSize;
      tree.map(iova, memory.address(), pte::kReadWrite | e::pbmt.set(0, type));
      (void)reaches(verdict, world, channel, iova, memory.bytes().first(kLength), fmt::format("PBMT {}", type));
    }
    refuse(verdict, world, tree, channel, pte::to(memory.address()) | pte::kReadWrite | e::pbmt.set(0, 3),
           "an entry with PBMT 3, which is reserved");
  });
}

void test_svrsw60t59b(Bench& bench, Verdict& verdict) {
  (void)behind_first_stage(bench, verdict, 0, [&](World& world, Tree& tree, dma::Channel& channel) {
    const Words& memory = world.words();
    tree.map(kIova, memory.address(), pte::kReadWrite | e::rsw.mask());
    (void)reaches(verdict, world, channel, kIova, memory.bytes().first(kLength), "an entry with bits 60:59 set");
    refuse(verdict, world, tree, channel, pte::to(memory.address()) | pte::kReadWrite | e::rsvd.mask(),
           "an entry with bits 58:54 set, which are reserved");
  });
}

/// The card sets A and D while the host sets other bits of the same entries, which are software's: none may be lost.
void beside_the_host(Verdict& verdict, World& world, Tree& tree, dma::Channel& channel) {
  constexpr unsigned kPages = 64, kBits = 2;
  constexpr std::uint64_t kFrom = kIova + (std::uint64_t{1} << 21);
  const Words& memory = world.words();
  for (unsigned i = 0; i < kPages; ++i)
    tree.map(kFrom + i * kPageSize, memory.address(), pte::kReadWrite & ~(pte::kA | pte::kD));
  const dma::Ticket ticket = must(channel.submit(
      {.op = regs::DmaOp::kFill, .destination = Iova{kFrom}, .length = kPages * kPageSize, .pattern = 1}));
  unsigned next = 0;
  const auto set_next = [&] {
    for (unsigned i = 0; i < 4 && next < kPages * kBits; ++i, ++next)
      tree.set_bits(kFrom + next / kBits * kPageSize, std::uint64_t{1} << (8 + next % kBits));
  };
  must(card::wait(world.bench().card(), {.who = "self-test", .what = "the last page", .cycles = Bench::kCycles}, [&] {
    set_next();
    return must(channel.poll(ticket)).has_value();
  }));
  while (next < kPages * kBits) set_next();
  const std::uint64_t whole = pte::to(memory.address()) | pte::kReadWrite | std::uint64_t{3} << 8;
  for (unsigned i = 0; i < kPages && verdict.found() == 0; ++i)
    expect_entry(verdict, tree, kFrom + i * kPageSize, whole, "where card and host have set bits at once");
}

void test_hardware_updates(Bench& bench, Verdict& verdict) {
  constexpr std::uint64_t kFresh = pte::kReadWrite & ~(pte::kA | pte::kD);
  (void)behind_first_stage(bench, verdict, tc::sade.mask(), [&](World& world, Tree& tree, dma::Channel& channel) {
    const Words& memory = world.words();
    tree.map(kIova, memory.address(), kFresh);
    const std::uint64_t fresh = tree.entry(kIova);
    (void)must(channel.crc(Iova{kIova}, 64));
    expect_entry(verdict, tree, kIova, fresh | pte::kA, "after a read");
    (void)must(channel.fill(Iova{kIova}, 64, 1));
    expect_entry(verdict, tree, kIova, fresh | pte::kA | pte::kD, "after a write");
    (void)reaches(verdict, world, channel, kIova, memory.bytes().first(kLength), "an entry that was updated");

    beside_the_host(verdict, world, tree, channel);
    world.context(kDevice, {.fsc = tree.pointer()});
    tree.map(kIova, memory.address(), kFresh);
    world.forget();
    (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kReadPageFault, kIova, false),
                  "an entry without A, where DC.tc.SADE is 0");
    expect_entry(verdict, tree, kIova, fresh, "after a refused read");

    if (const Format* second = second_stage(bench); second != nullptr) {
      Tree guest(world, *second);
      guest.map(kIova, memory.address(), kFresh);
      const std::uint64_t before = guest.entry(kIova);
      world.context(kDevice, {.tc = tc::v.mask() | tc::gade.mask(), .iohgatp = guest.pointer()});
      (void)must(channel.fill(Iova{kIova}, 64, 2));
      expect_entry(verdict, guest, kIova, before | pte::kA | pte::kD, "after a write behind a second stage (GADE)");
    }
  });
}

}  // namespace aperture::sw::selftest
