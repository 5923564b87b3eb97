// SPDX-License-Identifier: Apache-2.0
// DMA_READ and DMA_WRITE: memory that the client does not share, asked for by messages.
#include <fcntl.h>
#include <linux/pci_regs.h>

#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

constexpr std::uint64_t kPlace = 0x5'0000;

class Dma : public Served {
 protected:
  Dma() { start(); }
  /// The one request that the server has made.
  vu::Message request(vu::Command which) {
    if (asked.empty()) {
      if (auto message = receive()) asked.push_back(std::move(*message));
    }
    EXPECT_EQ(asked.size(), 1U);
    if (asked.empty()) return {};
    vu::Message found = std::move(asked.front());
    asked.clear();
    EXPECT_EQ(found.command(), which);
    EXPECT_FALSE(found.is_reply());
    return found;
  }
  /// The right reply to a DMA_READ of 8 bytes.
  static vu::Message data_reply(const vu::Message& request, std::uint64_t value) {
    vu::Message reply = make_reply(request);
    reply.append(vu::DmaAccess{kPlace, 8});
    reply.append(value);
    return reply;
  }
  void ends_with_one_line() {
    settle();
    EXPECT_FALSE(alive);
    EXPECT_EQ(lines.size(), 1U);
  }
};

TEST_F(Dma, AReadGetsWhatTheClientSends) {
  dma_read(kPlace);
  const vu::Message read = request(vu::Command::kDmaRead);
  const auto access = vu::decode<vu::DmaAccess>(read);
  ASSERT_TRUE(access);
  EXPECT_EQ(access->address, kPlace);
  EXPECT_EQ(access->count, 8U);
  send(data_reply(read, 0xfeed));
  settle();
  EXPECT_EQ(read_bar(2, SimpleFunction::kData), 0xfeedU);
  EXPECT_EQ(memory.traffic().message_read, 8U);
}

TEST_F(Dma, AWriteCarriesItsBytesAndEndsWithItsReply) {
  dma_write(kPlace, 0x0102'0304);
  const vu::Message write = request(vu::Command::kDmaWrite);
  const auto split = vu::decode_with_data<vu::DmaAccess>(write);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->head.address, kPlace);
  ASSERT_EQ(split->data.size(), 8U);
  EXPECT_EQ(split->data[0], std::byte{4});
  settle();
  EXPECT_TRUE(function.done.empty());
  // A header alone is what QEMU sends.
  send(make_reply(write));
  settle();
  ASSERT_EQ(function.done.size(), 1U);
  EXPECT_EQ(function.done[0].answer, Answer::kOk);
}

TEST_F(Dma, AReplyToAWriteMayRepeatTheAccess) {
  dma_write(kPlace, 1);
  vu::Message reply = make_reply(request(vu::Command::kDmaWrite));
  reply.append(vu::DmaAccess{kPlace, 8});
  send(std::move(reply));
  settle();
  EXPECT_EQ(function.done.size(), 1U);
}

