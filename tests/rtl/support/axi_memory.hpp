// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace aperture::test {

struct AxiAddress {
  unsigned id{};
  std::uint64_t addr{};
  unsigned len{}, size{}, burst{}, prot{};
  std::uint64_t user{};
  bool operator==(const AxiAddress&) const = default;
};

/// What a master puts out.
struct AxiMaster {
  AxiAddress ar, aw;
  bool arvalid{}, awvalid{}, wvalid{}, wlast{}, rready{}, bready{};
  std::array<std::byte, 16> wdata{};
  unsigned wstrb{};
};

/// What the memory answers with.
struct AxiSlave {
  bool arready{}, awready{}, wready{}, rvalid{}, rlast{}, bvalid{};
  unsigned rid{}, rresp{}, bid{}, bresp{};
  std::array<std::byte, 16> rdata{};
};

/// How the memory behaves.
struct AxiProfile {
  unsigned latency = 1;       ///< cycles from AR handshake to first R, from WLAST to B
  unsigned jitter = 0;        ///< up to so many more, drawn for each burst
  double ready = 1.0;         ///< probability of ready, and of an answer that is due being given, in each cycle
  bool out_of_order = false;  ///< answers of different ids pass each other, read data interleaves
};

/// A burst as it was accepted.
struct AxiBurst {
  AxiAddress address;
  bool write{};
  std::uint64_t cycle{};
  std::uint64_t first{}, last{};  ///< bytes of memory in the burst's beats that the address reaches
};

/// An AXI4 memory of any size behind one master. Checks the protocol on the way: what is wrong lands in errors().
/// A write becomes visible when its B is taken.
class AxiMemory {
 public:
  AxiMemory(unsigned beat_bytes, std::uint64_t seed) : beat_bytes_(beat_bytes), random_(seed) {}

  AxiProfile profile;
  /// Bursts that touch [first, last] are answered SLVERR; writes among them change nothing.
  void fail_reads(std::uint64_t first, std::uint64_t last) { bad_reads_.push_back({first, last}); }
  void fail_writes(std::uint64_t first, std::uint64_t last) { bad_writes_.push_back({first, last}); }
  /// No B is given from now on, until it is turned off again.
  bool hold_b = false;

  void store(std::uint64_t address, std::span<const std::byte> bytes);
  void load(std::uint64_t address, std::span<std::byte> bytes) const;
  std::uint64_t load64(std::uint64_t address) const;
  void store64(std::uint64_t address, std::uint64_t value);

  /// Values for the coming clock edge.
  const AxiSlave& drive();
  /// The clock edge: handshakes between what drive() gave and `master`.
  void clock(const AxiMaster& master);

  const std::vector<AxiBurst>& bursts() const { return bursts_; }
  const std::vector<std::string>& errors() const { return errors_; }
  unsigned outstanding_reads() const { return reads_; }
  unsigned outstanding_writes() const { return writes_; }
  std::uint64_t cycle() const { return cycle_; }

 private:
  struct Read {
    AxiAddress address;
    std::uint64_t due{};
    unsigned beat{};
    bool bad{};
  };
  struct Write {
    AxiAddress address;
    std::uint64_t due{};
    bool bad{};
    std::vector<std::pair<std::uint64_t, std::byte>> bytes;
  };
  using Bad = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random_) < probability; }
  std::uint64_t delay();
  void check_address(const char* channel, const AxiAddress& a, AxiBurst& burst);
  void error(const std::string& what);
  void pick_read();
  void pick_write();
  static bool touches(const Bad& bad, const AxiBurst& burst);

  unsigned beat_bytes_;
  std::mt19937_64 random_;
  std::unordered_map<std::uint64_t, std::array<std::byte, 4096>> pages_;
  Bad bad_reads_, bad_writes_;
  std::map<unsigned, std::deque<Read>> read_queues_;    // by id
  std::map<unsigned, std::deque<Write>> write_queues_;  // by id, data complete
  std::deque<Write> filling_;                           // AW accepted, data not complete
  std::deque<unsigned> read_order_, write_order_;       // ids
  AxiSlave now_;
  AxiMaster before_;  // outputs that were not accepted and must hold
  bool ar_held_{}, aw_held_{}, w_held_{};
  std::vector<AxiBurst> bursts_;
  std::vector<std::string> errors_;
  unsigned reads_{}, writes_{};
  std::uint64_t cycle_{};
};

}  // namespace aperture::test
