// SPDX-License-Identifier: Apache-2.0
// Random translations through the whole card, compared request by request with the oracle. A round is one card with
// one world of structures; its seed is the program's and the round's number, so that APERTURE_ROUND repeats it alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "bench/oracle.hpp"
#include "bench/print.hpp"
#include "bench/world.hpp"
#include "regs/registers.hpp"
#include "support/seed.hpp"
#include "tb/bench.hpp"

namespace aperture::tb {
namespace {

using oracle::Access;
using oracle::Answer;
using oracle::Command;
using oracle::Random;
using oracle::Record;
using oracle::Request;
using oracle::World;

constexpr unsigned kFaultsLog2 = 10;
constexpr unsigned kCommandsLog2 = 8;
constexpr unsigned kMostInBatch = 120;

std::string hex(std::uint64_t value) {
  std::ostringstream out;
  out << "0x" << std::hex << value;
  return out.str();
}

/// What one request of a batch is and must become.
struct Shot {
  Request request;
  DeviceBurst burst;
  std::uint64_t size;
  Answer answer;
  bool refused_by_memory = false;   ///< memory answers SLVERR, or DECERR beyond its address bits
  std::vector<std::byte> expected;  ///< of a read
  Ticket ticket = 0;
};

class Round {
 public:
  Round(std::uint64_t number, Profile profile, unsigned width);
  void run(unsigned batches);
  const std::string& name() const { return name_; }

 private:
  std::uint64_t read(const regs::Register& r) {
    return r.size == 8 ? mmio().read64(card::Bar::kIommu, r.offset) : mmio().read32(card::Bar::kIommu, r.offset);
  }
  void write(const regs::Register& r, std::uint64_t value) {
    if (r.size == 8) return mmio().write64(card::Bar::kIommu, r.offset, value);
    mmio().write32(card::Bar::kIommu, r.offset, static_cast<std::uint32_t>(value));
  }
  card::Mmio& mmio() { return bench_.card().mmio(); }
  /// Waits until the register has all the bits of `ones` and none of `zeros`.
  bool reaches(const regs::Register& r, std::uint64_t ones, std::uint64_t zeros);
  void set_ddtp(std::uint64_t value);
  void set_up(World& world);
  void batch(World& world, unsigned requests);
  bool add(World& world, std::vector<Shot>& shots);
  void fill(World& world, std::uint64_t address);
  void compare(const std::vector<Shot>& shots);
  void compare_faults(const std::vector<Shot>& shots);
  void compare_bus(const std::vector<Shot>& shots);
  void compare_memory();
  void send(std::vector<Command> commands);
  std::string explain(const Shot& shot) const;

