// SPDX-License-Identifier: Apache-2.0
// DEVICE_SET_IRQS: eventfds of MSI-X vectors, in all the ways that clients set and take them.
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <unistd.h>

#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint32_t kEvents = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
constexpr std::uint32_t kNone = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
constexpr std::uint32_t kBool = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER;

class Irqs : public Served {
 protected:
  Irqs() {
    start();
    for (int i = 0; i < 4; ++i) mine.push_back(event());
  }
  std::vector<FileDescriptor> copies(std::size_t first, std::size_t count) {
    std::vector<FileDescriptor> fds;
    for (std::size_t i = first; i < first + count; ++i) fds.push_back(mine[i].duplicate());
    return fds;
  }
  /// A message of the function, by a DMA to shared memory.
  void message(unsigned vector) {
    const FileDescriptor file = shared_memory(4096, F_SEAL_SHRINK);
    ASSERT_EQ(map(0x9000, 4096, file), 0);
    dma_write(0x9000, 1, vector);
    ASSERT_EQ(unmap(0x9000, 4096), 0);
    settle();
  }
  std::vector<FileDescriptor> mine;
};

TEST_F(Irqs, AMessageSignalsTheEventOfItsVectorAlone) {
  ASSERT_EQ(set_irqs(kEvents, 5, 2, copies(0, 2)), 0);
  message(6);
  EXPECT_EQ(events_of(mine[0]), 0U);
  EXPECT_EQ(events_of(mine[1]), 1U);
  EXPECT_EQ(session->summary().interrupts, 1U);
}

TEST_F(Irqs, SetsMayGrowOneByOne) {
  for (std::uint32_t count = 1; count <= 4; ++count) ASSERT_EQ(set_irqs(kEvents, 0, count, copies(0, count)), 0);
  for (unsigned v = 0; v < 4; ++v) {
    message(v);
    EXPECT_EQ(events_of(mine[v]), 1U) << v;
  }
}

TEST_F(Irqs, WithoutDescriptorsVectorsLoseTheirEventsAndMessagesStayPending) {
  ASSERT_EQ(set_irqs(kEvents, 0, 2, copies(0, 2)), 0);
  ASSERT_EQ(set_irqs(kEvents, 0, 1), 0);
  message(0);
  message(1);
  EXPECT_EQ(events_of(mine[0]), 0U);
  EXPECT_EQ(events_of(mine[1]), 1U);
  EXPECT_EQ(read_bar(4, card::pci::kMsixPending), 1U);
  ASSERT_EQ(set_irqs(kEvents, 0, 1, copies(2, 1)), 0);
  EXPECT_EQ(events_of(mine[2]), 1U);
  EXPECT_EQ(read_bar(4, card::pci::kMsixPending), 0U);
}

TEST_F(Irqs, ACountOfZeroTakesAllBack) {
  ASSERT_EQ(set_irqs(kEvents, 0, 4, copies(0, 4)), 0);
  ASSERT_EQ(set_irqs(kNone, 0, 0), 0);
  message(3);
  EXPECT_EQ(events_of(mine[3]), 0U);
}

TEST_F(Irqs, ClientsCanRaiseVectorsThemselves) {
  ASSERT_EQ(set_irqs(kEvents, 0, 4, copies(0, 4)), 0);
  ASSERT_EQ(set_irqs(kNone, 1, 1), 0);
  EXPECT_EQ(events_of(mine[1]), 1U);
  vu::Message request =
      command(vu::Command::kDeviceSetIrqs, vu::IrqSet{sizeof(vu::IrqSet) + 3, kBool, VFIO_PCI_MSIX_IRQ_INDEX, 1, 3});
  request.append(std::array<std::uint8_t, 3>{1, 0, 1});
  ASSERT_EQ(error_of(std::move(request)), 0);
  EXPECT_EQ(events_of(mine[1]), 1U);
  EXPECT_EQ(events_of(mine[2]), 0U);
  EXPECT_EQ(events_of(mine[3]), 1U);
}

TEST_F(Irqs, MasksAreNotTheServers) {
  EXPECT_EQ(set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 0, 1), ENOTTY);
  EXPECT_EQ(set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 0, 1), ENOTTY);
}

