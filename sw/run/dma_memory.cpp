// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "regs/registers.hpp"
#include "run/dma.hpp"

namespace aperture::sw::run {
namespace {

using regs::DmaOp;
using regs::DmaStatus;

constexpr std::uint64_t kPiece = 64 * 1024;
// What the program does in some seconds.
constexpr std::uint64_t kMostMoved = std::uint64_t{1} << 30;
constexpr std::uint64_t kMostRounds = std::uint64_t{1} << 20;

/// The bytes that fill, stray and generate write: docs/registers.md, `descriptor.pattern`.
class Source {
 public:
  Source(std::uint64_t pattern, bool random) : word_(random && pattern == 0 ? 1 : pattern), random_(random) {}
  void next(std::span<std::byte> out) {
    for (std::byte& byte : out) {
      if (random_ && at_ == 0) {
        word_ ^= word_ << 13;
        word_ ^= word_ >> 7;
        word_ ^= word_ << 17;
      }
      byte = static_cast<std::byte>(word_ >> (8 * at_));
      at_ = (at_ + 1) % 8;
    }
  }

 private:
  std::uint64_t word_;
  bool random_;
  unsigned at_{};
};

class Mover {
 public:
  Mover(World& world, DeviceEntry& device, const dma::Job& job, ioas::ProcessId process)
      : world_(world),
        device_(device),
        job_(job),
        process_(process),
        source_(job.pattern, is(DmaOp::kGenerate, DmaOp::kCheck)) {}

  DmaEnd run() {
    std::vector<std::byte> piece(std::min(kPiece, job_.length));
    std::vector<std::byte> wanted(job_.op == DmaOp::kCheck ? piece.size() : 0);
    const bool reads = is(DmaOp::kCopy, DmaOp::kCrc) || job_.op == DmaOp::kCheck || job_.stray_read;
    const bool writes = is(DmaOp::kCopy, DmaOp::kFill) || is(DmaOp::kGenerate, DmaOp::kStray);
    std::uint64_t moved = 0;
    for (std::uint64_t done = 0; done < job_.length && !end_.fault;) {
      const std::span<std::byte> part(piece.data(), std::min(kPiece, job_.length - done));
      std::uint64_t got = part.size();
      if (reads) {
        got = move(job_.source + done, part, false);
      } else {
        source_.next(part);
      }
      const std::span<std::byte> have = part.first(got);
      add_crc(have);
      if (job_.op == DmaOp::kCheck) compare(have, std::span(wanted).first(got), done);
      if (writes && !job_.stray_read) got = move(job_.destination + done, have, true);
      done += part.size();
      moved += got;
    }
    end_.completion.bytes = difference_.value_or(moved);
    return std::move(end_);
  }

 private:
  bool is(DmaOp a, DmaOp b) const { return job_.op == a || job_.op == b; }

