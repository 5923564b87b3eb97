// SPDX-License-Identifier: Apache-2.0
// Steps "iommu" and "loopback": the card's first DMA, and every channel's data path without translation.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "riscv/command.hpp"
#include "selftest/checks.hpp"
#include "selftest/step.hpp"

namespace aperture::sw::selftest {
namespace {

constexpr std::uint32_t kFirstDevice = 0x10;
constexpr std::uint64_t kBuffer = 4 * kPageSize;
constexpr std::byte kGuard{0xee};

/// A copy from `from` to `to` within the buffers.
struct Piece {
  std::uint64_t from;
  std::uint64_t to;
  std::uint64_t length;
};

/// Lengths and offsets around words, bursts and pages.
std::vector<Piece> pieces() {
  constexpr std::uint64_t kLengths[] = {1,  3,  7,   8,   9,   15,  16,  17,   31,   33,   63,
                                        64, 65, 127, 255, 256, 257, 511, 4095, 4096, 4097, 8192};
  constexpr std::uint64_t kOffsets[] = {0, 1, 7, 8, 9, 15, 63, 4090, 4095};
  constexpr std::size_t kCount = std::size(kOffsets);
  std::vector<Piece> list;
  for (std::size_t i = 0; i < std::size(kLengths); ++i)
    list.push_back({kOffsets[i % kCount], kOffsets[(3 * i + 1) % kCount], kLengths[i]});
  return list;
}

class Loopback {
 public:
  Loopback(World& world, Verdict& verdict, unsigned index)
      : world_(world),
        verdict_(verdict),
        index_(index),
        channel_(world.channel({.device_id = kFirstDevice + index}, index)),
        source_(world.words(kBuffer)),
        target_(world.words(kBuffer)) {}

  void run(const Piece& piece) {
    const std::uint64_t seed = world_.bench().random()();
    clear(source_);
    clear(target_);
    const Iova from{source_.address() + piece.from};
    const Iova to{target_.address() + piece.to};
    const auto data = source_.bytes().subspan(piece.from, piece.length);

    if (!good(channel_.generate(from, piece.length, seed), piece, "GENERATE", {})) return;
    if (const std::string wrong = difference(data, seed); !wrong.empty()) return differs(piece, "GENERATE", wrong);
    if (!untouched(source_, piece.from, piece, "GENERATE")) return;

    if (!good(channel_.copy(from, to, piece.length), piece, "COPY", crc(data))) return;
    if (const std::string wrong = difference(target_.bytes().subspan(piece.to, piece.length), seed); !wrong.empty())
      return differs(piece, "COPY", wrong);
    if (!untouched(target_, piece.to, piece, "COPY")) return;

    (void)(good(channel_.check(to, piece.length, seed), piece, "CHECK", crc(data)) &&
           good(channel_.crc(to, piece.length), piece, "CRC", crc(data)));
  }

  /// CHECK notices a wrong byte, and says where.
  void notices() {
    constexpr std::uint64_t kLength = 300;
    constexpr std::uint64_t kWrong = 211;
    const Iova at{source_.address()};
    pseudo_random(source_.bytes().first(kLength), 5);
    source_.bytes()[kWrong] ^= std::byte{1};
    const dma::Completion done = must(channel_.check(at, kLength, 5));
    if (done.status != regs::DmaStatus::kMismatch || done.bytes != kWrong)
      verdict_.fail(fmt::format("channel {}: CHECK ends with mismatch at byte {}", index_, kWrong),
                    fmt::format("{} at byte {}", regs::to_string(done.status), done.bytes));
  }

  /// FILL repeats its pattern.
  void fills() {
    constexpr std::uint64_t kPattern = 0x0123'4567'89ab'cdef;
    constexpr std::uint64_t kLength = 77;
    const Piece piece{0, 5, kLength};
    if (!good(channel_.fill(Iova{target_.address() + piece.to}, kLength, kPattern), piece, "FILL", {})) return;
    for (std::uint64_t i = 0; i < kLength; ++i)
      if (target_.bytes()[piece.to + i] != static_cast<std::byte>(kPattern >> (8 * (i % 8))))
        return differs(piece, "FILL", fmt::format("byte {} is not the pattern's", i));
  }

