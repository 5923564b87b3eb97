// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "ioas/device.hpp"
#include "ioas/operations.hpp"

namespace aperture::ioas::test {

/// A device as far as Linux's iommufd would see it.
struct ModelDevice {
  std::vector<Format> formats;  ///< as Device::formats
  std::vector<IovaRange> reservations;
  std::uint64_t highest{};  ///< address that it can emit
  std::size_t provider{};   ///< which of the machine's IOMMUs it is behind
  bool own_domains_only{};  ///< takes no domain that another device made
};

/// What there is besides the IOASes.
struct ModelMachine {
  std::uint64_t memory{};                    ///< address that offset 0 of an operation's memory has
  std::uint64_t hole_first{}, hole_bytes{};  ///< offset of memory that cannot be pinned; whole pages
  std::vector<std::uint64_t> limits;         ///< bytes that each provider will pin
  std::vector<ModelDevice> devices;
};

/// Linux's iommufd with plain lists and nothing but linear scans: what each call must give. Every call works on a copy
/// of the whole state, which becomes the state if nothing was refused.
///
/// It departs from Linux where the IOAS layer says it does: unmap is all or nothing; a failed replace changes nothing;
/// each piece of a copy has to be aligned; memory is pinned by whole objects (what one map call named), not by what an
/// area uses of it; all that can be refused by looking is refused before anything is pinned; a device's DMA mask is a
/// reservation of its own; and a user may reserve. docs/use-the-driver.md has the reasons.
class LinuxModel {
 public:
  explicit LinuxModel(ModelMachine machine);

  /// errno, value, and for a refusal which check refused.
  struct Step {
    Answer answer;
    std::string_view reason;
  };
  Step play(const Operation& operation);

  struct Area {
    std::uint64_t last{};
    Prot prot{};
    std::uint64_t memory{};  ///< address of its first byte
    std::size_t pages{};     ///< index of the object that it is part of
    bool operator==(const Area&) const = default;
  };
  struct Attachment {
    unsigned space{};
    unsigned domain{};  ///< equal for devices that share one, and for no others
  };
  const std::map<std::uint64_t, Area>& areas(unsigned space) const { return state_.spaces.at(space).areas; }
  const std::vector<IovaRange>& allowed(unsigned space) const { return state_.spaces.at(space).allowed; }
  std::vector<IovaRange> ranges(unsigned space) const;
  std::uint64_t alignment(unsigned space) const { return alignment(state_.spaces.at(space)); }
  bool huge_pages(unsigned space) const { return state_.spaces.at(space).huge_pages; }
  const std::vector<std::optional<Attachment>>& attachments() const { return state_.attachments; }
  const Format& format(const Attachment& attachment) const;
  std::uint64_t pinned_bytes(std::size_t provider) const { return bytes(state_, pinned(state_, provider)); }

 private:
  struct Pages {
    std::uint64_t size{};  ///< in whole pages
    std::uint64_t memory{};
    bool writable{};
  };
  struct Owner {
    enum class Kind : std::uint8_t { kUser, kDevice, kDomain } kind{};
    unsigned number{};
    bool operator==(const Owner&) const = default;
  };
  struct Reservation {
    IovaRange range;
    Owner owner;
  };
  struct Domain {
    unsigned number{};
    Format format;
    std::size_t provider{};
    unsigned maker{};
  };
  struct Space {
    std::map<std::uint64_t, Area> areas;  ///< by first address
    std::vector<IovaRange> allowed;
    std::vector<Reservation> reserved;
    std::vector<Domain> domains;  ///< in the order in which they were made
    bool huge_pages{true};
  };
  struct State {
    std::array<Space, Machine::kSpaces> spaces;
    std::vector<Pages> pages;
    std::vector<std::optional<Attachment>> attachments;
    unsigned domains_made{};
  };
  struct No {
    int number;
    std::string_view reason;
  };
  using Done = std::expected<std::uint64_t, No>;
  static std::unexpected<No> no(int number, std::string_view reason) { return std::unexpected(No{number, reason}); }

  /// Consecutive bytes of one object, to become an area.
  struct Piece {
    std::size_t pages{};
    std::uint64_t memory{};
    std::uint64_t length{};
  };

  Done call(State& state, const Operation& o) const;
  Done map(State& state, const Operation& o, std::optional<std::uint64_t> iova) const;
  Done copy(State& state, const Operation& o, std::optional<std::uint64_t> iova) const;
  Done place(State& state, Space& space, const std::vector<Piece>& pieces, std::uint64_t length, Prot prot,
             std::optional<std::uint64_t> iova) const;
  static Done choose(const Space& space, std::uint64_t memory, std::uint64_t length);
  static Done check(const Space& space, std::uint64_t iova, std::uint64_t length);
  static Done unmap(Space& space, const Operation& o);
  static Done allow(Space& space, const Operation& o);
  static Done set_huge_pages(Space& space, bool enable);

  Done attach(State& state, const Operation& o, bool only_if_attached) const;
  Done reserve_for(Space& space, unsigned device) const;
  Done add_domain(State& state, Space& space, unsigned device) const;
  bool usable(unsigned device, const Domain& domain) const;
  void leave(State& state, unsigned device) const;
  static Done reserve(Space& space, IovaRange range, Owner owner, std::string_view map, std::string_view allowed);
  static void remove_reservations(Space& space, Owner owner);

  static std::uint64_t alignment(const Space& space);
  static bool aligned(const Space& space, std::uint64_t alignment);
  /// Pins what the area needs and is not in its list of objects yet. `pinned`: one list a provider.
  Done fill_all(const State& state, const Space& space) const;
  Done fill(const State& state, const Space& space, const Area& area, std::vector<std::vector<bool>>& pinned) const;
  std::vector<std::vector<bool>> all_pinned(const State& state) const;
  static std::vector<bool> pinned(const State& state, std::size_t provider);
  static std::uint64_t bytes(const State& state, const std::vector<bool>& pinned);

  ModelMachine machine_;
  State state_;
};

}  // namespace aperture::ioas::test
