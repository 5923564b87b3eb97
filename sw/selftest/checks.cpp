// SPDX-License-Identifier: Apache-2.0
#include "selftest/checks.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <vector>

namespace aperture::sw::selftest {
namespace {

constexpr const char* kWrongMemory =
    "the access reached other memory than the tables say: compare the entries with the address found, and the DMA "
    "path's byte lanes if single bytes differ";

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : word_(seed == 0 ? 1 : seed) {}
  std::byte next() {
    if (at_ % 8 == 0) {
      word_ ^= word_ << 13;
      word_ ^= word_ >> 7;
      word_ ^= word_ << 17;
    }
    return static_cast<std::byte>(word_ >> (8 * (at_++ % 8)));
  }

 private:
  std::uint64_t word_;
  unsigned at_{};
};

std::string texts(const std::vector<riscv::Fault>& faults) {
  std::string text;
  for (const riscv::Fault& fault : faults) text += (text.empty() ? "" : "; ") + to_text(fault);
  return text.empty() ? "no fault record" : text;
}

dma::Completion run(dma::Channel& channel, const dma::Job& job) { return must(channel.run(job, Bench::kCycles)); }

dma::Completion stray(dma::Channel& channel, std::uint64_t iova, bool write) {
  return run(channel, {.op = regs::DmaOp::kStray,
                       .source = Iova{iova},
                       .destination = Iova{iova},
                       .length = 8,
                       .pattern = 0xdead'dead'dead'dead,
                       .stray_read = !write});
}

}  // namespace

std::uint32_t crc(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void pseudo_random(std::span<std::byte> bytes, std::uint64_t seed) {
  Generator generator(seed);
  for (std::byte& byte : bytes) byte = generator.next();
}

std::string difference(std::span<const std::byte> bytes, std::uint64_t seed) {
  Generator generator(seed);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (const std::byte wanted = generator.next(); bytes[i] != wanted)
      return fmt::format("byte {} of {} is {:#04x} instead of {:#04x}", i, bytes.size(),
                         std::to_integer<unsigned>(bytes[i]), std::to_integer<unsigned>(wanted));
  return {};
}

std::string outcome(World& world, const dma::Completion& done) {
  return fmt::format("{} at {:#x}; {}", regs::to_string(done.status), done.address, texts(world.faults()));
}

bool reaches(Verdict& verdict, World& world, dma::Channel& channel, std::uint64_t iova, std::span<std::byte> memory,
             const std::string& where, Rights rights) {
  pseudo_random(memory, world.bench().random()());
  const std::uint32_t wanted = crc(memory);
  const dma::Completion read = run(channel, {.op = regs::DmaOp::kCrc, .source = Iova{iova}, .length = memory.size()});
  if (!read.ok())
    return verdict.fail(fmt::format("{}: {} bytes are read at IOVA {:#x}", where, memory.size(), iova),
                        outcome(world, read));
  if (read.crc != wanted)
    return verdict.fail(fmt::format("{}: CRC-32 {:#010x} of what is read at IOVA {:#x}", where, wanted, iova),
                        fmt::format("{:#010x}", read.crc), kWrongMemory);
  if (rights == Rights::kReadWrite) {
    const std::uint64_t seed = world.bench().random()();
    const dma::Completion written = run(
        channel, {.op = regs::DmaOp::kGenerate, .destination = Iova{iova}, .length = memory.size(), .pattern = seed});
    if (!written.ok())
      return verdict.fail(fmt::format("{}: {} bytes are written at IOVA {:#x}", where, memory.size(), iova),
                          outcome(world, written));
    if (const std::string wrong = difference(memory, seed); !wrong.empty())
      return verdict.fail(fmt::format("{}: what is written at IOVA {:#x} arrives", where, iova), wrong, kWrongMemory);
  }
  if (const auto faults = world.faults(); !faults.empty())
    return verdict.fail(where + ": no fault record", texts(faults));
  return true;
}

riscv::Fault record_of(const dma::Channel& channel, regs::Cause cause, std::uint64_t iova, bool write,
                       std::uint64_t iotval2) {
  const dma::Identity& who = channel.identity();
  using enum regs::Ttyp;
  riscv::Fault fault;
  fault.cause = cause;
  fault.ttyp = write            ? who.translated ? kTranslatedWrite : kUntranslatedWrite
               : who.execute    ? who.translated ? kTranslatedExec : kUntranslatedExec
               : who.translated ? kTranslatedRead
                                : kUntranslatedRead;
  fault.device_id = who.device_id;
  fault.process_id = who.process_id;
  fault.privileged = who.privileged && who.process_id.has_value();
  fault.iotval = iova;
  fault.iotval2 = iotval2;
  return fault;
}

bool recorded(Verdict& verdict, World& world, const riscv::Fault& record, const std::string& where) {
  const auto faults = world.faults();
  if (faults.size() == 1 && faults[0] == record) return true;
  return verdict.fail(fmt::format("{}: one record: {}", where, to_text(record)), texts(faults));
}

bool stopped(Verdict& verdict, World& world, dma::Channel& channel, std::uint64_t iova, bool write,
             const std::string& where) {
  const auto wanted = write ? regs::DmaStatus::kWriteError : regs::DmaStatus::kReadError;
  const dma::Completion done = stray(channel, iova, write);
  if (done.status == wanted) return true;
  return verdict.fail(
      fmt::format("{}: the {} at {:#x} ends with {}", where, write ? "write" : "read", iova, regs::to_string(wanted)),
      outcome(world, done));
}

bool refused(Verdict& verdict, World& world, dma::Channel& channel, const riscv::Fault& record,
             const std::string& where) {
  return stopped(verdict, world, channel, record.iotval, record.write(), where) &&
         recorded(verdict, world, record, where);
}

}  // namespace aperture::sw::selftest
