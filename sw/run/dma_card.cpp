// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "card/wait.hpp"
#include "run/dma.hpp"

namespace aperture::sw::run {
namespace {

constexpr std::uint64_t kFaultCycles = 1'000'000;

FaultRecord record_of(const riscv::Fault& fault) {
  return {.cause = static_cast<std::uint64_t>(fault.cause),
          .device_id = fault.device_id,
          .process_id = fault.process_id ? std::optional<std::uint64_t>(*fault.process_id) : std::nullopt,
          .iova = fault.iotval,
          .iotval2 = fault.iotval2,
          .ttyp = static_cast<std::uint64_t>(fault.ttyp),
          .write = fault.write()};
}

/// Gives the number of records that were there before.
std::size_t drain(World& world) {
  const std::size_t before = world.faults().size();
  for (const riscv::Fault& fault : world.iommu()->faults().drain().faults) world.faults().push_back(record_of(fault));
  return before;
}

/// The highest id that no device of the scenario has, for the channels' own rings.
std::uint32_t ring_id(World& world) {
  std::uint32_t id = world.iommu()->last_device_id();
  const auto& devices = world.scenario().devices;
  while (std::ranges::find(devices, id, &DeviceSpec::device_id) != devices.end()) --id;
  return id;
}

bool same(const dma::Identity& a, const dma::Identity& b) {
  return a.device_id == b.device_id && a.process_id == b.process_id && a.ats == b.ats &&
         a.address_mask == b.address_mask;
}

Result<dma::Channel*> channel_as(World& world, unsigned index, const dma::Identity& identity) {
  auto& channel = world.channels()[index];
  if (!channel) {
    auto opened = dma::Channel::open(*world.iommu(), index, identity, {.ring_device_id = ring_id(world)});
    if (!opened) return std::unexpected(std::move(opened.error()));
    channel = std::move(*opened);
  } else if (!same(channel->identity(), identity)) {
    if (auto done = channel->stop(); !done) return std::unexpected(std::move(done.error()));
    if (auto done = channel->start(identity); !done) return std::unexpected(std::move(done.error()));
  }
  return channel.get();
}

/// What no fault record tells of: memory refused it, or a device that asks for translations was refused one.
FaultRecord unrecorded(const DeviceEntry& device, const dma::Job& job, const dma::Completion& completion) {
  using regs::Cause;
  using regs::DmaStatus;
  const bool accessed = completion.status == DmaStatus::kReadError || completion.status == DmaStatus::kWriteError;
  const bool reads_only = job.op == regs::DmaOp::kCrc || job.op == regs::DmaOp::kCheck || job.stray_read;
  const bool write = accessed ? completion.status == DmaStatus::kWriteError
                              : !reads_only && completion.address - job.destination.value < job.length;
  const Cause cause = accessed ? (write ? Cause::kWriteAccessFault : Cause::kReadAccessFault)
                               : (write ? Cause::kWritePageFault : Cause::kReadPageFault);
  return {.cause = static_cast<std::uint64_t>(cause),
          .device_id = device.spec.device_id,
          .process_id = {},
          .iova = completion.address,
          .write = write};
}

}  // namespace

void collect_faults(World& world) {
  if (world.iommu() == nullptr) return;
  // All that is under way has been recorded by then.
  (void)card::wait(world.iommu()->card(), {.who = "the scenario", .what = "an idle card", .cycles = kFaultCycles},
                   [] { return false; });
  (void)drain(world);
}

Result<DmaEnd> run_on_card(World& world, DeviceEntry& device, const dma::Job& job, ioas::ProcessId process) {
  if (process && *process > ioas::kLastProcess) return fail(Code::kInvalid, EINVAL, "a process id has 20 bits");
  const dma::Identity identity{.device_id = device.device->device_id(),
                               .process_id = process,
                               .ats = device.page_requests && device.handler.has_value(),
                               .address_mask = device.device->dma_mask()};
  auto channel = channel_as(world, device.channel, identity);
  if (!channel) return std::unexpected(std::move(channel.error()));
  (void)drain(world);
  auto done = (*channel)->run(job);
  if (!done) return std::unexpected(std::move(done.error()));
  DmaEnd end{*done, {}};
  const auto status = done->status;
  const bool refused = status == regs::DmaStatus::kTranslationRefused || status == regs::DmaStatus::kPageRefused;
  const bool failed = status == regs::DmaStatus::kReadError || status == regs::DmaStatus::kWriteError;
  if (!failed && !refused) return end;
  if (failed) (void)world.iommu()->faults().wait(kFaultCycles);
  for (std::size_t at = drain(world); at < world.faults().size(); ++at) {
    if (world.faults()[at].device_id == device.spec.device_id) {
      end.fault = world.faults()[at];
      return end;
    }
  }
  end.fault = unrecorded(device, job, *done);
  return end;
}

}  // namespace aperture::sw::run