 private:
  static void clear(Words& memory) { std::ranges::fill(memory.bytes(), kGuard); }
  std::string name(const Piece& piece, const char* op) const {
    return fmt::format("channel {}: {} of {} bytes, offset {} to {}", index_, op, piece.length, piece.from, piece.to);
  }
  bool good(Result<dma::Completion> result, const Piece& piece, const char* op, std::optional<std::uint32_t> crc) {
    const dma::Completion done = must(std::move(result));
    if (!done.ok()) return verdict_.fail(name(piece, op) + " ends ok", outcome(world_, done));
    if (done.bytes != piece.length)
      return verdict_.fail(name(piece, op) + " says so", fmt::format("{} bytes", done.bytes));
    if (crc && done.crc != *crc)
      return verdict_.fail(fmt::format("{}: CRC-32 {:#010x}", name(piece, op), *crc), fmt::format("{:#010x}", done.crc),
                           "the read data's byte lanes, or memory that changes on its way to the card");
    return true;
  }
  void differs(const Piece& piece, const char* op, const std::string& wrong) {
    verdict_.fail(name(piece, op) + ": the bytes arrive", wrong,
                  "the write data's path: byte lanes and strobes (single bytes), burst boundaries (runs), or memory "
                  "that host and card do not see alike (caches, a wrong mapping)");
  }
  bool untouched(Words& memory, std::uint64_t offset, const Piece& piece, const char* op) {
    const auto bytes = memory.bytes();
    const auto is_guard = [](std::byte byte) { return byte == kGuard; };
    if (std::ranges::all_of(bytes.first(offset), is_guard) &&
        std::ranges::all_of(bytes.subspan(offset + piece.length), is_guard))
      return true;
    return verdict_.fail(name(piece, op) + " writes nothing else", "bytes beside it have changed",
                         "the write strobes of the first and the last beat");
  }

  World& world_;
  Verdict& verdict_;
  unsigned index_;
  dma::Channel& channel_;
  Words& source_;
  Words& target_;
};

/// Jobs of all channels under way at the same time.
void at_once(World& world, Verdict& verdict) {
  constexpr std::uint64_t kLength = 2 * kPageSize;
  struct Running {
    dma::Channel* channel;
    Words* memory;
    dma::Ticket ticket;
    std::uint64_t seed;
  };
  std::vector<Running> running;
  for (unsigned i = 0; i < world.bench().identity().channels; ++i) {
    Words& memory = world.words(kLength);
    running.push_back({&world.channel({.device_id = kFirstDevice + i}, i), &memory, 0, 100 + i});
  }
  for (Running& one : running)
    one.ticket = must(one.channel->submit({.op = regs::DmaOp::kGenerate,
                                           .destination = Iova{one.memory->address()},
                                           .length = kLength,
                                           .pattern = one.seed}));
  for (Running& one : running) {
    const dma::Completion done = must(one.channel->wait(one.ticket, Bench::kCycles));
    const std::string wrong = difference(one.memory->bytes(), one.seed);
    if (!done.ok() || !wrong.empty())
      verdict.fail(fmt::format("all channels at once: channel {} writes its bytes", one.channel->index()),
                   done.ok() ? wrong : outcome(world, done), "the arbitration between channels, and ids on the bus");
  }
}

}  // namespace

void test_queues(Bench& bench, Verdict& verdict) {
  riscv::Iommu& iommu = bench.iommu();
  verdict.fact("directory_levels", iommu.directory_levels());
  verdict.fact("command_queue_entries", iommu.commands().entries());
  verdict.fact("fault_queue_entries", iommu.faults().entries());
  // More than the ring holds: it wraps around.
  for (unsigned i = 0; i < iommu.commands().entries() + 3; ++i)
    must(iommu.commands().push(riscv::command::iotinval_vma(1 + i, {})));
  must(iommu.commands().fence());
  bench.settle();
  const std::uint64_t head = bench.read(regs::iommu::cqh);
  const std::uint64_t tail = bench.read(regs::iommu::cqt);
  if (head != tail)
    verdict.fail(fmt::format("the command queue is empty behind a fence: cqh is cqt, {}", tail),
                 fmt::format("cqh {}", head));
}

void test_loopback(Bench& bench, Verdict& verdict) {
  World world(bench);
  const unsigned channels = bench.identity().channels;
  for (unsigned i = 0; i < channels; ++i) world.context(kFirstDevice + i, {});
  for (unsigned i = 0; i < channels; ++i) {
    Loopback loopback(world, verdict, i);
    for (const Piece& piece : pieces()) loopback.run(piece);
    loopback.notices();
    loopback.fills();
  }
  at_once(world, verdict);
}

}  // namespace aperture::sw::selftest
