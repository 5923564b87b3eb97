// SPDX-License-Identifier: Apache-2.0
#pragma once

// The client's memory as the function's bus master sees it. What the client shares as a file is accessed at once; for
// all else it is asked by messages (DMA_READ, DMA_WRITE), and the access is pending until its reply has come. While a
// write by message is under way later writes go by message, too: the one socket keeps them in order. It is the client
// who decides about addresses that it never mapped: behind an IOMMU of its own it may want to see them.

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "card/vfio_user/message.hpp"
#include "serve/dma_maps.hpp"
#include "serve/function.hpp"

namespace aperture::sw::serve {

/// Bytes that the function accessed, by the way they went; accesses that failed.
struct Traffic {
  std::uint64_t file_read = 0;
  std::uint64_t file_written = 0;
  std::uint64_t message_read = 0;
  std::uint64_t message_written = 0;
  std::uint64_t unsupported = 0;
};

class ClientMemory final : public BusMemory {
 public:
  using Clock = std::chrono::steady_clock;
  using Message = card::vfio_user::Message;

  Answer read(std::uint64_t access, std::uint64_t address, std::span<std::byte> data) override;
  Answer write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
               std::uint32_t strobes) override;
  /// By message it takes two, a read and, where that has found `expected`, a write.
  Answer exchange(std::uint64_t access, std::uint64_t address, std::span<const std::byte> expected,
                  std::span<const std::byte> data, bool& held) override;

  // What a session does with it.
  DmaMaps& maps() { return maps_; }
  /// COMMAND's bus-master bit. While it is clear, every access is unsupported.
  void set_master(bool on) { master_ = on; }
  /// Bytes that one message may ask for.
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }
  /// The messages for accesses that became pending since the last call. Neighbours share one.
  std::vector<Message> take_requests();
  /// A client's reply. EPROTO: to nothing that was asked, or of another shape.
  Result<> answer(const Message& reply);
  /// Whether a reply is missing.
  bool waiting() const;
  /// Requests without a reply, also those that nobody waits for any more. Beyond kMostUnanswered the client is no use:
  /// their numbers are 16 bits, and each is looked through.
  std::size_t unanswered() const { return sent_.size(); }
  static constexpr std::size_t kMostUnanswered = 4096;
  /// Gives up what was asked before `since`: those accesses are unsupported. How many messages it was.
  std::size_t expire(Clock::time_point since);

  /// A place in the order of writes, behind all so far; and whether all before a place have been done.
  std::uint64_t place() const { return writes_; }
  bool done_before(std::uint64_t place) const;

  /// Replies that are missing are still taken.
  void forget() override;
  /// The client is gone.
  void clear();

  const Traffic& traffic() const { return traffic_; }

 private:
  static constexpr std::size_t kLongest = 32;  ///< bytes of one access

  struct Access {
    unsigned pieces = 0;  ///< whose reply is missing
    bool unsupported = false;
    bool exchanged = false;  ///< the write of an exchange was asked for
    std::array<std::byte, kLongest> data{};
  };
  struct Piece {
    std::uint64_t access;
    std::size_t offset;  ///< in the access
    std::size_t size;
  };
  struct Request {
    bool write;
    bool shared;  ///< of a write: to memory that could have been accessed at once
    std::uint64_t address;
    std::uint64_t size;
    std::uint64_t place;          ///< of a write
    std::vector<std::byte> data;  ///< of a write
    std::vector<Piece> pieces;
    Clock::time_point since;
  };

  /// The answer of a pending access that has one by now.
  Answer finish(std::uint64_t access);
  Answer refuse();
  /// Whether a write by message is under way, one to shared memory where `shared`.
  bool writing(bool shared) const;
  void ask(bool write, bool shared, std::uint64_t address, std::uint64_t access, std::size_t offset, std::size_t size,
           const std::byte* data);
  void conclude(const Request& request, bool ok, std::span<const std::byte> data);

  DmaMaps maps_;
  bool master_ = false;
  std::uint64_t limit_ = card::vfio_user::kMaxTransfer;
  std::unordered_map<std::uint64_t, Access> pending_;
  std::deque<Request> fresh_;
  std::map<std::uint16_t, Request> sent_;
  std::uint16_t next_id_ = 0;
  std::uint64_t writes_ = 0;
  Traffic traffic_;
};

}  // namespace aperture::sw::serve
