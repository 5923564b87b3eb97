// SPDX-License-Identifier: Apache-2.0
// Steps "msi_flat", "msi_mrif" and "amo_mrif": a device's message-signalled interrupts through an MSI page table.
// Source: specification, "Process to translate addresses of MSIs"; AIA, "IOMMU support for MSIs to virtual machines".
#include <fmt/format.h>

#include <memory>

#include "card/wait.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace w0 = regs::msi_pte::w0;
namespace w1 = regs::msi_pte::w1;
constexpr std::uint32_t kDevice = 0x15;
constexpr std::uint64_t kPattern = 0x2'4000;  ///< page number of interrupt file 0
constexpr std::uint64_t kMask = 0x7;          ///< eight interrupt files
constexpr std::uint64_t kBasic = 3;
constexpr std::uint64_t kMrif = 1;

/// Where the device's interrupt file `index` is.
std::uint64_t file(std::uint64_t index) { return (kPattern | index) << 12; }

/// A device behind a second stage, with an MSI page table.
class Messages {
 public:
  explicit Messages(Bench& bench, const Format& second)
      : world(bench), guest(world, second), table(world.words()), channel(nullptr) {
    world.context(kDevice, {.iohgatp = guest.pointer() | regs::dc::iohgatp::gscid.set(0, 5),
                            .msiptp = std::uint64_t{1} << 60 | table.page(),
                            .mask = kMask,
                            .pattern = kPattern});
    channel = &world.channel({.device_id = kDevice});
  }
  void set(std::uint64_t index, std::uint64_t first, std::uint64_t second) {
    table.set(2 * index + 1, second);
    table.set(2 * index, first);
  }
  void basic(std::uint64_t index, const Words& page) {
    set(index, w0::v.mask() | w0::m.set(0, kBasic) | pte::to(page.address()), 0);
  }
  void resident(std::uint64_t index, const Words& interrupts, const Words& notices, std::uint64_t notice) {
    set(index, w0::mrif.set(w0::v.mask() | w0::m.set(0, kMrif), interrupts.address() >> 9),
        w1::nppn.set(w1::nid_low.set(0, notice & 0x3ff) | w1::nid_high.set(0, notice >> 10), notices.page()));
  }
  dma::Job job(std::uint64_t index, std::uint64_t identity) const {
    return {.op = regs::DmaOp::kFill, .destination = Iova{file(index)}, .length = 4, .pattern = identity};
  }
  /// The device sends an interrupt; false with a finding if that fails.
  bool send(Verdict& verdict, std::uint64_t index, std::uint64_t identity) {
    const dma::Completion done = must(channel->run(job(index, identity), Bench::kCycles));
    return done.ok() ||
           verdict.fail(fmt::format("interrupt {} of file {} is taken", identity, index), outcome(world, done));
  }

  World world;
  Tree guest;
  Words& table;
  dma::Channel* channel;
};

std::unique_ptr<Messages> behind_second_stage(Bench& bench, Verdict& verdict) {
  const Format* second = second_stage(bench);
  if (second != nullptr) return std::make_unique<Messages>(bench, *second);
  verdict.skip("capabilities announce no second stage of 64 bits, before which MSI page tables stand");
  return nullptr;
}

std::uint64_t pending(const Words& interrupts, std::uint64_t identity) {
  return interrupts.get(2 * (identity / 64)) >> (identity % 64) & 1;
}

}  // namespace

void test_msi_flat(Bench& bench, Verdict& verdict) {
  const auto messages = behind_second_stage(bench, verdict);
  if (!messages) return;
  World& world = messages->world;
  dma::Channel& channel = *messages->channel;
  Words& page = world.words();
  for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{5}}) {
    messages->basic(index, page);
    page.set_half(0, 0);
    const std::uint32_t identity = 0x120 + static_cast<std::uint32_t>(index);
    if (messages->send(verdict, index, identity) && page.get_half(0) != identity)
      verdict.fail(fmt::format("interrupt file {} gets {:#x}", index, identity),
                   fmt::format("{:#x}", page.get_half(0)));
  }
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kMsiPteNotValid, file(2), true),
                "an MSI entry without V");
  messages->set(3, w0::v.mask() | pte::to(page.address()), 0);
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kMsiPteMisconfigured, file(3), true),
                "an MSI entry with mode 0, which is reserved");
  const std::uint64_t beside = file(kMask + 1);
  (void)refused(verdict, world, channel, record_of(channel, regs::Cause::kWriteGuestPageFault, beside, true, beside),
                "an address beside the interrupt files, which the second stage does not map");
}

void test_msi_mrif(Bench& bench, Verdict& verdict) {
  const auto messages = behind_second_stage(bench, verdict);
  if (!messages) return;
  const Words& interrupts = messages->world.words();
  const Words& notices = messages->world.words();
  constexpr std::uint64_t kNotice = 0x5a5;
  messages->resident(1, interrupts, notices, kNotice);
  for (const std::uint64_t identity : {std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{64}, std::uint64_t{2047}}) {
    if (!messages->send(verdict, 1, identity)) return;
    bench.settle();
    if (pending(interrupts, identity) == 0)
      verdict.fail(fmt::format("pending bit {} of the interrupt file in memory is set", identity), "0");
  }
  if (notices.get_half(0) != kNotice)
    verdict.fail(fmt::format("the notice {:#x} is stored", kNotice), fmt::format("{:#x}", notices.get_half(0)));
  std::uint64_t set = 0;
  for (std::uint64_t word = 0; word < 64; word += 2)
    set += static_cast<std::uint64_t>(std::popcount(interrupts.get(word)));
  if (set != 4) verdict.fail("four pending bits are set", fmt::format("{}", set));
  if (const auto faults = messages->world.faults(); !faults.empty())
    verdict.fail("no fault record", to_text(faults.front()));
}

void test_amo_mrif(Bench& bench, Verdict& verdict) {
  if (!bench.has(regs::iommu::capabilities_f::msi_mrif))
    return verdict.skip("capabilities.MSI_MRIF is 0: there are no interrupt files in memory");
  const auto messages = behind_second_stage(bench, verdict);
  if (!messages) return;
  Words& interrupts = messages->world.words();
  const Words& notices = messages->world.words();
  messages->resident(0, interrupts, notices, 1);
  // The card sets the even bits, the host the odd ones of the same word: none may be lost.
  constexpr unsigned kRounds = 32;
  dma::Ticket last{};
  for (unsigned i = 0; i < kRounds; ++i) last = must(messages->channel->submit(messages->job(0, 2 * i)));
  unsigned next = 0;
  must(card::wait(bench.card(), {.who = "self-test", .what = "the last interrupt", .cycles = Bench::kCycles}, [&] {
    if (next < kRounds) interrupts.set_bits(0, std::uint64_t{2} << (2 * next++));
    return must(messages->channel->poll(last)).has_value();
  }));
  for (; next < kRounds; ++next) interrupts.set_bits(0, std::uint64_t{2} << (2 * next));
  bench.settle();
  if (const std::uint64_t found = interrupts.get(0); found != ~std::uint64_t{0})
    verdict.fail("all 64 pending bits that card and host have set at once are there", fmt::format("{:#x}", found),
                 "the IOMMU's atomic update of interrupt files: exclusive accesses, or atomic operations, on its own "
                 "port up to the memory");
}

}  // namespace aperture::sw::selftest
