// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every test on a card starts from. Only the driver's public API is used: the same tests run on every kind of
// card.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "card/card.hpp"
#include "card/identity.hpp"
#include "dma/channel.hpp"
#include "ioas/ioas.hpp"
#include "ioas/platform.hpp"
#include "riscv/iommu.hpp"

namespace aperture::test {

/// What a test needs of the card; anything else is reported as not run.
struct Needs {
  std::uint64_t capabilities{};  ///< bits that must be set
  unsigned channels{1};
  unsigned levels{1};  ///< of the device directory
};

/// Whole pages of user memory with random content.
class Memory {
 public:
  Memory(std::uint64_t size, std::mt19937_64& random, std::uint64_t alignment = kPageSize);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* data() const { return bytes_; }
  std::uint64_t size() const { return size_; }
  std::vector<std::byte> copy() const { return {bytes_, bytes_ + size_}; }
  std::uint32_t crc(std::uint64_t offset, std::uint64_t length) const;

 private:
  std::byte* bytes_;
  std::uint64_t size_;
};

/// For failure messages.
std::string text(const Error& error);

class CardTest : public testing::Test {
 protected:
  CardTest();
  ~CardTest() override;

  /// Opens the card; the keys are for kinds of card that know them. Called once, by bring_up if not before.
  void open(const std::vector<std::pair<std::string, std::string>>& keys = {});
  /// Opens the card and brings its IOMMU up. False: the test is skipped or has failed, return.
  bool bring_up(const Needs& needs = {}, const riscv::IommuOptions& options = {});

  ioas::Device& device(std::uint32_t device_id, std::uint64_t dma_mask = ~std::uint64_t{0});
  dma::Channel& channel(unsigned index, const dma::Identity& identity, const dma::ChannelOptions& options = {});
  /// An IOAS with the device attached.
  std::unique_ptr<ioas::Ioas> space(ioas::Device& device);
  /// Maps all of `memory` at `iova`.
  static void map(ioas::Ioas& ioas, const Memory& memory, std::uint64_t iova, ioas::Prot prot = ioas::Prot::kReadWrite);
  /// Lets the card finish what it is doing: an answer to a device may come before its fault record.
  void settle();
  /// The records in the fault queue once the card is idle.
  std::vector<riscv::Fault> faults();
  /// Expects exactly this one fault.
  void expect_fault(regs::Cause cause, std::uint32_t device_id, std::uint64_t iova, bool write);
  /// A job that has to complete without error.
  static dma::Completion good(const Result<dma::Completion>& done);

  std::mt19937_64 random;
  std::unique_ptr<card::Card> card;
  card::Identity identity;
  std::unique_ptr<riscv::Iommu> iommu;

 private:
  std::vector<std::unique_ptr<ioas::Device>> devices_;

 protected:
  std::unique_ptr<ioas::Platform> platform;
  std::vector<std::unique_ptr<dma::Channel>> channels;
};

}  // namespace aperture::test
