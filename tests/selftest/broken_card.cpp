// SPDX-License-Identifier: Apache-2.0
#include "selftest/broken_card.hpp"

#include <algorithm>
#include <stdexcept>

#include "card/registry.hpp"
#include "regs/registers.hpp"
#include "tb/model_card/factory.hpp"

namespace aperture::test {

class BrokenCard::Buffer final : public card::DmaBuffer {
 public:
  Buffer(BrokenCard& card, std::unique_ptr<card::DmaBuffer> inner) : card_(card), inner_(std::move(inner)) {
    card_.buffers_.push_back(this);
  }
  ~Buffer() override { card_.buffers_.remove(this); }
  std::span<std::byte> bytes() override { return inner_->bytes(); }
  BusAddress address() const override { return inner_->address(); }

  void remember() { before_.assign(bytes().begin(), bytes().end()); }
  void corrupt() {
    constexpr std::size_t kLong = 256;  // longer than any record
    constexpr std::size_t kWrong = 40;
    if (before_.size() != bytes().size()) return;
    const auto [was, is] = std::ranges::mismatch(before_, bytes());
    const auto first = static_cast<std::size_t>(was - before_.begin());
    std::size_t last = bytes().size();
    while (last > first && before_[last - 1] == bytes()[last - 1]) --last;
    if (last - first >= kLong) bytes()[first + kWrong] ^= std::byte{1 << 5};
    remember();
  }

 private:
  BrokenCard& card_;
  std::unique_ptr<card::DmaBuffer> inner_;
  std::vector<std::byte> before_;
};

BrokenCard::BrokenCard(const std::string& straps) {
  card::Options options;
  if (!straps.empty()) options.set("straps", straps);
  auto opened = tb::model::factory().open(options);
  if (!opened) throw std::runtime_error(opened.error().what);
  card_ = std::move(*opened);
}

BrokenCard::~BrokenCard() = default;

bool BrokenCard::gone() { return ++accesses > dies_after; }

std::uint64_t BrokenCard::spoilt(card::Bar bar, std::uint64_t offset, unsigned size, std::uint64_t value) {
  if (corrupts) corrupt();
  if (gone()) return size == 8 ? ~std::uint64_t{0} : 0xffff'ffff;
  return on_read ? on_read(bar, offset, size, value) : value;
}

bool BrokenCard::passes(card::Bar bar, std::uint64_t offset, unsigned size, std::uint64_t& value) {
  if (gone()) return false;
  left_reset_ = bar == card::Bar::kCard && offset == regs::card::reset.offset && value == 1;
  if (corrupts) remember();
  return !on_write || on_write(bar, offset, size, value);
}

std::uint32_t BrokenCard::read32(card::Bar bar, std::uint64_t offset) {
  return static_cast<std::uint32_t>(spoilt(bar, offset, 4, card_->mmio().read32(bar, offset)));
}
std::uint64_t BrokenCard::read64(card::Bar bar, std::uint64_t offset) {
  return spoilt(bar, offset, 8, card_->mmio().read64(bar, offset));
}
void BrokenCard::write32(card::Bar bar, std::uint64_t offset, std::uint32_t value) {
  std::uint64_t wide = value;
  if (passes(bar, offset, 4, wide)) card_->mmio().write32(bar, offset, static_cast<std::uint32_t>(wide));
}
void BrokenCard::write64(card::Bar bar, std::uint64_t offset, std::uint64_t value) {
  if (passes(bar, offset, 8, value)) card_->mmio().write64(bar, offset, value);
}

Result<std::unique_ptr<card::DmaBuffer>> BrokenCard::allocate(std::uint64_t size, std::uint64_t alignment) {
  auto inner = card_->memory().allocate(size, alignment);
  if (!inner) return inner;
  return std::make_unique<Buffer>(*this, std::move(*inner));
}
Result<std::unique_ptr<card::PinnedMemory>> BrokenCard::pin(std::byte* first, std::uint64_t size, bool writable) {
  return card_->memory().pin(first, size, writable);
}
std::vector<BusRange> BrokenCard::outer_ranges() const { return card_->memory().outer_ranges(); }

unsigned BrokenCard::vectors() const { return std::min(granted, card_->interrupts().vectors()); }

std::uint64_t BrokenCard::shared_with(unsigned vector) const {
  return one_message ? (std::uint64_t{1} << vectors()) - 1 : std::uint64_t{1} << vector;
}

std::uint64_t BrokenCard::wait(std::uint64_t mask, std::uint64_t cycles) {
  const std::uint64_t looked_for = one_message ? shared_with(0) : mask;
  const bool there = (latched_ & mask) != 0;
  const std::uint64_t came = card_->interrupts().wait(looked_for & ~lost_vectors, there ? 0 : cycles);
  // The message of one is taken for all that share it, whoever waits first.
  latched_ |= one_message && came != 0 ? shared_with(0) : came;
  if (corrupts) corrupt();
  const std::uint64_t got = latched_ & mask;
  latched_ &= ~got;
  return got;
}

void BrokenCard::remember() {
  for (Buffer* buffer : buffers_) buffer->remember();
}
void BrokenCard::corrupt() {
  for (Buffer* buffer : buffers_) buffer->corrupt();
}

}  // namespace aperture::test
