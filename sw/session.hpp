// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "card/card.hpp"
#include "card/identity.hpp"
#include "command.hpp"
#include "ioas/device.hpp"
#include "ioas/platform.hpp"
#include "options.hpp"
#include "output.hpp"
#include "riscv/iommu.hpp"

namespace aperture::sw {

/// The command cannot go on; main prints it and ends with this exit code.
class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, const std::string& what) : std::runtime_error(what), exit_(exit) {}
  explicit Failure(const Error& error);
  Exit exit() const { return exit_; }

 private:
  Exit exit_;
};

/// The value, or a Failure.
template <typename T, typename E>
T take(std::expected<T, E> result) {
  if (!result) {
    throw Failure(result.error());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

using CardKeys = std::vector<std::pair<std::string, std::string>>;

/// Opens the card that the options name; `keys`: of the card, where the options do not give them. Throws UsageError (no
/// such card or card option) or Failure.
std::unique_ptr<card::Card> open_card(const CommonOptions& options, CardKeys keys = {});

/// An open card that has told who it is, and what stands on it: its IOMMU, and the devices behind that.
class Session {
 public:
  /// As open_card. Throws UsageError or Failure.
  explicit Session(const CommonOptions& options, const CardKeys& keys = {});

  card::Card& card() const { return *card_; }
  const card::Identity& identity() const { return identity_; }

  /// Switches the card's IOMMU on; needed once, before what follows. Throws Failure.
  void bring_up();
  riscv::Iommu& iommu() { return *iommu_; }
  ioas::Platform& platform() { return *platform_; }
  /// A bus master behind the IOMMU, which lives as long as the session. Throws Failure.
  ioas::Device& add_device(const std::string& name, std::uint32_t device_id, unsigned dma_bits = 64);

  /// The document's first section, the text's first line: command, seed, card.
  void announce(Output& output, const char* command) const;

 private:
  CommonOptions options_;
  std::unique_ptr<card::Card> card_;
  card::Identity identity_;
  std::unique_ptr<riscv::Iommu> iommu_;
  std::vector<std::unique_ptr<ioas::Device>> devices_;
  std::unique_ptr<ioas::Platform> platform_;
};

}  // namespace aperture::sw
