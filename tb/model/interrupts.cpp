// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "Memory-mapped register interface", sections "Interrupt pending status register",
// "Interrupt-cause-to-vector register" and "MSI configuration table".
//
// Decided here:
// - The data of an MSI of the IOMMU's own has the byte order of fctl.BE; that of a notice is little-endian.
// - A masked vector remembers one message, however many causes wanted one, and sends it when the mask goes even if
//   ipsr was cleared in between.
// - A new record in the fault or page-request queue that came while its interrupt was disabled is not made up for.
// - pmip follows overflows of counters, not writes of OF.
#include <bit>

#include "tb/model/model.hpp"

namespace aperture::tb::model {

/// Conditions of "Interrupt pending status register fields" that stay; the events are raised where they happen.
void Model::update_interrupts() {
  if (reg_.cq.interrupts && reg_.cq.status != 0) raise(Interrupt::kCommandQueue);
  if (reg_.fq.interrupts && reg_.fq.status != 0) raise(Interrupt::kFaultQueue);
  if (reg_.pq.interrupts && reg_.pq.status != 0) raise(Interrupt::kPageRequest);
}

void Model::raise(Interrupt interrupt) {
  const std::uint32_t pending = 1U << static_cast<unsigned>(interrupt);
  if ((reg_.ipsr & pending) != 0) return;
  reg_.ipsr |= pending;
  if (!reg_.wsi) send_vector(reg_.msi_cfg_tbl[vector_of(interrupt)]);
}

unsigned Model::vector_of(Interrupt interrupt) const {
  const unsigned low = 4 * static_cast<unsigned>(interrupt);
  return static_cast<unsigned>(bits(reg_.icvec, low + 3, low));
}

void Model::send_vector(Vector& vector) {
  vector.pending = vector.masked;
  if (!vector.masked) send_msi(vector.address, reg_.be ? std::byteswap(vector.data) : vector.data);
}

void Model::send_msi(std::uint64_t address, std::uint32_t data) {
  if (!writable(address, 4)) {
    report({.cause = Cause::kMsiWriteAccessFault, .iotval = address});
    return;
  }
  std::vector<std::byte> bytes;
  for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(data >> 8 * i));
  outbox_.msis.push_back({address, std::move(bytes)});
}

}  // namespace aperture::tb::model
