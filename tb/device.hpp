// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "tb/axi/device_master.hpp"
#include "tb/axi/device_streams.hpp"
#include "tb/kernel/waiter.hpp"

namespace aperture::tb {

/// The device behind the card's external port, as tests see it. Valid until the bench is reset: that forgets all
/// bursts.
class Device {
 public:
  Device(std::function<DeviceMaster&()> master, std::function<DeviceStreams&()> streams, Waiter& waiter)
      : master_(std::move(master)), streams_(std::move(streams)), waiter_(waiter) {}

  Ticket submit(DeviceBurst burst) { return master_().submit(std::move(burst), waiter_.cycle()); }
  const Completion& at(Ticket ticket) const { return master_().at(ticket); }
  /// The burst's completion; `done` is false if it did not come within `cycles`.
  Completion wait(Ticket ticket, std::uint64_t cycles = 100'000);
  Completion run(DeviceBurst burst, std::uint64_t cycles = 100'000) { return wait(submit(std::move(burst)), cycles); }
  /// [address, address + size) as one burst: one narrow beat if that is enough, else beats of the whole bus with the
  /// bytes outside of the range cut off (reads) or not strobed (writes). Must not cross 4 KiB.
  Completion read(const Identity& who, std::uint64_t address, std::uint64_t size, std::uint8_t id = 0);
  Completion write(const Identity& who, std::uint64_t address, std::span<const std::byte> data, std::uint8_t id = 0);
  /// The burst that read and write use; of a write with the strobes of `data`.
  DeviceBurst make(const Identity& who, std::uint64_t address, std::uint64_t size, std::uint8_t id = 0) const;

  /// An ATS translation request's completion; nothing if it did not come within `cycles`.
  std::optional<AtsResult> ats(const DeviceAccess& access, std::uint64_t cycles = 100'000);
  /// The same in two steps: queues the request; its completion, once it has come.
  std::uint64_t request_translation(const DeviceAccess& access);
  std::optional<AtsResult> take_translation(std::uint64_t number) { return streams_().take_translation(number); }
  /// Sends a page request; false: the IOMMU did not take it within `cycles`. What comes of it is seen in messages() and
  /// in the page-request queue.
  bool page_request(const PageRequest& request, std::uint64_t cycles = 100'000);
  /// Invalidation requests and group responses since the last call; `msis` and `wires` stay empty.
  Messages messages() { return streams_().take_messages(); }
  /// Sends an invalidation completion; bit v of `itag_vector` is tag v. False as page_request().
  bool complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc,
                             std::uint64_t cycles = 100'000);
  void hold(Stream stream, bool on);

  void hold(Channel channel, bool on) { master_().hold(channel, on); }
  void data_after_address(bool on) { master_().data_after_address(on); }
  std::size_t outstanding() const { return master_().outstanding(); }

 private:
  bool sent(std::uint64_t cycles, std::string_view what);

  std::function<DeviceMaster&()> master_;
  std::function<DeviceStreams&()> streams_;
  Waiter& waiter_;
};

}  // namespace aperture::tb
