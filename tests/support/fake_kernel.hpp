// SPDX-License-Identifier: Apache-2.0
#pragma once

// Linux's VFIO, type1 and iommufd in memory, for tests on machines without an IOMMU: sysfs, device nodes, address
// spaces with Linux's answers, and what a device then reaches by DMA. Written from the kernel's documentation; it shows
// that the driver says the right things, not that Linux understands them.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/types.hpp"
#include "ioas/range_set.hpp"
#include "vfio/kernel.hpp"
#include "vfio/uapi.hpp"

namespace aperture::test {

class FakeKernel final : public vfio::Kernel {
 public:
  /// A PCI function, bound to vfio-pci.
  struct Function {
    std::string address;
    unsigned group{};
    std::string cdev;
    bool resets{true};
    bool mappable{true};                    ///< its BARs can be mapped
    unsigned vectors{20};                   ///< of MSI-X
    unsigned msi_vectors{};                 ///< of MSI
    std::optional<unsigned> vectors_there;  ///< fewer than it has: what the machine can give
    std::vector<std::uint64_t> config = express_config();
    std::map<unsigned, std::vector<std::uint64_t>> bars;
    std::vector<int> eventfds;  ///< by vector, once they are set
    unsigned reset_count{};
    std::vector<IovaRange> keeps;           ///< what it has no access to, beside the gaps of the kernel's ranges
    bool own_tables_only{};                 ///< its IOMMU refuses page tables that were made for another function
    bool bound{};                           ///< to an iommufd
    std::uint32_t iommufd_id{};             ///< once it is bound
    std::optional<std::uint32_t> attached;  ///< to a page table
    std::function<void(std::uint64_t offset)> on_write;  ///< of BAR 0, if that is not mapped: after each write
    std::uint16_t command() const { return static_cast<std::uint16_t>(config[0] >> 32); }
    /// A list of one capability: PCI Express, with function level reset.
    static std::vector<std::uint64_t> express_config() {
      std::vector<std::uint64_t> words(512);
      words[0] = std::uint64_t{0x10} << 48;
      words[6] = std::uint64_t{0x40} << 32;
      words[8] = std::uint64_t{1} << 60 | 0x0002'0010;
      return words;
    }
  };
  struct Map {
    std::uint64_t memory;
    std::uint64_t length;
    bool read;
    bool write;
    std::shared_ptr<void> file{};  ///< the kernel's own mapping of it, where the map is of a file
    bool unpinnable{};             ///< part of it lies beyond the end of the file
  };
  using Maps = std::map<std::uint64_t, Map>;

  // What the test sets.
  bool iommufd{true};  ///< /dev/iommu and the functions' own nodes
  std::vector<IovaRange> ranges{{{0}, {0xfedf'ffff}}, {{0xfef0'0000}, {0xffff'ffff'ffff}}};
  std::map<std::string, std::string> files;          ///< of sysfs
  std::map<std::string, std::string> links;          ///< of sysfs
  std::map<std::string, int> open_fails;             ///< path to errno
  std::map<unsigned long, std::deque<int>> answers;  ///< request to what its next calls give; 0: as usual
  std::set<unsigned long> lacks;                     ///< requests that are ENOTTY
  bool completes_by_attach{};                        ///< page tables translate nothing before an attach completes them
  bool viable{true};
  std::uint64_t memlock{~std::uint64_t{0}};  ///< bytes that maps may lock
  bool huge_pages{};
  std::size_t most_maps{65535};  ///< of a container

  Function& add(const std::string& address, unsigned group, std::uint16_t vendor = 0x1234,
                std::uint16_t device = 0xa9e7);
  /// The function has another driver, or none.
  void bind(const std::string& address, const std::string& driver);
  /// The n-th call of `request` from now gives -number.
  void fail(unsigned long request, int number, unsigned n = 1);
  void raise(Function& function, unsigned vector);

  // What the test sees.
  Function& function(const std::string& address);
  std::size_t open_files() const { return fds_.size(); }
  std::size_t mappings() const { return memory_.size(); }  ///< of memory and of BARs
  std::size_t spaces() const { return spaces_.size(); }    ///< IOASes and containers
  std::size_t tables() const { return tables_.size(); }
  const std::vector<IovaRange>& allowed(std::uint32_t ioas) const { return spaces_.at(ioas).allowed; }
  bool small_pages(std::uint32_t ioas) const { return spaces_.at(ioas).small_pages; }
  std::size_t dma_maps() const;
  std::size_t huge_allocations() const { return huge_allocations_; }
  const std::vector<std::string>& opened() const { return opened_; }
  unsigned calls(unsigned long request) const;
  /// Whether some function could do DMA when memory was last taken away from an address space.
  bool unmapped_under_way() const { return unmapped_under_way_; }
  /// What the function reaches at `iova`, null if that faults.
  std::byte* reach(const Function& function, std::uint64_t iova, bool write);

