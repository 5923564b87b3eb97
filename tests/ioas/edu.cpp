// SPDX-License-Identifier: Apache-2.0
#include "edu.hpp"

#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "vfio/uapi.hpp"

namespace aperture::ioas::test {
namespace {

constexpr Iova kScratch{0xfd00'0000};  // below 4 GiB and the interrupts' addresses; no test maps there
constexpr std::uint64_t kBuffer = 0x40000;

// Registers of BAR 0.
constexpr std::uint64_t kIdentity = 0x00;
constexpr std::uint64_t kSource = 0x80;
constexpr std::uint64_t kDestination = 0x88;
constexpr std::uint64_t kCount = 0x90;
constexpr std::uint64_t kCommand = 0x98;
constexpr std::uint64_t kStart = 1;
constexpr std::uint64_t kToMemory = 2;

template <typename T>
T value(Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error().what);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::vector<std::byte> inverted(std::span<const std::byte> bytes) {
  std::vector<std::byte> out(bytes.begin(), bytes.end());
  for (std::byte& b : out) b = ~b;
  return out;
}

// A page that may be gone by now is reached by system calls, which then fail, instead of by instructions.

std::vector<std::byte> load(std::uintptr_t page) {
  std::vector<std::byte> bytes(kPageSize);
  const iovec local{bytes.data(), kPageSize};
  const iovec remote{reinterpret_cast<void*>(page), kPageSize};
  if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != static_cast<ssize_t>(kPageSize)) bytes.clear();
  return bytes;
}

void store(std::uintptr_t page, std::vector<std::byte> bytes) {
  const iovec local{bytes.data(), kPageSize};
  const iovec remote{reinterpret_cast<void*>(page), kPageSize};
  (void)process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

}  // namespace

int WatchedKernel::ioctl(int fd, unsigned long request, std::uintptr_t argument) {
  std::uintptr_t memory = 0;
  std::size_t length = 0;
  if (request == vfio::uapi::kIoasMap) {
    const auto& map = *reinterpret_cast<const vfio::uapi::IoasMap*>(argument);
    memory = map.user_va;
    length = map.length;
  } else if (request == VFIO_IOMMU_MAP_DMA) {
    const auto& map = *reinterpret_cast<const vfio_iommu_type1_dma_map*>(argument);
    memory = map.vaddr;
    length = map.size;
  }
  watch(memory, length);
  return kernel_.ioctl(fd, request, argument);
}

bool WatchedKernel::maps_file(const std::byte* first, std::uint64_t size, bool writable, int fd, std::uint64_t offset) {
  watch(reinterpret_cast<std::uintptr_t>(first), size);
  return kernel_.maps_file(first, size, writable, fd, offset);
}

void WatchedKernel::watch(std::uintptr_t memory, std::size_t length) {
  if (ignored_.contains(memory)) return;
  for (std::uintptr_t page = memory & ~(kPageSize - 1); page < memory + length; page += kPageSize) pages_.insert(page);
}

void WatchedKernel::invert() const {
  for (const std::uintptr_t page : pages_) {
    const std::vector<std::byte> bytes = inverted(load(page));
    if (!bytes.empty()) store(page, bytes);
  }
}

std::vector<std::vector<std::byte>> WatchedKernel::snapshot() const {
  std::vector<std::vector<std::byte>> all;
  for (const std::uintptr_t page : pages_) all.push_back(load(page));
  return all;
}

Edu::Edu(WatchedKernel& kernel, host::Device& device)
    : kernel_(kernel),
      device_(device),
      registers_(value(device.function().region(0), device.name())),
      scratch_(kernel.allocate(std::uint64_t{2} << 20, false).value()) {
  kernel_.ignore(scratch_);
  try {
    if (const std::uint32_t id = registers_.read32(kIdentity); (id & 0xffff) != 0x00ed)
      throw std::runtime_error(fmt::format("{} is not QEMU's edu device: it calls itself {:#x}", device.name(), id));
    if (device_.function().backend() == vfio::Backend::kIommufd) {
      detached_ = value(vfio::KernelIoas::create(device.function().iommufd()), device.name());
      value(detached_->map(scratch_, kPageSize, kScratch, Prot::kReadWrite), device.name());
    }
    const std::array<std::byte, 4> test{std::byte{0xa5}, std::byte{1}, std::byte{2}, std::byte{3}};
    load(test);
  } catch (...) {
    kernel_.unmap(scratch_, std::uint64_t{2} << 20);
    throw;
  }
}

Edu::~Edu() {
  detached_.reset();
  kernel_.unmap(scratch_, std::uint64_t{2} << 20);
}

void Edu::move(Iova iova, std::uint64_t length, bool to_memory) {
  registers_.write64(kSource, to_memory ? kBuffer : iova.value);
  registers_.write64(kDestination, to_memory ? iova.value : kBuffer);
  registers_.write64(kCount, length);
  registers_.write64(kCommand, kStart | (to_memory ? kToMemory : 0));
  const auto start = std::chrono::steady_clock::now();
  while ((registers_.read64(kCommand) & kStart) != 0) {
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(20))
      throw std::runtime_error(device_.name() + ": a DMA of the edu device has not ended after 20 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

template <typename Action>
void Edu::with_scratch(Action&& action) {
  vfio::Function& function = device_.function();
  vfio::Space* space = device_.domain() != nullptr ? &device_.domain()->space() : function.container().get();
  if (space != nullptr) {
    value(space->map(scratch_, kPageSize, kScratch, Prot::kReadWrite), "scratch page");
    action();
    value(space->unmap(kScratch, kPageSize), "scratch page");
  } else {
    value(function.attach(*detached_), "scratch address space");
    action();
    value(function.detach(), "scratch address space");
  }
}

std::vector<std::byte> Edu::unload(std::uint64_t length) {
  // If nothing arrives, the page still has this, and the way to the buffer does not work.
  static std::uint64_t nonce = 0x9e37'79b9'7f4a'7c15;
  std::vector<std::byte> untouched(kPageSize);
  for (std::size_t i = 0; i < kPageSize; i += 8) {
    nonce = nonce * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    std::memcpy(&untouched[i], &nonce, 8);
  }
  std::ranges::copy(untouched, scratch_);
  with_scratch([&] { move(kScratch, kPageSize, true); });
  if (std::equal(untouched.begin(), untouched.end(), scratch_))
    throw std::runtime_error(device_.name() +
                             ": the edu device does not reach its scratch page; is its property dma_mask wide enough "
                             "(dma_mask=0xffffffffffffffff)?");
  return {scratch_, scratch_ + length};
}

void Edu::load(std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, scratch_);
  with_scratch([&] { move(kScratch, bytes.size(), false); });
  if (!std::ranges::equal(unload(bytes.size()), bytes))
    throw std::runtime_error(device_.name() + ": the edu device's buffer does not hold what was put there");
}

bool Edu::read(Iova from, std::span<std::byte> to) {
  move(from, to.size(), false);
  const std::vector<std::byte> plain = unload(to.size());
  kernel_.invert();
  try {
    move(from, to.size(), false);
  } catch (...) {
    kernel_.invert();
    throw;
  }
  kernel_.invert();
  if (unload(to.size()) != inverted(plain)) return false;
  std::ranges::copy(plain, to.begin());
  return true;
}

bool Edu::write(Iova to, std::span<const std::byte> from) {
  load(inverted(from));
  move(to, from.size(), true);
  const auto before = kernel_.snapshot();
  load(from);
  move(to, from.size(), true);
  const auto after = kernel_.snapshot();
  std::size_t changed = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    for (std::size_t j = 0; j < std::min(before[i].size(), after[i].size()); ++j)
      changed += before[i][j] != after[i][j] ? 1 : 0;
  return changed == from.size();
}

}  // namespace aperture::ioas::test
