// SPDX-License-Identifier: Apache-2.0
// Steps "irq-...": each vector of the card, and each cause. Step "messages": interrupts of the IOMMU as memory writes.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "card/wait.hpp"
#include "riscv/command.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"
#include "selftest/tree.hpp"

namespace aperture::sw::selftest {
namespace {

namespace iommu = regs::iommu;
namespace caps = regs::iommu::capabilities_f;
constexpr std::uint32_t kDevice = 0x11;
constexpr unsigned kFirstChannelVector = 16;
constexpr riscv::Command kIllegal{.w0 = 0x3f, .w1 = 0};

/// Every vector that the transport gives.
std::uint64_t all_vectors(Bench& bench) {
  const unsigned count = bench.card().interrupts().vectors();
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// The vectors that arrive until `wanted` is among them, or a second of the host's time is over: an interrupt is on its
/// way for longer than the card is busy.
std::uint64_t heard(Bench& bench, std::uint64_t wanted) {
  constexpr std::uint64_t kSlice = 10'000;
  card::Interrupts& interrupts = bench.card().interrupts();
  const std::uint64_t all = all_vectors(bench);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  std::uint64_t got = 0;
  while ((got & wanted) == 0 && std::chrono::steady_clock::now() < limit) {
    const std::uint64_t came = interrupts.wait(all, kSlice);
    got |= came;
    if (came == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return got | interrupts.wait(all & ~got, kSlice / 10);
}

/// Nothing pending, every vector armed, nothing latched, and nothing that was sent before still on its way.
void quiet(Bench& bench) {
  constexpr auto kOnTheWay = std::chrono::milliseconds(20);
  constexpr int kMost = 50;
  bench.write(iommu::ipsr, 0xf);
  bench.write(regs::card::irq_rearm, 0xffff'ffff);
  for (int i = 0; i < kMost; ++i) {
    std::this_thread::sleep_for(kOnTheWay);
    if (bench.card().interrupts().wait(all_vectors(bench), 100) == 0) break;
  }
  bench.write(regs::card::irq_rearm, 0xffff'ffff);
}

/// Whether `provoke` raises `vector` and no other, as far as the transport can tell them apart; false: the transport
/// has no such vector.
bool announces(Bench& bench, Verdict& verdict, unsigned vector, const std::string& cause,
               const std::function<void()>& provoke) {
  if (vector >= bench.card().interrupts().vectors()) return false;
  quiet(bench);
  provoke();
  const std::uint64_t wanted = std::uint64_t{1} << vector;
  const std::uint64_t got = heard(bench, wanted), allowed = bench.card().interrupts().shared_with(vector);
  if ((got & wanted) != 0 && (got & ~allowed) == 0) return true;
  const std::uint64_t wires = bench.read(regs::card::irq_pending);
  const std::string found = fmt::format("vectors {:#x}; ipsr {:#x}, irq_pending {:#x}, irq_enable {:#x}, armed {:#x}",
                                        got, bench.read(iommu::ipsr), wires, bench.read(regs::card::irq_enable),
                                        bench.read(regs::card::irq_rearm));
  const char* check =
      (got & ~allowed) != 0
          ? "which vector number the card sends: icvec, and how the PCIe core's interrupt port is numbered"
      : (wires & wanted) != 0
          ? "the way of a message: the wire is up, so look at MSI-X or MSI in `lspci -vv` (Enable+, Masked-), at "
            "/proc/interrupts, at interrupt remapping in `dmesg`, and at the port between the card and the PCIe core"
          : "the cause itself: no wire is up, so the message was taken or never asked for; see the queue's status "
            "register in `aperture dump`";
  verdict.fail(fmt::format("{} raises vector {} and no other", cause, vector), found, check);
  return true;
}

/// A cause that the card's wires do not show.
bool no_wires(Bench& bench, Verdict& verdict) {
  if (caps::igs.get(bench.capabilities()) != static_cast<std::uint64_t>(regs::Igs::kMsi)) return false;
  verdict.skip("capabilities.IGS has no wires: step `messages` tests the IOMMU's interrupts");
  return true;
}

void too_few(Bench& bench, Verdict& verdict, unsigned vector) {
  verdict.fail(fmt::format("the transport gives the card's vector {}", vector),
               fmt::format("{} vectors", bench.card().interrupts().vectors()),
               "MSI-X or MSI in `lspci -vv`: Count, and what the host has granted; the PCIe core's interrupt settings");
}

unsigned vector_of(Bench& bench, const regs::Field& cause) {
  return static_cast<unsigned>(cause.get(bench.read(iommu::icvec)));
}

/// Lets iohpmcycles count from just below its end; `inhibited` is iocountinh of before.
void overflow_soon(Bench& bench, std::uint64_t inhibited) {
  bench.write(iommu::iohpmcycles, iommu::iohpmcycles_f::counter.max() - 500);
  bench.write(iommu::iocountinh, inhibited & ~iommu::iocountinh_f::cy.mask());
}

/// Runs a test with a cause on the vector that the driver gave it, and on the last one that the field takes.
void on_two_vectors(Bench& bench, const regs::Field& cause, const std::function<void(unsigned)>& test) {
  const std::uint64_t before = bench.read(iommu::icvec);
  bench.write(iommu::icvec, cause.set(before, cause.max()));
  const unsigned last = vector_of(bench, cause);
  bench.write(iommu::icvec, before);
  test(vector_of(bench, cause));
  bench.write(iommu::icvec, cause.set(before, last));
  test(last);
  bench.write(iommu::icvec, before);
  quiet(bench);
}

void after_illegal(World& world) {
  world.bench().settle();
  world.iommu().commands().skip();
  // A wait arms vectors again: the wire must be down by then, or the message comes a second time.
  world.bench().write(iommu::ipsr, 0xf);
  must(world.iommu().commands().fence());
}

}  // namespace

void test_command_vector(Bench& bench, Verdict& verdict) {
  if (no_wires(bench, verdict)) return;
  World world(bench);
  const std::uint64_t before = bench.read(iommu::icvec);
  bench.write(iommu::icvec, 0xffff);
  const unsigned last = vector_of(bench, iommu::icvec_f::civ);
  unsigned tested = 0;
  for (unsigned vector = 0; vector <= last && verdict.found() < 3; ++vector) {
    bench.write(iommu::icvec, iommu::icvec_f::civ.set(before, vector));
    const bool there = announces(bench, verdict, vector, "an illegal command", [&] {
      must(world.iommu().commands().push(kIllegal));
      world.iommu().commands().ring();
    });
    if (there)
      after_illegal(world);
    else
      too_few(bench, verdict, vector);
    tested += there ? 1 : 0;
  }
  bench.write(iommu::icvec, before);
  quiet(bench);
  verdict.fact("vectors", tested);
}

void test_fault_vector(Bench& bench, Verdict& verdict) {
  if (no_wires(bench, verdict)) return;
  World world(bench);
  dma::Channel& channel = world.channel({.device_id = kDevice});
  on_two_vectors(bench, iommu::icvec_f::fiv, [&](unsigned vector) {
    if (!announces(bench, verdict, vector, "a fault record", [&] { must(channel.stray_read(Iova{0x5000})); }))
      too_few(bench, verdict, vector);
    (void)world.faults();
  });
}

void test_counter_vector(Bench& bench, Verdict& verdict) {
  if (no_wires(bench, verdict)) return;
  World world(bench);
  const std::uint64_t all = bench.read(iommu::iocountinh);
  on_two_vectors(bench, iommu::icvec_f::pmiv, [&](unsigned vector) {
    const bool there =
        announces(bench, verdict, vector, "the overflow of iohpmcycles", [&] { overflow_soon(bench, all); });
    bench.write(iommu::iocountinh, all | iommu::iocountinh_f::cy.mask());
    const std::uint64_t overflown = bench.read(iommu::iocountovf);
    bench.write(iommu::iohpmcycles, 0);
    quiet(bench);
    if (!there)
      too_few(bench, verdict, vector);
    else if (iommu::iocountovf_f::cy.get(overflown) == 0)
      verdict.fail("iocountovf.cy is 1 behind the overflow", fmt::format("{:#x}", overflown));
  });
}

void test_page_request_vector(Bench& bench, Verdict& verdict) {
  if (no_wires(bench, verdict)) return;
  World world(bench);
  namespace tc = regs::dc::tc;
  const Format* format = first_stage(bench);
  if (format == nullptr) return verdict.skip("no first stage of 64 bits");
  Tree tree(world, *format);
  world.context(kDevice, {.tc = tc::v.mask() | tc::en_ats.mask() | tc::en_pri.mask(), .fsc = tree.pointer()});
  dma::Channel& channel = world.channel({.device_id = kDevice, .ats = true});
  on_two_vectors(bench, iommu::icvec_f::piv, [&](unsigned vector) {
    dma::Ticket ticket{};
    const bool there = announces(bench, verdict, vector, "a page request", [&] {
      ticket = must(channel.submit({.op = regs::DmaOp::kCrc, .source = Iova{0x7000}, .length = 64}));
    });
    if (!there) return too_few(bench, verdict, vector);
    for (const riscv::PageRequest& request : world.iommu().page_requests().drain().requests)
      must(world.iommu().commands().push(riscv::respond(request, riscv::command::PageResponse::kFailure)));
    must(world.iommu().commands().fence());
    (void)must(channel.wait(ticket, Bench::kCycles));
  });
}

void test_channel_vectors(Bench& bench, Verdict& verdict) {
  World world(bench);
  world.context(kDevice, {});
  const Words& memory = world.words();
  unsigned tested = 0;
  for (unsigned index = 0; index < bench.identity().channels; ++index) {
    const auto channel = must(dma::Channel::open(world.iommu(), index, {.device_id = kDevice},
                                                 {.ring_device_id = World::kRingId, .interrupts = true}));
    dma::Ticket ticket{};
    const bool there =
        announces(bench, verdict, kFirstChannelVector + index, fmt::format("a completion of channel {}", index), [&] {
          ticket = must(channel->submit({.op = regs::DmaOp::kCrc, .source = Iova{memory.address()}, .length = 64}));
        });
    if (there)
      (void)must(channel->wait(ticket, Bench::kCycles));
    else
      too_few(bench, verdict, kFirstChannelVector + index);
    tested += there ? 1 : 0;
  }
  verdict.fact("vectors", tested);
}

void test_messages(Bench& bench, Verdict& verdict) {
  if (caps::igs.get(bench.capabilities()) == static_cast<std::uint64_t>(regs::Igs::kWsi))
    return verdict.skip("capabilities.IGS: wires only, no messages");
  World world(bench, {.messages = true});
  if (!world.willing()) {
    verdict.fail("fctl.WSI takes 0, since capabilities.IGS has messages",
                 fmt::format("fctl {:#x}", bench.read(iommu::fctl)));
    return;
  }
  const Words& memory = world.words();
  bench.write(iommu::icvec, 0xffff);
  const unsigned last = vector_of(bench, iommu::icvec_f::civ);
  auto arrives = [&](unsigned vector, std::uint32_t data) {
    const auto came = [&] { return memory.get_half(vector) == data; };
    return card::wait(bench.card(), {.who = "self-test", .what = "a message", .cycles = Bench::kCycles}, came)
        .has_value();
  };
  // Masked, nothing comes; unmasked, what was held back does.
  auto sends = [&](const char* cause, const regs::Field& field, unsigned vector, std::uint32_t data,
                   const std::function<void()>& provoke) {
    bench.write(iommu::ipsr, 0xf);
    bench.write(iommu::msi_addr, memory.address() + 4 * vector, vector);
    bench.write(iommu::msi_data, data, vector);
    bench.write(iommu::msi_vec_ctl, 1, vector);
    bench.write(iommu::icvec, field.set(0, vector));
    const std::uint32_t before = memory.get_half(vector);
    provoke();
    bench.settle();
    if (memory.get_half(vector) != before)
      verdict.fail(fmt::format("{} on vector {}, masked: no message", cause, vector), "a message");
    bench.write(iommu::msi_vec_ctl, 0, vector);
    if (!arrives(vector, data))
      verdict.fail(fmt::format("{} on vector {}, unmasked, stores {:#x}", cause, vector, data),
                   fmt::format("{:#x}", memory.get_half(vector)));
  };
  for (unsigned vector = 0; vector <= last; ++vector) {
    sends("an illegal command", iommu::icvec_f::civ, vector, 0xa000 + vector, [&] {
      must(world.iommu().commands().push(kIllegal));
      world.iommu().commands().ring();
    });
    after_illegal(world);
  }
  if (const auto faults = world.faults(); !faults.empty())
    verdict.fail("messages leave no fault record", to_text(faults.front()));
  dma::Channel& channel = world.channel({.device_id = kDevice});
  for (const unsigned vector : {std::min(1U, last), last}) {
    sends("a fault record", iommu::icvec_f::fiv, vector, 0xb000 + vector,
          [&] { must(channel.stray_read(Iova{0x5000})); });
    (void)world.faults();
  }
  const bool counts = bench.has(caps::hpm);
  const std::uint64_t stopped = counts ? bench.read(iommu::iocountinh) : 0;
  for (const unsigned vector : {last, std::min(1U, last)}) {
    if (!counts) break;
    sends("the overflow of iohpmcycles", iommu::icvec_f::pmiv, vector, 0xc000 + vector, [&] {
      overflow_soon(bench, stopped);
      must(card::wait(bench.card(),
                      {.who = "self-test", .what = "the overflow", .cycles = Bench::kCycles, .idle_ends = false},
                      [&] { return iommu::iocountovf_f::cy.get(bench.read(iommu::iocountovf)) != 0; }));
      bench.write(iommu::iocountinh, stopped | iommu::iocountinh_f::cy.mask());
    });
    bench.write(iommu::iohpmcycles, 0);
  }
  bench.write(iommu::ipsr, 0xf);
  verdict.fact("vectors", last + 1);
}

}  // namespace aperture::sw::selftest