  // vfio::Kernel
  int open(const std::string& path, int flags) override;
  void close(int fd) noexcept override;
  int ioctl(int fd, unsigned long request, std::uintptr_t argument) override;
  std::int64_t pread(int fd, std::span<std::byte> to, std::uint64_t offset) override;
  std::int64_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) override;
  std::expected<std::byte*, int> map(int fd, std::uint64_t size, std::uint64_t offset) override;
  bool maps_file(const std::byte* first, std::uint64_t size, bool writable, int fd, std::uint64_t offset) override {
    return vfio::linux_kernel().maps_file(first, size, writable, fd, offset);
  }
  std::expected<std::byte*, int> allocate(std::uint64_t size, bool huge) override;
  void unmap(std::byte* first, std::uint64_t size) noexcept override;
  int eventfd() override;
  int drain(int eventfd) override;
  int poll(std::span<pollfd> fds, std::chrono::nanoseconds limit) override;
  std::expected<std::string, int> read_file(const std::string& path) override;
  std::expected<std::string, int> read_link(const std::string& path) override;
  std::expected<std::vector<std::string>, int> list(const std::string& path) override;
  std::uint64_t locked_memory_limit() override { return memlock; }

  std::chrono::nanoseconds slept{};  ///< what polls without an event were allowed to take, in sum

 private:
  enum class Kind : std::uint8_t { kIommufd, kContainer, kGroup, kDevice, kEventfd };
  struct Fd {
    Kind kind;
    unsigned group{};
    std::uint32_t space{};  ///< of a container; of a group: the container it is in
    Function* function{};
    std::uint64_t count{};  ///< of an eventfd
  };
  struct Space {
    Maps maps;
    bool container{};
    bool iommu{};
    std::optional<unsigned> group{};
    std::vector<IovaRange> allowed{};
    bool small_pages{};
  };
  struct Table {
    std::uint32_t ioas;
    bool automatic;  ///< the kernel made it, and it goes with its last user
    const Function* maker;
    IovaRange aperture;
  };
  int iommufd_request(unsigned long request, std::uintptr_t argument);
  int container_request(Fd& fd, unsigned long request, std::uintptr_t argument);
  int group_request(Fd& fd, unsigned long request, std::uintptr_t argument);
  int device_request(Fd& fd, unsigned long request, std::uintptr_t argument);
  int type1_info(std::uintptr_t argument);
  IovaRange aperture() const { return {ranges.front().first, ranges.back().last}; }
  ioas::RangeSet kept(const Function& function) const;
  ioas::RangeSet reserved(std::uint32_t space) const;
  std::uint64_t alignment(std::uint32_t space) const;
  bool translates(std::uint32_t space) const;
  int pin(std::uint32_t space) const;
  static bool hurts(const Space& space, const ioas::RangeSet& taken);
  bool is_ioas(std::uint32_t id) const;
  std::uint64_t choose_iova(std::uint32_t ioas) const;
  int map_memory(vfio::uapi::IoasMap& map);
  int map_file(vfio::uapi::IoasMapFile& map);
  int copy_map(const vfio::uapi::IoasCopy& copy);
  int allow(const vfio::uapi::IoasAllowIovas& allow);
  int option(vfio::uapi::Option& option);
  int make_table(vfio::uapi::HwptAlloc& alloc);
  int add_table(std::uint32_t id, const Table& table);
  int use_table(Function& function, std::uint32_t id);
  void drop_unused_tables();
  int destroy(std::uint32_t id);
  int add_map(std::uint32_t space, std::uint64_t iova, const Map& map);
  int remove_maps(std::uint32_t space, std::uint64_t iova, std::uint64_t& length);
  int attach(Function& function, std::uint32_t id);
  std::byte* region(Function& function, std::uint64_t offset, std::uint64_t size);
  int add_fd(Fd fd);

  std::deque<Function> functions_;
  std::map<int, Fd> fds_;
  std::map<std::uint32_t, Space> spaces_;
  std::map<std::uint32_t, Table> tables_;
  std::map<std::byte*, std::unique_ptr<std::byte, void (*)(void*)>> memory_;
  std::map<unsigned long, unsigned> calls_;
  std::vector<std::string> opened_;
  std::size_t huge_allocations_{};
  bool unmapped_under_way_{};
  int next_fd_{100};
  std::uint32_t next_id_{1};
};

}  // namespace aperture::test
