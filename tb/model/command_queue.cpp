// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, chapter "In-memory queue interface", section "Command-Queue", and chapter "IOMMU Extensions", sections
// "Non-leaf PTE Invalidation" and "Address Range Invalidation". There are no caches: invalidations are only judged.
//
// Decided here, beyond what is agreed for all cards:
// - The fields of PAYLOAD that the text shows as 0 are not called reserved: the payload is sent as given.
// - A DID wider than the mode of ddtp supports is no reason to call a command illegal, only one wider than the card's.
// - IOTINVAL.GVMA is legal without any second-stage mode.
// - IOFENCE.C stores DATA in the byte order of fctl.BE.
// - A time-out is remembered for the next IOFENCE.C until that one reports it or the queue is enabled anew. IOFENCE.C
//   reports it once all invalidations before have completed or timed out, before its store and its WSI.
// - Invalidations under way survive that the queue is disabled: their tags stay taken.
// - "Invalidation Completion" messages are matched by device_id and tag alone. A completion count of 0 is 8, as PCIe
//   says; a tag is free after as many messages.
#include <algorithm>

#include "tb/model/model.hpp"

namespace aperture::tb::model {
namespace {

constexpr std::uint32_t kErrorBits = kMemoryFaultBit | kCommandTimeoutBit | kCommandIllegalBit;

constexpr unsigned kIotinval = 1, kIofence = 2, kIodir = 3, kAts = 4;

unsigned func3(std::uint64_t low) { return static_cast<unsigned>(bits(low, 9, 7)); }

}  // namespace

void Model::run_commands() {
  Queue& cq = reg_.cq;
  while (cq.enabled && (cq.status & kErrorBits) == 0 && cq.head != cq.tail) {
    Command command{};
    Executed executed = Executed::kMemoryFault;
    if (load((cq.ppn << 12) + std::uint64_t{cq.head} * 16, command, reg_.be) == Reply::kOk) {
      executed = execute(command);
    }
    if (executed == Executed::kWait) break;
    if (executed == Executed::kDone) cq.head = cq.next(cq.head);
    if (executed == Executed::kIllegal) cq.status |= kCommandIllegalBit;
    if (executed == Executed::kMemoryFault) cq.status |= kMemoryFaultBit;
    if (executed == Executed::kTimeout) cq.status |= kCommandTimeoutBit;
  }
  update_interrupts();
}

Model::Executed Model::execute(const Command& command) {
  switch (bits(command[0], 6, 0)) {
    case kIotinval:
      return iotinval(command);
    case kIofence:
      return iofence(command);
    case kIodir:
      return iodir(command);
    case kAts:
      return cap_.ats() ? ats_command(command) : Executed::kIllegal;
    default:
      return Executed::kIllegal;
  }
}

// "IOMMU Page-Table cache invalidation commands"
Model::Executed Model::iotinval(const Command& command) const {
  const unsigned function = func3(command[0]);
  if (function > 1) return Executed::kIllegal;
  std::uint64_t reserved_low = field_mask(11, 11) | field_mask(43, 34) | field_mask(63, 60);
  std::uint64_t reserved_high = field_mask(9, 0) | field_mask(63, 62);
  if (cap_.nl()) reserved_low &= ~field_mask(34, 34);
  if (cap_.s()) reserved_high &= ~field_mask(9, 9);
  if ((command[0] & reserved_low) != 0 || (command[1] & reserved_high) != 0) return Executed::kIllegal;
  const bool gvma = function == 1;
  const bool pscv = bit(command[0], 32);
  return gvma && pscv ? Executed::kIllegal : Executed::kDone;
}

// "IOMMU Command-queue Fence commands"
Model::Executed Model::iofence(const Command& command) {
  const bool av = bit(command[0], 10);
  const bool wsi = bit(command[0], 11);
  if (func3(command[0]) != 0) return Executed::kIllegal;
  if ((command[0] & field_mask(31, 14)) != 0 || (command[1] & field_mask(63, 62)) != 0) return Executed::kIllegal;
  if (wsi && !reg_.wsi) return Executed::kIllegal;
  if (std::ranges::any_of(tags_, &Tag::busy)) return Executed::kWait;
  if (invalidation_timed_out_) {
    invalidation_timed_out_ = false;
    return Executed::kTimeout;
  }
  if (av && !store_sized(command[1] << 2, 4, reg_.be, bits(command[0], 63, 32))) return Executed::kMemoryFault;
  if (wsi) reg_.cq.status |= kFenceWaitBit;
  return Executed::kDone;
}

// "IOMMU directory cache invalidation commands"
Model::Executed Model::iodir(const Command& command) const {
  const unsigned function = func3(command[0]);
  if (function > 1) return Executed::kIllegal;
  if ((command[0] & (field_mask(11, 10) | field_mask(32, 32) | field_mask(39, 34))) != 0 || command[1] != 0) {
    return Executed::kIllegal;
  }
  const std::uint64_t pid = bits(command[0], 31, 12);
  const bool dv = bit(command[0], 33);
  const std::uint64_t did = bits(command[0], 63, 40);
  if (dv && (did & ~std::uint64_t{straps_.device_id_mask}) != 0) return Executed::kIllegal;
  if (function == 0) return pid == 0 ? Executed::kDone : Executed::kIllegal;  // INVAL_DDT: PID is reserved
  const unsigned pid_bits = cap_.pd20() ? 20 : cap_.pd17() ? 17 : 8;
  return dv && pid <= ones(pid_bits) ? Executed::kDone : Executed::kIllegal;
}

// "IOMMU PCIe ATS commands"
Model::Executed Model::ats_command(const Command& command) {
  const unsigned function = func3(command[0]);
  if (function > 1 || (command[0] & (field_mask(11, 10) | field_mask(39, 34))) != 0) return Executed::kIllegal;
  const bool dsv = bit(command[0], 33);
  const auto device_id = static_cast<std::uint32_t>(dsv ? bits(command[0], 63, 40) : bits(command[0], 55, 40));
  std::optional<std::uint32_t> process_id;
  if (bit(command[0], 32)) process_id = static_cast<std::uint32_t>(bits(command[0], 31, 12));
  if (function == 1) {
    outbox_.group_responses.push_back({device_id, process_id, command[1]});
    return Executed::kDone;
  }
  const auto tag = std::ranges::find(tags_, false, &Tag::busy);
  if (tag == tags_.end()) return Executed::kWait;
  *tag = {true, device_id, cycle_ + straps_.ats_timeout, 0};
  outbox_.invalidations.push_back({device_id, process_id, command[1], static_cast<unsigned>(tag - tags_.begin())});
  return Executed::kDone;
}

void Model::complete_invalidation(std::uint32_t device_id, std::uint32_t itag_vector, unsigned cc) {
  for (unsigned i = 0; i < tags_.size(); ++i) {
    Tag& tag = tags_[i];
    if (!bit(itag_vector, i) || !tag.busy || tag.device_id != device_id) continue;
    if (++tag.completions >= (cc == 0 ? 8 : cc)) tag.busy = false;
  }
  run_commands();
}

void Model::expire_invalidations() {
  for (Tag& tag : tags_) {
    if (!tag.busy || cycle_ < tag.deadline) continue;
    tag.busy = false;
    invalidation_timed_out_ = true;
  }
  run_commands();
}

}  // namespace aperture::tb::model