TEST_F(Dma, OnlyStrobedBytesAreWritten) {
  write_bar(2, SimpleFunction::kAddress, kPlace);
  write_bar(2, SimpleFunction::kLength, 8);
  write_bar(2, SimpleFunction::kGo, 0b0110'0010ULL << 32 | 1);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(vu::decode_with_data<vu::DmaAccess>(asked[0])->head.address, kPlace + 1);
  EXPECT_EQ(vu::decode_with_data<vu::DmaAccess>(asked[1])->head.address, kPlace + 5);
  EXPECT_EQ(vu::decode_with_data<vu::DmaAccess>(asked[1])->head.count, 2U);
  send(make_reply(asked[1]));
  settle();
  EXPECT_TRUE(function.done.empty());
  send(make_reply(asked[0]));
  settle();
  EXPECT_EQ(function.done.size(), 1U);
}

TEST_F(Dma, RegisterAccessesAreAnsweredWhileMemoryIsWaitedFor) {
  dma_read(kPlace);
  for (std::uint64_t i = 0; i < 20; ++i) {
    write_bar(0, 0, i);
    EXPECT_EQ(read_bar(0, 0), i);
  }
  EXPECT_TRUE(function.done.empty());
  EXPECT_EQ(map(0x20'0000, 4096), 0);
  EXPECT_EQ(unmap(0x20'0000, 4096), 0);
  send(data_reply(request(vu::Command::kDmaRead), 3));
  settle();
  EXPECT_EQ(function.done.size(), 1U);
}

TEST_F(Dma, WhatTheFunctionWroteComesBeforeTheReplyToTheAccessThatFollowed) {
  dma_write(kPlace, 1);
  // The write was made within the register access: it has to be on the wire before that one's reply.
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(Dma, AnInterruptWaitsForTheWritesBeforeIt) {
  std::vector<FileDescriptor> fds;
  const FileDescriptor mine = event();
  fds.push_back(mine.duplicate());
  ASSERT_EQ(set_irqs(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 1, std::move(fds)), 0);
  // A posted write, whose function does not wait for it.
  const std::uint64_t posted = 1;
  EXPECT_EQ(memory.write(~std::uint64_t{0}, kPlace, std::as_bytes(std::span(&posted, 1)), 0xff), Answer::kPending);
  const FileDescriptor file = shared_memory(4096, F_SEAL_SHRINK);
  ASSERT_EQ(map(0x9000, 4096, file), 0);
  dma_write(0x9000, 1, 0);
  ASSERT_EQ(asked.size(), 2U);
  send(make_reply(asked[1]));
  settle();
  EXPECT_EQ(function.done.size(), 1U);
  EXPECT_EQ(events_of(mine), 0U);
  send(make_reply(asked[0]));
  settle();
  EXPECT_EQ(events_of(mine), 1U);
}

TEST_F(Dma, AWriteToSharedMemoryDoesNotOvertakeOneByMessage) {
  const FileDescriptor file = shared_memory(4096, F_SEAL_SHRINK);
  ASSERT_EQ(map(0x9000, 4096, file), 0);
  const std::uint64_t value = 7;
  const auto bytes = std::as_bytes(std::span(&value, 1));
  EXPECT_EQ(memory.write(100, kPlace, bytes, 0xff), Answer::kPending);
  EXPECT_EQ(memory.write(101, 0x9000, bytes, 0xff), Answer::kPending);
  std::uint64_t read = 0;
  EXPECT_EQ(memory.read(102, 0x9000, std::as_writable_bytes(std::span(&read, 1))), Answer::kPending);
  const auto requests = memory.take_requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(vu::decode_with_data<vu::DmaAccess>(requests[0])->head.address, kPlace);
  EXPECT_EQ(vu::decode_with_data<vu::DmaAccess>(requests[1])->head.address, 0x9000U);
  for (const std::size_t i : {0U, 1U}) ASSERT_TRUE(memory.answer(make_reply(requests[i])));
  // From now on at once again.
  EXPECT_EQ(memory.write(103, 0x9000, bytes, 0xff), Answer::kOk);
  EXPECT_EQ(memory.read(104, 0x9000, std::as_writable_bytes(std::span(&read, 1))), Answer::kOk);
  EXPECT_EQ(read, 7U);
}

/// An exchange of 5 for 6 by message, which has read `found` there: whether it was made.
class Exchange : public Dma {
 protected:
  Answer exchange() {
    return memory.exchange(7, kPlace, std::as_bytes(std::span(&five, 1)), std::as_bytes(std::span(&six, 1)), held);
  }
  void finds(std::uint64_t found) {
    ASSERT_EQ(exchange(), Answer::kPending);
    const auto requests = memory.take_requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].command(), vu::Command::kDmaRead);
    EXPECT_EQ(exchange(), Answer::kPending);
    ASSERT_TRUE(memory.answer(data_reply(requests[0], found)));
  }
  const std::uint64_t five = 5, six = 6;
  bool held = false;
};

TEST_F(Exchange, ByMessageReadsAndThenWrites) {
  finds(5);
  EXPECT_EQ(exchange(), Answer::kPending);
  const auto requests = memory.take_requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].command(), vu::Command::kDmaWrite);
  EXPECT_EQ(exchange(), Answer::kPending);
  ASSERT_TRUE(memory.answer(make_reply(requests[0])));
  EXPECT_EQ(exchange(), Answer::kOk);
  EXPECT_TRUE(held);
  EXPECT_FALSE(memory.waiting());
}

TEST_F(Exchange, ByMessageWritesNothingWhereAnotherValueIs) {
  finds(4);
  EXPECT_EQ(exchange(), Answer::kOk);
  EXPECT_FALSE(held);
  EXPECT_FALSE(memory.waiting());
}

TEST_F(Exchange, ByMessageThatIsRefusedIsAnAccessThatNobodyAnswers) {
  ASSERT_EQ(exchange(), Answer::kPending);
  const auto requests = memory.take_requests();
  ASSERT_EQ(requests.size(), 1U);
  ASSERT_TRUE(memory.answer(make_error(requests[0], EFAULT)));
  EXPECT_EQ(exchange(), Answer::kUnsupported);
  EXPECT_FALSE(held);
}

TEST_F(Dma, AnErrorReplyIsAnAccessThatNobodyAnswers) {
  dma_read(kPlace);
  send(make_error(request(vu::Command::kDmaRead), EFAULT));
  settle();
  ASSERT_EQ(function.done.size(), 1U);
  EXPECT_EQ(function.done[0].answer, Answer::kUnsupported);
  EXPECT_EQ(memory.traffic().unsupported, 1U);
  EXPECT_TRUE(alive);
}

TEST_F(Dma, NeighboursShareAMessageAndRepliesComeInAnyOrder) {
  std::array<std::uint64_t, 4> words{};
  const auto bytes = [&](std::size_t i) { return std::as_writable_bytes(std::span(&words[i], 1)); };
  for (const std::size_t i : {0U, 1U, 2U}) EXPECT_EQ(memory.read(100 + i, kPlace + 8 * i, bytes(i)), Answer::kPending);
  EXPECT_EQ(memory.read(103, kPlace + 0x100, bytes(3)), Answer::kPending);
  const auto requests = memory.take_requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(vu::decode<vu::DmaAccess>(requests[0])->count, 24U);
  vu::Message far = make_reply(requests[1]);
  far.append(vu::DmaAccess{kPlace + 0x100, 8});
  far.append(std::uint64_t{44});
  ASSERT_TRUE(memory.answer(far));
  EXPECT_EQ(memory.read(103, kPlace + 0x100, bytes(3)), Answer::kOk);
  EXPECT_EQ(memory.read(100, kPlace, bytes(0)), Answer::kPending);
  vu::Message near = make_reply(requests[0]);
  near.append(vu::DmaAccess{kPlace, 24});
  near.append(std::array<std::uint64_t, 3>{11, 22, 33});
  ASSERT_TRUE(memory.answer(near));
  for (const std::size_t i : {2U, 0U, 1U}) EXPECT_EQ(memory.read(100 + i, kPlace + 8 * i, bytes(i)), Answer::kOk);
  EXPECT_EQ(words, (std::array<std::uint64_t, 4>{11, 22, 33, 44}));
}

TEST_F(Dma, WhatIsNotAnsweredInTimeFailsAndALateReplyIsHarmless) {
  dma_read(kPlace);
  const vu::Message read = request(vu::Command::kDmaRead);
  EXPECT_EQ(memory.expire(sw::serve::ClientMemory::Clock::now() - std::chrono::hours(1)), 0U);
  EXPECT_EQ(memory.expire(sw::serve::ClientMemory::Clock::now() + std::chrono::hours(1)), 1U);
  settle();
  ASSERT_EQ(function.done.size(), 1U);
  EXPECT_EQ(function.done[0].answer, Answer::kUnsupported);
  EXPECT_FALSE(memory.waiting());
  send(data_reply(read, 1));
  settle();
  EXPECT_TRUE(alive);
}

TEST_F(Dma, AClientThatNeverAnswersIsGivenUpThoughResetsForgetWhatItWasAsked) {
  std::uint64_t data = 0;
  for (std::uint64_t i = 0; i <= sw::serve::ClientMemory::kMostUnanswered; ++i) {
    alive = session->step();
    ASSERT_TRUE(alive) << i;
    ASSERT_EQ(memory.read(i, kPlace, std::as_writable_bytes(std::span(&data, 1))), Answer::kPending);
    ASSERT_EQ(memory.take_requests().size(), 1U);
    memory.forget();
  }
  ends_with_one_line();
}

TEST_F(Dma, AResetForgetsWhatIsUnderWayAndALateReplyIsHarmless) {
  dma_read(kPlace);
  const vu::Message read = request(vu::Command::kDmaRead);
  ASSERT_EQ(error_of(command(vu::Command::kDeviceReset)), 0);
  EXPECT_FALSE(memory.waiting());
  send(data_reply(read, 1));
  settle();
  EXPECT_TRUE(alive);
  EXPECT_TRUE(function.done.empty());
}

TEST_F(Dma, AReplyThatNobodyAskedForEndsTheConnection) {
  vu::Message reply = make_reply(make_command(vu::Command::kDmaRead, 77));
  send(std::move(reply));
  ends_with_one_line();
}

TEST_F(Dma, AReplyToAnotherCommandEndsTheConnection) {
  dma_read(kPlace);
  vu::Message reply = make_reply(request(vu::Command::kDmaRead));
  reply.header.command = static_cast<std::uint16_t>(vu::Command::kDmaWrite);
  send(std::move(reply));
  ends_with_one_line();
}

TEST_F(Dma, AReplyWithTooFewBytesEndsTheConnection) {
  dma_read(kPlace);
  vu::Message reply = make_reply(request(vu::Command::kDmaRead));
  reply.append(vu::DmaAccess{kPlace, 8});
  reply.append(std::uint32_t{1});
  send(std::move(reply));
  ends_with_one_line();
}

TEST_F(Dma, AReplyWithTooManyBytesEndsTheConnection) {
  dma_read(kPlace);
  vu::Message reply = data_reply(request(vu::Command::kDmaRead), 1);
  reply.append(std::uint32_t{1});
  send(std::move(reply));
  ends_with_one_line();
}

TEST_F(Dma, AReplyForAnotherAddressEndsTheConnection) {
  dma_read(kPlace);
  vu::Message reply = make_reply(request(vu::Command::kDmaRead));
  reply.append(vu::DmaAccess{kPlace + 8, 8});
  reply.append(std::uint64_t{1});
  send(std::move(reply));
  ends_with_one_line();
}

TEST_F(Dma, ASecondReplyEndsTheConnection) {
  dma_read(kPlace);
  const vu::Message read = request(vu::Command::kDmaRead);
  send(data_reply(read, 1));
  settle();
  EXPECT_TRUE(alive);
  send(data_reply(read, 2));
  ends_with_one_line();
}

}  // namespace
}  // namespace aperture::test
