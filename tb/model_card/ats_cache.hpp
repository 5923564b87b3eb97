// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tb/bus_card.hpp"
#include "tb/model_card/bus.hpp"

namespace aperture::tb::model {

/// Address translation cache of a channel in ATS mode: the page it reads and the page it writes. Where an answer lacks
/// the permission a page request follows, and after its group response the translation request again, up to 7 times for
/// one page. Source: the RISC-V IOMMU specification, chapter "Data Structures", sections on PCIe ATS.
class AtsCache {
 public:
  /// `channel` is in the low 3 bits of the page requests' group index.
  explicit AtsCache(unsigned channel) : channel_(channel) {}

  struct Entry {
    std::uint64_t page = 0;     ///< address of the page
    std::uint64_t target = 0;   ///< what it is translated to
    bool untranslated = false;  ///< U: only untranslated accesses may be used
  };
  /// The entry for the page, if it is there.
  const Entry* find(std::uint64_t page, bool write) const;

  enum class Answer : std::uint8_t {
    kGranted,             ///< the entry is there
    kRefused,             ///< not answered with Success
    kPageRefused,         ///< the page did not come after 7 page requests that were answered with Success
    kAwaitsGroupResponse  ///< parked() from now on
  };
  /// Asks for a page on behalf of `who`.
  Answer ask(Bus& bus, const DeviceAccess& who, std::uint64_t page, bool write);
  bool parked() const { return parked_; }
  /// Whether software refused the page since the last call; the channel is not parked any more then.
  bool take_refusal();
  /// Gives up waiting.
  void unpark();
  /// Forgets all pages.
  void clear();

  /// Of the device's channel: a group response, an invalidation request.
  void respond(const Messages::GroupResponse& response);
  void invalidate(const Messages::Invalidation& invalidation, std::optional<std::uint32_t> process_id);

 private:
  static constexpr unsigned kTries = 7;

  unsigned channel_;
  std::array<std::optional<Entry>, 2> entries_{};  ///< reads, writes
  bool parked_ = false;
  bool refused_ = false;
  unsigned tries_ = 0;
  unsigned group_ = 0;  ///< 6 bits: of the last page request
};

}  // namespace aperture::tb::model
