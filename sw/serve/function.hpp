// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a session serves, and what that reaches by DMA: the two sides of a PCI function, without a word about sockets.

#include <cstddef>
#include <cstdint>
#include <span>

#include "serve/layout.hpp"

namespace aperture::sw::serve {

/// The function itself. Its bus master works in `run` and in register accesses; nobody else calls its memory.
class Function {
 public:
  virtual ~Function() = default;
  /// What it is to the bus; the same for as long as it lives.
  virtual const Layout& layout() const = 0;
  /// A register, as the layout has them: `size` is 4 or 8, `offset` a multiple of it within BAR `bar`. Blocks for the
  /// function's own answer only, never for memory. A read that fails gives all ones.
  virtual std::uint64_t read(unsigned bar, std::uint64_t offset, unsigned size) = 0;
  virtual void write(unsigned bar, std::uint64_t offset, unsigned size, std::uint64_t value) = 0;
  /// As after power-on. Accesses to memory that are under way are forgotten.
  virtual void reset() = 0;
  /// Whether `run` has anything to do.
  virtual bool busy() const = 0;
  /// Works for up to `cycles` of its own time.
  virtual void run(std::uint64_t cycles) = 0;
  /// Vectors of messages sent since the last call, bit v for vector v.
  virtual std::uint64_t take_messages() = 0;
};

enum class Answer : std::uint8_t {
  kOk,
  kPending,     ///< ask again, with the same arguments, until the answer is another
  kUnsupported  ///< nobody answers at this address, it may not be accessed so, or the function may not be bus master
};

/// What a function's bus master reaches. Writes take effect in the order of their first calls, and reads see them.
/// `access` names an access from its first call to its answer: no two that are under way share one.
class BusMemory {
 public:
  virtual ~BusMemory() = default;
  virtual Answer read(std::uint64_t access, std::uint64_t address, std::span<std::byte> data) = 0;
  /// Bit i of `strobes` writes data[i]; data.size() <= 32.
  virtual Answer write(std::uint64_t access, std::uint64_t address, std::span<const std::byte> data,
                       std::uint32_t strobes) = 0;
  /// Writes all of `data` if `expected` is there, which goes to `held`. Both have 1, 2, 4 or 8 bytes, `address` is
  /// aligned to as many. One indivisible step where the memory is mapped; elsewhere others may write between its look
  /// and its write.
  virtual Answer exchange(std::uint64_t access, std::uint64_t address, std::span<const std::byte> expected,
                          std::span<const std::byte> data, bool& held) = 0;
  /// Who accessed it was reset: accesses under way will not be made again.
  virtual void forget() = 0;
};

}  // namespace aperture::sw::serve
