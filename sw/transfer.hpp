// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/types.hpp"
#include "dma/channel.hpp"
#include "guest.hpp"
#include "ioas/ioas.hpp"
#include "output.hpp"
#include "session.hpp"

namespace aperture::sw {

/// A long copy by a channel, in pieces.
struct Transfer {
  std::uint64_t bytes{};
  std::uint64_t cycles{};  ///< of the card, by its CYCLE register
  double seconds{};        ///< of the host
  std::uint32_t crc{};     ///< of all bytes, put together from the card's CRC of each piece
  double bytes_per_cycle() const { return static_cast<double>(bytes) / static_cast<double>(cycles); }
  double kilohertz() const { return static_cast<double>(cycles) / seconds / 1e3; }
};

/// kCopy or kCrc over `length` bytes (> 0); shows progress on a terminal. Throws Failure: a piece ended with another
/// status than ok, or a wait ended.
Transfer transfer(Session& session, dma::Channel& channel, regs::DmaOp op, Iova source, Iova destination,
                  std::uint64_t length);

/// zlib's CRC-32.
std::uint32_t crc32_of(std::span<const std::byte> bytes);

/// A file in a virtual machine's memory, and as much room for a copy of it. A staging IOAS has both where the guest has
/// them: IOVA == guest physical address. No device is attached to it: it is what other IOASes COPY from.
class StagedFile {
 public:
  static constexpr GuestPhysical kFile{0x1'4000'0000};
  static constexpr GuestPhysical kCopy{0x1000'0000};

  /// Throws Failure.
  StagedFile(Session& session, const std::filesystem::path& file);

  std::uint64_t length() const { return length_; }
  std::span<const std::byte> file() const { return memory_.at(kFile, length_); }
  std::span<std::byte> copy() const { return memory_.at(kCopy, length_); }

  /// COPYs the file into another IOAS, for reading, at `iova` or where there is room; gives where. Throws Failure.
  Iova file_into(ioas::Ioas& ioas, std::optional<Iova> iova = {});
  /// The same for the room, for writing.
  Iova copy_into(ioas::Ioas& ioas, std::optional<Iova> iova = {});

 private:
  GuestMemory memory_;
  std::uint64_t length_;
  ioas::Ioas staging_;
};

}  // namespace aperture::sw