  Random random_;
  std::string name_;
  oracle::WorldOptions world_options_{};
  Bench& bench_;
  // What lies beyond the physical address width is for memory to refuse: the specification has no such step.
  oracle::Iommu iommu_{.bounds_data = false};
  std::uint64_t faults_ = 0, commands_ = 0, fence_ = 0;  ///< addresses of the queues and of the fence's word
  std::uint64_t fault_head_ = 0, command_tail_ = 0;
  std::uint32_t fences_ = 0;
  std::map<std::uint64_t, std::array<std::byte, 4096>> shadow_;  ///< data pages of this batch, as they must become
  struct Piece {
    std::uint64_t first, last;
    bool write;
  };
  std::vector<Piece> pieces_;  ///< physical bytes that the batch touches
};

Options options_of(std::uint64_t seed, Profile profile, unsigned width, oracle::WorldOptions& world) {
  Random random(seed);
  Options o;
  o.profile = profile;
  o.width = width;
  o.seed = seed;
  o.latency = 1 + static_cast<unsigned>(random.below(40));
  // Version 1.0, wires, base format; of the rest only the Sv modes.
  const std::array<std::uint64_t, 4> modes = {0, 0x200, 0x600, 0xe00};
  const std::size_t most = random.percent(60) ? 3 : random.below(4);
  o.straps.capabilities = 0x10 | modes[most] | 1ULL << 28;
  world.pas = random.percent(40) ? 56 : 32 + static_cast<unsigned>(random.below(25));
  o.straps.set_pas(world.pas);
  o.straps.ddt_levels_max = static_cast<std::uint8_t>(random.percent(70) ? 3 : 1 + random.below(3));
  o.straps.fctl_gxl_writable = random.percent(50);
  o.straps.fctl_be_writable = random.percent(50);
  world.ddt_levels = 1 + static_cast<unsigned>(random.below(o.straps.ddt_levels_max));
  world.most_levels = most == 0 ? 0 : 2 + static_cast<unsigned>(most);
  const std::array<unsigned, 4> broken = {0, 3, 8, 20};
  world.broken_percent = broken[random.below(4)];
  world.globals = random.percent(25);
  world.aliases = random.percent(15);
  return o;
}

Round::Round(std::uint64_t number, Profile profile, unsigned width)
    : random_(test::seed() * 1'000'003 + number),
      name_("seed " + std::to_string(test::seed()) + " round " + std::to_string(number)),
      bench_(Bench::start(options_of(random_.word(), profile, width, world_options_))) {
  const Straps& straps = bench_.options().straps;
  name_ += std::string(" (") + tb::name(profile) + ", " + std::to_string(width) + " bits, PAS " +
           std::to_string(straps.pas()) + ", capabilities " + hex(straps.capabilities) + ", " +
           std::to_string(world_options_.ddt_levels) + "LVL, " + std::to_string(world_options_.broken_percent) +
           "% broken" + (world_options_.globals ? ", globals" : "") + (world_options_.aliases ? ", aliases" : "") + ")";
}

bool Round::reaches(const regs::Register& r, std::uint64_t ones, std::uint64_t zeros) {
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = read(r);
    if ((value & ones) == ones && (value & zeros) == 0) return true;
    bench_.run(10);
  }
  ADD_FAILURE() << r.name << " stays " << hex(read(r));
  return false;
}

void Round::set_ddtp(std::uint64_t value) {
  write(regs::iommu::ddtp, value);
  reaches(regs::iommu::ddtp, 0, regs::iommu::ddtp_f::busy.mask());
  iommu_.ddtp = read(regs::iommu::ddtp);
  EXPECT_EQ(iommu_.ddtp, value) << "ddtp does not keep a legal value";
}

void Round::set_up(World& world) {
  iommu_.capabilities = read(regs::iommu::capabilities);
  EXPECT_EQ(iommu_.capabilities, bench_.options().straps.capabilities) << "capabilities are not what the straps say";
  write(regs::iommu::fctl, 4);
  iommu_.gxl_writable = (read(regs::iommu::fctl) & 4) != 0;
  write(regs::iommu::fctl, 0);
  EXPECT_EQ(read(regs::iommu::fctl) & 5, 0U);
  faults_ = world.allocate(1U << kFaultsLog2 >> 7);
  commands_ = world.allocate();
  fence_ = world.allocate() + random_.below(1024) * 4;
  write(regs::iommu::fqb, faults_ >> 12 << 10 | (kFaultsLog2 - 1));
  write(regs::iommu::cqb, commands_ >> 12 << 10 | (kCommandsLog2 - 1));
  write(regs::iommu::fqcsr, 1);
  write(regs::iommu::cqcsr, 1);
  reaches(regs::iommu::fqcsr, 1 << 16, 1 << 17);
  reaches(regs::iommu::cqcsr, 1 << 16, 1 << 17);
  fault_head_ = read(regs::iommu::fqt);
  command_tail_ = read(regs::iommu::cqh);
  EXPECT_EQ(fault_head_, 0U);
  EXPECT_EQ(command_tail_, 0U);
}

void Round::run(unsigned batches) {
  World world(world_options_, bench_.memory(), random_);
  set_up(world);
  iommu_.ddtp = read(regs::iommu::ddtp);
  if (random_.percent(30)) batch(world, 10);
  if (random_.percent(50)) {
    set_ddtp(1);
    batch(world, 20);
  }
  set_ddtp(world.ddtp());
  for (unsigned i = 0; i < batches && !::testing::Test::HasFailure(); ++i) {
    batch(world, 10 + static_cast<unsigned>(random_.below(kMostInBatch - 10)));
    std::vector<Command> commands;
    for (std::uint64_t n = random_.below(6); n != 0; --n) world.edit(commands);
    send(commands);
  }
  if (random_.percent(30) && !::testing::Test::HasFailure()) {
    set_ddtp(random_.below(2));
    batch(world, 20);
  }
}

/// Fills the data page of the address with what identifies each word of it.
void Round::fill(World& world, std::uint64_t address) {
  const std::uint64_t page = address & ~std::uint64_t{0xfff};
  if (world.kept(page) || shadow_.contains(page)) return;
  auto& bytes = shadow_[page];
  const std::uint64_t salt = random_.word();
  for (std::uint64_t i = 0; i < 4096; i += 8) {
    const std::uint64_t word = ((page + i) * 0x9e3779b97f4a7c15ULL) ^ salt;
    std::memcpy(bytes.data() + i, &word, 8);
  }
  bench_.memory().write(page, bytes);
}

/// One more request; false if it would make the batch's outcome depend on order.
bool Round::add(World& world, std::vector<Shot>& shots) {
  Shot shot;
  shot.request = world.request();
  Request& r = shot.request;
  shot.size = random_.percent(60) ? 1ULL << random_.below(4) : 1 + random_.below(100);
  if (random_.percent(60)) r.iova &= ~std::uint64_t{7};
  if (random_.percent(5)) r.iova |= 0xff8;
  shot.size = std::min<std::uint64_t>(shot.size, 4096 - (r.iova & 0xfff));
  const oracle::ReadMemory memory = [&](std::uint64_t address) {
    std::uint64_t value = 0;
    switch (bench_.memory().card_read(address, std::as_writable_bytes(std::span(&value, 1)))) {
      case MemoryAnswer::kOk:
        return oracle::Word{Access::kOk, value};
      case MemoryAnswer::kPoison:
        return oracle::Word{Access::kPoison, value};
      default:
        return oracle::Word{Access::kError, 0};
    }
  };
  shot.answer = oracle::translate(iommu_, r, memory);
  for (const oracle::Step& step : shot.answer.path) {
    if (shadow_.contains(step.address & ~std::uint64_t{0xfff})) return false;
    world.keep(step.address);
  }
  const Identity who{r.device_id, r.process_id, r.privileged, r.exec,
                     r.translated ? Translation::kTranslated : Translation::kUntranslated};
  shot.burst = bench_.device().make(who, r.iova, shot.size, static_cast<std::uint8_t>(random_.below(16)));
  shot.burst.write = r.write;
  shot.refused_by_memory = !shot.answer.fault && shot.answer.address >> Memory::kAddressBits != 0;
  const bool reaches_memory = !shot.answer.fault && !shot.refused_by_memory;
  if (reaches_memory) {
    const Piece piece{shot.answer.address, shot.answer.address + shot.size - 1, r.write};
    if (r.write && world.kept(piece.first)) return false;
    for (const Piece& p : pieces_) {
      if (p.first <= piece.last && piece.first <= p.last && (p.write || r.write)) return false;
    }
    const std::uint64_t page = piece.first & ~std::uint64_t{0xfff};
    if (!world.kept(page) && !shadow_.contains(page) && random_.percent(2)) {
      bench_.memory().fault(page, 4096, MemoryFault::kError);
    }
    fill(world, piece.first);
    for (std::uint64_t at = piece.first & ~std::uint64_t{15}; at <= piece.last; at += 8) {
      const Access access = memory(at).access;
      if (access != Access::kOk && world.kept(page)) return false;  // a structure that is not all right
      shot.refused_by_memory |= access == Access::kError;
    }
    pieces_.push_back(piece);
  }
  if (r.write) {
    for (std::uint64_t i = 0; i < shot.size; ++i) shot.burst.data.push_back(static_cast<std::byte>(random_.word()));
    if (reaches_memory && !shot.refused_by_memory) {
      auto& bytes = shadow_.at(shot.answer.address & ~std::uint64_t{0xfff});
      std::ranges::copy(shot.burst.data, bytes.begin() + static_cast<std::ptrdiff_t>(shot.answer.address & 0xfff));
    }
  } else if (reaches_memory) {
    shot.expected.resize(shot.size);
    bench_.memory().read(shot.answer.address, shot.expected);
  }
  shots.push_back(std::move(shot));
  return true;
}

void Round::batch(World& world, unsigned requests) {
  shadow_.clear();
  pieces_.clear();
  std::vector<Shot> shots;
  for (unsigned i = 0; i < 2 * requests && shots.size() < requests; ++i) add(world, shots);
  bench_.log().clear();
  bench_.log().enable(true);
  for (Shot& shot : shots) {
    shot.ticket = bench_.device().submit(shot.burst);
    if (random_.percent(10)) bench_.run(random_.below(300));
  }
  const Outcome outcome = bench_.settle();
  bench_.log().enable(false);
  EXPECT_EQ(outcome, Outcome::kIdle) << "the card does not become idle";
  compare(shots);
  compare_faults(shots);
  compare_bus(shots);
  compare_memory();
  for (const auto& [page, bytes] : shadow_) bench_.memory().fault(page, 4096, MemoryFault::kNone);
}

std::string Round::explain(const Shot& shot) const {
  return name_ + "\n  " + oracle::describe(shot.request) + ", " + std::to_string(shot.size) + " bytes, AXI id " +
         std::to_string(shot.burst.id) + ", ddtp " + hex(iommu_.ddtp) + "\n" + oracle::describe(shot.answer);
}

void Round::compare(const std::vector<Shot>& shots) {
  for (const Shot& shot : shots) {
    const Completion& c = bench_.device().at(shot.ticket);
    if (!c.done) {
      ADD_FAILURE() << explain(shot) << "  actual: no answer";
      continue;
    }
    const bool good = !shot.answer.fault && !shot.refused_by_memory;
    const bool decodes = shot.answer.fault || shot.answer.address >> Memory::kAddressBits == 0;
    if (c.resp != (good ? Resp::kOkay : decodes ? Resp::kSlverr : Resp::kDecerr)) {
      ADD_FAILURE() << explain(shot) << (shot.refused_by_memory ? "  memory refuses the data\n" : "")
                    << "  actual: response " << static_cast<int>(c.resp);
    } else if (good && !shot.request.write && !std::equal(shot.expected.begin(), shot.expected.end(), c.data.begin())) {
      ADD_FAILURE() << explain(shot) << "  actual: other data";
    }
  }
}

void Round::compare_faults(const std::vector<Shot>& shots) {
  constexpr std::uint64_t kEntries = 1U << kFaultsLog2;
  EXPECT_EQ(read(regs::iommu::fqcsr) >> 8 & 3, 0U) << name_ << ": fqcsr reports an error";
  std::map<Record, int> balance;
  for (const std::uint64_t tail = read(regs::iommu::fqt); fault_head_ != tail;
       fault_head_ = (fault_head_ + 1) % kEntries) {
    Record record;
    for (unsigned i = 0; i < 4; ++i) record[i] = bench_.memory().read64(faults_ + fault_head_ * 32 + i * 8);
    --balance[record];
  }
  write(regs::iommu::fqh, fault_head_);
  for (const Shot& shot : shots) {
    if (shot.answer.fault && shot.answer.fault->logged) ++balance[shot.answer.fault->record];
  }
  for (const auto& [record, count] : balance) {
    if (count == 0) continue;
    std::string text = name_ + ": " + std::to_string(std::abs(count)) + (count > 0 ? " missing" : " unexpected") +
                       " record(s) " + oracle::describe(record);
    for (const Shot& shot : shots) {
      if (shot.request.iova >> 12 == record[2] >> 12 && shot.request.device_id == record[0] >> 40) {
        text += "\n  same page:\n" + explain(shot);
        break;
      }
    }
    ADD_FAILURE() << text;
  }
}

/// Nothing but the expected bursts reached memory.
void Round::compare_bus(const std::vector<Shot>& shots) {
  std::map<std::pair<bool, std::uint64_t>, int> balance;
  for (const bool write : {false, true}) {
    for (const BusEvent& event : bench_.log().events(Port::kData, write ? Channel::kAw : Channel::kAr)) {
      --balance[{write, event.address.addr}];
    }
  }
  for (const Shot& shot : shots) {
    if (!shot.answer.fault) ++balance[{shot.request.write, shot.answer.address}];
  }
  for (const auto& [what, count] : balance) {
    if (count == 0) continue;
    ADD_FAILURE() << name_ << ": " << std::abs(count) << (count > 0 ? " missing" : " unexpected")
                  << (what.first ? " write" : " read") << " burst(s) at " << hex(what.second);
  }
  for (const BusEvent& event : bench_.log().events(Port::kIommu, Channel::kAr)) {
    EXPECT_EQ(event.address.addr >> world_options_.pas, 0U) << name_ << ": the IOMMU reads " << hex(event.address.addr);
  }
}

void Round::compare_memory() {
  for (const auto& [page, bytes] : shadow_) {
    std::array<std::byte, 4096> actual;
    bench_.memory().read(page, actual);
    for (unsigned i = 0; i < 4096; ++i) {
      if (actual[i] == bytes[i]) continue;
      ADD_FAILURE() << name_ << ": memory at " << hex(page + i) << " is not what the writes leave there";
      break;
    }
  }
}

/// Through the command queue, with an IOFENCE.C behind them.
void Round::send(std::vector<Command> commands) {
  // IOFENCE.C: opcode 2, func3 0, AV bit 10, PR bit 12, PW bit 13, DATA from bit 32; ADDR[63:2].
  ++fences_;
  commands.push_back({2 | 1 << 10 | random_.below(4) << 12 | std::uint64_t{fences_} << 32, fence_ >> 2});
  for (const Command& command : commands) {
    bench_.memory().write64(commands_ + command_tail_ * 16, command.low);
    bench_.memory().write64(commands_ + command_tail_ * 16 + 8, command.high);
    command_tail_ = (command_tail_ + 1) % (1U << kCommandsLog2);
  }
  write(regs::iommu::cqt, command_tail_);
  const auto passed = [&] { return bench_.memory().read32(fence_) == fences_; };
  if (bench_.wait_until(passed, 200'000, "the fence's word") != Outcome::kHappened && !passed()) {
    ADD_FAILURE() << name_ << ": fence " << fences_ << " does not complete, cqcsr " << hex(read(regs::iommu::cqcsr))
                  << " cqh " << read(regs::iommu::cqh) << " cqt " << command_tail_;
  }
  bench_.settle();
  EXPECT_EQ(read(regs::iommu::cqh), command_tail_) << name_;
}

class RandomRounds : public ::testing::TestWithParam<std::tuple<Profile, unsigned>> {
 protected:
  void rounds(std::uint64_t first, std::uint64_t count, unsigned batches) {
    if (const char* only = std::getenv("APERTURE_ROUND"); only != nullptr) {
      first = std::strtoull(only, nullptr, 0);
      count = 1;
    }
    for (std::uint64_t i = first; i < first + count && !HasFailure(); ++i) {
      Round(i, std::get<0>(GetParam()), std::get<1>(GetParam())).run(batches);
    }
  }
};

class Translations : public RandomRounds {};
class ManyTranslations : public RandomRounds {};

TEST_P(Translations, AreWhatTheOracleSays) { rounds(0, 12, 8); }
TEST_P(ManyTranslations, AreWhatTheOracleSays) { rounds(1000, 150, 10); }

const auto kCards =
    ::testing::Combine(::testing::Values(Profile::kIdeal, Profile::kHostile), ::testing::Values(64U, 128U));
std::string name_of(const ::testing::TestParamInfo<std::tuple<Profile, unsigned>>& info) {
  return std::string(name(std::get<0>(info.param))) + std::to_string(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Quick, Translations, kCards, name_of);
INSTANTIATE_TEST_SUITE_P(Full, ManyTranslations, kCards, name_of);

}  // namespace
}  // namespace aperture::tb
