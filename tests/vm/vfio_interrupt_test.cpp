// SPDX-License-Identifier: Apache-2.0
// Interrupts of the card's function through the kernel's VFIO (linux/vfio.h, VFIO_DEVICE_SET_IRQS): what each index
// has, what arrives, and what is refused with which error.
#include <gtest/gtest.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "card/pci.hpp"
#include "regs/registers.hpp"
#include "vm/vfio_function.hpp"

namespace aperture::test {
namespace {

namespace pci = card::pci;

constexpr std::uint32_t kSet = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
constexpr std::uint32_t kRaise = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
constexpr int kSoon = 5000;  // milliseconds

class VfioInterrupts : public testing::Test {
 protected:
  VfioInterrupts() {
    for (unsigned vector = 0; vector < pci::kVectors; ++vector) events.push_back(::eventfd(0, EFD_CLOEXEC));
  }
  ~VfioInterrupts() override {
    for (const int event : events) ::close(event);
  }
  /// Whether an event comes within the time; takes it.
  bool arrives(unsigned vector, int milliseconds) {
    pollfd one{.fd = events[vector], .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, milliseconds) != 1) return false;
    std::uint64_t count = 0;
    return ::read(events[vector], &count, sizeof count) == sizeof count && count != 0;
  }
  void write_register(unsigned bar, std::uint64_t offset, std::uint64_t value, unsigned size) {
    ASSERT_EQ(function.write(bar, offset, &value, size), static_cast<long>(size));
  }

  VfioFunction function;
  std::vector<std::int32_t> events;
};

TEST_F(VfioInterrupts, EachIndexTellsItsVectorsAndWhatTheyCanDo) {
  constexpr std::uint32_t kWhole = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
  const struct {
    std::uint32_t index, count, flags;
  } expected[] = {
      {VFIO_PCI_INTX_IRQ_INDEX, 0, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED},
      {VFIO_PCI_MSI_IRQ_INDEX, 0, kWhole},
      {VFIO_PCI_MSIX_IRQ_INDEX, pci::kVectors, kWhole},
      {VFIO_PCI_ERR_IRQ_INDEX, 1, kWhole},
      {VFIO_PCI_REQ_IRQ_INDEX, 1, kWhole},
  };
  for (const auto& one : expected) {
    const vfio_irq_info info = function.irq(one.index);
    EXPECT_EQ(info.argsz, sizeof info);
    EXPECT_EQ(info.index, one.index);
    EXPECT_EQ(info.count, one.count) << "index " << one.index;
    // Since Linux 6.5 vectors of MSI-X may be added one by one where the platform can.
    const std::uint32_t left = one.index == VFIO_PCI_MSIX_IRQ_INDEX ? unsigned{VFIO_IRQ_INFO_NORESIZE} : 0U;
    EXPECT_EQ(info.flags | left, one.flags) << "index " << one.index;
  }
}

TEST_F(VfioInterrupts, VectorsAreRaisedByWhatABytePerVectorSays) {
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, pci::kVectors, events), 0);
  constexpr std::uint32_t kRaiseSome = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_BOOL;
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kRaiseSome, 4, 3, {0x00'01'00'01}), 0);
  EXPECT_TRUE(arrives(4, kSoon));
  EXPECT_TRUE(arrives(6, kSoon));
  EXPECT_FALSE(arrives(5, 0));
}

TEST_F(VfioInterrupts, VectorsOfMsixAreNotMaskedHere) {
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, 1, {events[0]}), 0);
  for (const std::uint32_t action : {VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK})
    EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, action | VFIO_IRQ_SET_DATA_NONE, 0, 1), -ENOTTY);
}

TEST_F(VfioInterrupts, AnIndexThatThereIsNotIsInvalid) {
  vfio_irq_info info{};
  info.argsz = sizeof info;
  info.index = VFIO_PCI_NUM_IRQS;
  EXPECT_EQ(function.call(VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);
  EXPECT_EQ(function.set_irqs(VFIO_PCI_NUM_IRQS, kSet, 0, 1, {events[0]}), -EINVAL);
}

TEST_F(VfioInterrupts, MoreVectorsThanThereAreAreInvalid) {
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, pci::kVectors + 1,
                              std::vector<std::int32_t>(pci::kVectors + 1, events[0])),
            -EINVAL);
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, pci::kVectors, 1, {events[0]}), -EINVAL);
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSI_IRQ_INDEX, kSet, 0, 1, {events[0]}), -EINVAL);
}

TEST_F(VfioInterrupts, WhatMakesNoSenseIsInvalid) {
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_DATA_EVENTFD, 0, 1, {events[0]}), -ENOTTY)
      << "no action";
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet | VFIO_IRQ_SET_DATA_NONE, 0, 1, {events[0]}), -EINVAL)
      << "two kinds of data";
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, 2, {events[0]}), -EINVAL)
      << "a vector without its file";
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, 1, {events[0]}, 8), -EINVAL) << "argsz";
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kRaise, 0, 1), -EINVAL) << "not enabled";
}

TEST_F(VfioInterrupts, AFileThatIsNoEventIsInvalid) {
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, 1, {STDERR_FILENO}), -EINVAL);
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, 1, {1 << 20}), -EBADF);
}

TEST_F(VfioInterrupts, EveryVectorArrivesAtItsOwnEvent) {
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, pci::kVectors, events), 0);
  for (unsigned vector = 0; vector < pci::kVectors; ++vector) {
    ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kRaise, vector, 1), 0);
    for (unsigned other = 0; other < pci::kVectors; ++other) EXPECT_EQ(arrives(other, 0), other == vector) << vector;
  }
  EXPECT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kRaise, 0, 0), 0);
}

TEST_F(VfioInterrupts, AnEventIsTakenBackByMinusOne) {
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, 2, {events[0], events[1]}), 0);
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 1, 1, {-1}), 0);
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kRaise, 0, 2), 0);
  EXPECT_TRUE(arrives(0, kSoon));
  EXPECT_FALSE(arrives(1, 0));
}

TEST_F(VfioInterrupts, TheCardRaisesOne) {
  function.set_config(PCI_COMMAND, 2, function.config(PCI_COMMAND, 2) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  ASSERT_EQ(function.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, kSet, 0, pci::kVectors, events), 0);
  // The command queue is switched on without memory behind it: its first fetch fails, cqcsr.cqmf, vector 0.
  namespace iommu = regs::iommu;
  write_register(2, regs::card::irq_enable.offset, 0xffff'ffff, 4);
  const std::uint64_t wires = iommu::fctl_f::wsi.mask();
  write_register(0, iommu::fctl.offset, wires, 4);
  write_register(0, iommu::icvec.offset, 0, 8);
  write_register(0, iommu::cqb.offset, iommu::cqb_f::ppn.set(0, 0xbad), 8);
  write_register(0, iommu::cqcsr.offset, iommu::cqcsr_f::cqen.mask() | iommu::cqcsr_f::cie.mask(), 4);
  write_register(0, iommu::cqt.offset, 1, 4);
  EXPECT_TRUE(arrives(0, kSoon));
  EXPECT_EQ(function.call(VFIO_DEVICE_RESET), 0);
}

}  // namespace
}  // namespace aperture::test