TEST_F(Irqs, WhatMakesNoSenseIsRefusedAndChangesNothing) {
  ASSERT_EQ(set_irqs(kEvents, 0, 1, copies(0, 1)), 0);
  EXPECT_EQ(set_irqs(kEvents, 0, 2, copies(1, 1)), EINVAL);
  EXPECT_EQ(set_irqs(kEvents, 0, 1, copies(1, 2)), EINVAL);
  EXPECT_EQ(set_irqs(kEvents, 20, 1, copies(1, 1)), EINVAL);
  EXPECT_EQ(set_irqs(kEvents, 0, 21), EINVAL);
  EXPECT_EQ(set_irqs(kEvents, 0xffff'ffff, 2), EINVAL);
  EXPECT_EQ(set_irqs(kEvents, 1, 0xffff'ffff), EINVAL);
  EXPECT_EQ(set_irqs(kEvents, 0, 0), EINVAL);
  EXPECT_EQ(set_irqs(kNone, 0, 1, copies(1, 1)), EINVAL);
  EXPECT_EQ(set_irqs(0, 0, 1), EINVAL);
  EXPECT_EQ(set_irqs(kEvents | VFIO_IRQ_SET_DATA_NONE, 0, 1), EINVAL);
  EXPECT_EQ(set_irqs(kEvents | 1U << 9, 0, 1), EINVAL);
  EXPECT_EQ(set_irqs(kBool, 0, 1), EINVAL);
  message(0);
  EXPECT_EQ(events_of(mine[0]), 1U);
  EXPECT_EQ(events_of(mine[1]), 0U);
}

TEST_F(Irqs, ADescriptorThatIsNoEventIsRefused) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const FileDescriptor reader(pipe[0]), writer(pipe[1]);
  std::vector<FileDescriptor> fds;
  fds.push_back(writer.duplicate());
  EXPECT_EQ(set_irqs(kEvents, 0, 1, std::move(fds)), EINVAL);
}

TEST_F(Irqs, AnEventThatIsFullHoldsNobodyUp) {
  const std::uint64_t full = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(mine[0].get(), &full, sizeof full), static_cast<ssize_t>(sizeof full));
  // One that would block its writer.
  ::fcntl(mine[0].get(), F_SETFL, 0);
  ASSERT_EQ(set_irqs(kEvents, 0, 1, copies(0, 1)), 0);
  message(0);
  EXPECT_TRUE(alive);
}

TEST_F(Irqs, OtherIndexesHaveNone) {
  const auto set = [this](std::uint32_t index, std::uint32_t count) {
    return error_of(command(vu::Command::kDeviceSetIrqs, vu::IrqSet{sizeof(vu::IrqSet), kNone, index, 0, count}));
  };
  EXPECT_EQ(set(VFIO_PCI_INTX_IRQ_INDEX, 1), EINVAL);
  EXPECT_EQ(set(VFIO_PCI_ERR_IRQ_INDEX, 1), EINVAL);
  EXPECT_EQ(set(5, 0), EINVAL);
  // To end the use of none is what clients do to be sure.
  EXPECT_EQ(set(VFIO_PCI_MSI_IRQ_INDEX, 0), 0);
}

TEST_F(Irqs, WithoutBusMasterMessagesWait) {
  ASSERT_EQ(set_irqs(kEvents, 0, 1, copies(0, 1)), 0);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY);
  dma_write(0x9000, 1, 0);
  settle();
  EXPECT_EQ(events_of(mine[0]), 0U);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  settle();
  EXPECT_EQ(events_of(mine[0]), 1U);
}

TEST_F(Irqs, AResetForgetsPendingMessagesAndKeepsTheEvents) {
  message(0);
  ASSERT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
  ASSERT_EQ(set_irqs(kEvents, 0, 1, copies(0, 1)), 0);
  EXPECT_EQ(events_of(mine[0]), 0U);
  ASSERT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
  write_config(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  message(0);
  EXPECT_EQ(events_of(mine[0]), 1U);
}

TEST_F(Irqs, TheTableRemembersWhatIsWrittenAndStartsMasked) {
  EXPECT_EQ(read_bar(4, 12, 4), 1U);
  write_bar(4, 0, 0xfee0'0000);
  EXPECT_EQ(read_bar(4, 0), 0xfee0'0000U);
  write_bar(4, card::pci::kMsixPending, 0xff);
  EXPECT_EQ(read_bar(4, card::pci::kMsixPending), 0U);
  EXPECT_EQ(read_bar(4, 0xff8), 0U);
}

}  // namespace
}  // namespace aperture::test
