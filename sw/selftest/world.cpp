// SPDX-License-Identifier: Apache-2.0
#include "selftest/world.hpp"

#include <string>
#include <utility>

#include "card/wait.hpp"
#include "riscv/command.hpp"

namespace aperture::sw::selftest {

namespace ddtp = regs::iommu::ddtp_f;
namespace fctl = regs::iommu::fctl_f;

World::World(Bench& bench, Manner manner)
    : bench_(bench),
      iommu_(bench.iommu()),
      manner_(manner),
      extended_(bench.has(regs::iommu::capabilities_f::msi_flat)),
      directory_(&words(kPageSize, manner.big_endian)) {
  try {
    enter();
  } catch (const Trouble&) {
    // The IOMMU may lead to memory that goes now.
    (void)iommu_.restart();
    throw;
  }
}

void World::enter() {
  if (manner_.big_endian || manner_.guests32 || manner_.messages) {
    restart();
  } else {
    saved_ = bench_.read(regs::iommu::ddtp);
    write_ddtp(0);
  }
  // A device behind 32-bit guests' formats has 32-bit formats throughout.
  const std::uint64_t sxl = manner_.guests32 ? regs::dc::tc::sxl.mask() : 0;
  directory_->set(kRingId * (extended_ ? 8 : 4),
                  regs::dc::tc::v.mask() | sxl | (manner_.big_endian && willing_ ? regs::dc::tc::sbe.mask() : 0));
  mode(regs::IommuMode::k1lvl);
  if (!manner_.big_endian) (void)iommu_.faults().drain();
}

World::~World() {
  channels_.clear();
  if (bench_.gone()) return;
  try {
    if (saved_ == 0) {
      must(iommu_.restart());
    } else {
      write_ddtp(0);
      write_ddtp(saved_);
      forget();
      (void)iommu_.faults().drain();
      if (iommu_.page_requests().started()) (void)iommu_.page_requests().drain();
    }
  } catch (const Trouble&) {
    // The memory must not be freed under a running card; whether it still answers is looked at after every step.
    (void)iommu_.restart();
  }
}

void World::restart() {
  must(card::reset(bench_.card()));
  write_ddtp(0);
  std::uint64_t wanted = fctl::wsi.set(bench_.read(regs::iommu::fctl), manner_.messages ? 0 : 1);
  wanted = fctl::gxl.set(fctl::be.set(wanted, manner_.big_endian), manner_.guests32);
  bench_.write(regs::iommu::fctl, wanted);
  const std::uint64_t differ = bench_.read(regs::iommu::fctl) ^ wanted;
  willing_ = (differ & (fctl::be.mask() | fctl::gxl.mask())) == 0 && (!manner_.messages || fctl::wsi.get(differ) == 0);
  if (manner_.big_endian) return;
  must(iommu_.commands().start(iommu_.options().command_log2, Bench::kCycles));
  must(iommu_.faults().start(iommu_.options().fault_log2, Bench::kCycles));
}

void World::write_ddtp(std::uint64_t value) {
  const auto settled = [this] { return ddtp::busy.get(bench_.read(regs::iommu::ddtp)) == 0; };
  const card::WaitFor quiet{.who = "self-test", .what = "the end of ddtp.busy", .cycles = Bench::kCycles};
  must(card::wait(bench_.card(), quiet, settled));
  bench_.write(regs::iommu::ddtp, value);
  must(card::wait(bench_.card(), quiet, settled));
}

void World::mode(regs::IommuMode mode) {
  if (!lead(mode, *directory_))
    throw Trouble(
        {Code::kUnsupported, EOPNOTSUPP, std::string("ddtp does not take iommu_mode ") + regs::to_string(mode)});
}

bool World::lead(regs::IommuMode mode, const Words& root) {
  const bool walks = mode != regs::IommuMode::kOff && mode != regs::IommuMode::kBare;
  const std::uint64_t value = ddtp::ppn.set(static_cast<std::uint64_t>(mode), walks ? root.page() : 0);
  write_ddtp(0);
  write_ddtp(value);
  const std::uint64_t compared = ddtp::iommu_mode.mask() | (walks ? ddtp::ppn.mask() : 0);
  const bool taken = (bench_.read(regs::iommu::ddtp) & compared) == value;
  if (!manner_.big_endian) forget();
  return taken;
}

Words& World::words(std::uint64_t size, bool big_endian) {
  return memory_.emplace_back(bench_.card(), size, big_endian);
}

void World::context(std::uint32_t device_id, const Context& context) {
  const std::uint64_t at = device_id * (extended_ ? 8 : 4);
  if (directory_->get(at) != 0) {
    directory_->set(at, 0);
    forget();
  }
  directory_->set(at + 1, context.iohgatp);
  directory_->set(at + 2, context.ta);
  directory_->set(at + 3, context.fsc);
  if (extended_) {
    directory_->set(at + 4, context.msiptp);
    directory_->set(at + 5, context.mask);
    directory_->set(at + 6, context.pattern);
  }
  directory_->set(at, context.tc);
  // What is not valid is not cached, so that the first context of a device needs no command.
  if (!manner_.big_endian) forget();
}

void World::forget() {
  using namespace riscv::command;
  riscv::CommandQueue& commands = iommu_.commands();
  must(commands.push(iodir_inval_ddt({})));
  must(commands.push(iotinval_vma({}, {})));
  must(commands.push(iotinval_gvma({}, {})));
  must(commands.fence());
}

void World::command(const riscv::Command& command) {
  must(iommu_.commands().push(command));
  must(iommu_.commands().fence());
}

dma::Channel& World::channel(const dma::Identity& identity, unsigned index) {
  auto& channel = channels_[index];
  if (channel) {
    must(channel->stop());
    must(channel->start(identity));
  } else {
    channel = must(dma::Channel::open(iommu_, index, identity,
                                      {.ring_device_id = kRingId, .interrupts = false, .wait_cycles = Bench::kCycles}));
  }
  return *channel;
}

std::vector<riscv::Fault> World::faults() {
  bench_.settle();
  if (manner_.big_endian) return {};  // nothing is recorded
  return std::move(iommu_.faults().drain().faults);
}

}  // namespace aperture::sw::selftest
