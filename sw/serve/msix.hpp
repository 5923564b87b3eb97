// SPDX-License-Identifier: Apache-2.0
#pragma once

// MSI-X of the served function. A vector is an eventfd that the client gave; the table is there for whoever reads it,
// the client's side owns the one that counts. A message of a vector without eventfd stays pending.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "card/vfio_user/protocol.hpp"
#include "serve/layout.hpp"

namespace aperture::sw::serve {

class Msix {
 public:
  /// `layout` must outlive it.
  explicit Msix(const Layout& layout);

  /// SET_IRQS of the MSI-X index, as VFIO_DEVICE_SET_IRQS: a trigger for each eventfd; without one, the vectors of the
  /// range lose theirs; count 0 takes all back; DATA_NONE and DATA_BOOL raise vectors. ENOTTY: masking; EINVAL: range,
  /// flags, data or descriptors make no sense.
  Result<> set(const card::vfio_user::IrqSet& request, std::span<const std::byte> data,
               std::vector<FileDescriptor> fds);

  /// Messages of the function.
  void raise(std::uint64_t vectors);
  std::uint64_t pending() const { return pending_; }
  /// Eventfds written so far.
  std::uint64_t signalled() const { return signalled_; }

  /// What is not a register of the BAR that the layout names: `size` is 4 or 8, `offset` a multiple of it.
  std::uint64_t read(std::uint64_t offset, unsigned size) const;
  void write(std::uint64_t offset, unsigned size, std::uint64_t value);

  /// The function was reset: table and pending bits. The client's eventfds stay.
  void reset();
  /// The client is gone.
  void clear();

 private:
  void signal(unsigned vector);
  bool in_table(std::uint64_t offset, unsigned size) const;

  const Layout& layout_;
  std::vector<FileDescriptor> triggers_;
  std::vector<std::byte> table_;
  std::uint64_t pending_ = 0;
  std::uint64_t signalled_ = 0;
};

}  // namespace aperture::sw::serve