  void add_crc(std::span<const std::byte> bytes) {
    end_.completion.crc = static_cast<std::uint32_t>(
        crc32_z(end_.completion.crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  }

  /// A difference is noted, and does not end the job.
  void compare(std::span<const std::byte> have, std::span<std::byte> wanted, std::uint64_t done) {
    source_.next(wanted);
    const auto difference = std::ranges::mismatch(have, wanted).in1;
    if (difference == have.end() || difference_) return;
    difference_ = done + static_cast<std::uint64_t>(difference - have.begin());
    end_.completion.status = DmaStatus::kMismatch;
  }

  /// Bytes moved up to the end or a fault that nobody mends.
  std::uint64_t move(Iova first, std::span<std::byte> bytes, bool write) {
    std::optional<std::uint64_t> mended;
    for (std::uint64_t done = 0;;) {
      ioas::MemoryFault fault;
      const Iova at = first + done;
      const std::span<std::byte> rest = bytes.subspan(done);
      if (attempt(at, rest, write, fault)) return bytes.size();
      done += fault.iova - at;
      const std::uint64_t page = fault.iova.value & ~(kPageSize - 1);
      if (mended == page || !mend(page, write)) {
        record(fault);
        return done;
      }
      mended = page;
    }
  }

  /// The device's address lines wrap what lies beyond them.
  bool attempt(Iova at, std::span<std::byte> bytes, bool write, ioas::MemoryFault& fault) {
    const std::uint64_t mask = device_.device->dma_mask();
    for (std::uint64_t done = 0; done < bytes.size();) {
      const Iova here{(at.value + done) & mask};
      const std::uint64_t room = mask - here.value;  // bytes to the last address, less one
      const std::span<std::byte> part = bytes.subspan(done, std::min<std::uint64_t>(bytes.size() - done - 1, room) + 1);
      const auto moved = write ? device_.memory->dma_write(here, part, fault, process_)
                               : device_.memory->dma_read(here, part, fault, process_);
      if (!moved) {
        fault.iova = at + done + (fault.iova - here);
        return false;
      }
      done += part.size();
    }
    return true;
  }

  /// Asks for the page as a device with page requests would.
  bool mend(std::uint64_t page, bool write) {
    if (!device_.handler || process_) return false;
    const riscv::PageRequest request{.device_id = device_.device->device_id(),
                                     .process_id = {},
                                     .read = !write,
                                     .write = write,
                                     .last = true,
                                     .page = {page}};
    return device_.handler->answer(std::span(&request, 1)) == riscv::command::PageResponse::kSuccess;
  }

  /// Why an IOMMU of the specification would have stopped the access.
  regs::Cause cause(bool write) const {
    if (device_.memory->domain(process_)) {
      return write ? regs::Cause::kWritePageFault : regs::Cause::kReadPageFault;
    }
    if (device_.memory->has_processes()) return regs::Cause::kPdtNotValid;
    return process_ && device_.memory->domain({}) ? regs::Cause::kTypeDisallowed : regs::Cause::kDdtNotValid;
  }

  void record(const ioas::MemoryFault& fault) {
    FaultRecord record;
    record.cause = static_cast<std::uint64_t>(cause(fault.write));
    record.device_id = device_.spec.device_id;
    if (process_) record.process_id = *process_;
    record.iova = fault.iova.value & device_.device->dma_mask();
    record.ttyp =
        static_cast<std::uint64_t>(fault.write ? regs::Ttyp::kUntranslatedWrite : regs::Ttyp::kUntranslatedRead);
    record.write = fault.write;
    world_.faults().push_back(record);
    end_.fault = record;
    end_.completion.status = fault.write ? DmaStatus::kWriteError : DmaStatus::kReadError;
    end_.completion.address = record.iova;
  }

  World& world_;
  DeviceEntry& device_;
  const dma::Job& job_;
  ioas::ProcessId process_;
  Source source_;
  DmaEnd end_;
  std::optional<std::uint64_t> difference_;
};

}  // namespace

Result<DmaEnd> run_in_memory(World& world, DeviceEntry& device, const dma::Job& job, ioas::ProcessId process) {
  if (job.length > kMostMoved) {
    return fail(Code::kInvalid, EINVAL,
                fmt::format("device {}, which is in the program, moves {:#x} bytes at most, not {:#x}",
                            device.spec.name, kMostMoved, job.length));
  }
  if (device.spec.dma_bits < 64 && job.length >> device.spec.dma_bits > kMostRounds) {
    return fail(Code::kInvalid, EINVAL,
                fmt::format("{:#x} bytes go round the {} address lines of device {} more than {:#x} times", job.length,
                            device.spec.dma_bits, device.spec.name, kMostRounds));
  }
  if (process.value_or(0) > ioas::kLastProcess) return fail(Code::kInvalid, EINVAL, "a process id has 20 bits");
  return Mover(world, device, job, process).run();
}

}  // namespace aperture::sw::run
