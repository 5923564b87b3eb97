// SPDX-License-Identifier: Apache-2.0
// Bytes that are no messages, or come otherwise than one would like.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <random>

#include "support/seed.hpp"
#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

class Framing : public Served {
 protected:
  static vu::Header header(std::uint32_t size, std::uint32_t flags = vu::kTypeCommand) {
    return {1, static_cast<std::uint16_t>(vu::Command::kDeviceReset), size, flags, 0};
  }
  void ends_with_one_line(const vu::Header& sent) {
    start();
    send_raw(&sent, sizeof sent);
    settle();
    EXPECT_FALSE(alive);
    EXPECT_EQ(lines.size(), 1U);
  }
};

TEST_F(Framing, AMessageMayComeByteByByte) {
  start();
  vu::Message request = read_request(VFIO_PCI_CONFIG_REGION_INDEX, 0, 2);
  std::vector<std::byte> bytes(request.header.size);
  std::memcpy(bytes.data(), &request.header, sizeof request.header);
  std::memcpy(bytes.data() + sizeof request.header, request.payload.data(), request.payload.size());
  for (const std::byte& byte : bytes) {
    send_raw(&byte, 1);
    alive = session->step();
  }
  EXPECT_EQ(receive()->error(), 0);
}

TEST_F(Framing, ManyMessagesMayComeAtOnce) {
  start();
  for (unsigned i = 0; i < 500; ++i) {
    vu::Message posted = write_request(0, 0, 8, i);
    posted.header.flags |= vu::kNoReply;
    peer->queue(std::move(posted));
  }
  ASSERT_TRUE(peer->flush());
  EXPECT_EQ(read_bar(0, 0), 499U);
}

TEST_F(Framing, ASizeBelowTheHeadersEndsTheConnection) { ends_with_one_line(header(15)); }
TEST_F(Framing, ASizeOfNothingEndsTheConnection) { ends_with_one_line(header(0)); }
TEST_F(Framing, AHugeSizeEndsTheConnection) { ends_with_one_line(header(0xffff'ffff)); }
TEST_F(Framing, AnUnknownTypeEndsTheConnection) { ends_with_one_line(header(16, 2)); }
TEST_F(Framing, UnknownFlagsEndTheConnection) { ends_with_one_line(header(16, 1U << 6)); }
TEST_F(Framing, ACommandThatIsAnErrorEndsTheConnection) { ends_with_one_line(header(16, vu::kError)); }

TEST_F(Framing, AClientThatVanishesBetweenMessagesIsNothingSpecial) {
  start();
  peer.reset();
  settle();
  EXPECT_FALSE(alive);
  EXPECT_TRUE(lines.empty());
}

TEST_F(Framing, AClientThatVanishesWithinAMessageIsTold) {
  start();
  const vu::Header front = header(100);
  send_raw(&front, sizeof front);
  peer.reset();
  settle();
  EXPECT_FALSE(alive);
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(Framing, MoreDescriptorsThanOneMessageMayHaveEndTheConnection) {
  start();
  const FileDescriptor one = event();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(40 * sizeof(int))> control{};
  vu::Header bytes = header(16);
  iovec part{&bytes, sizeof bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(40 * sizeof(int));
  const std::vector<int> fds(40, one.get());
  std::memcpy(CMSG_DATA(rights), fds.data(), 40 * sizeof(int));
  ASSERT_EQ(::sendmsg(peer->fd(), &message, 0), 16);
  settle();
  EXPECT_FALSE(alive);
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(Framing, DescriptorsBelongToTheMessageTheyCameWith) {
  start();
  const FileDescriptor file = shared_memory(4096, F_SEAL_SHRINK);
  vu::Message without = command(vu::Command::kDmaMap, vu::DmaMap{32, 3, 0, 0x1000, 4096});
  vu::Message with = command(vu::Command::kDmaMap, vu::DmaMap{32, 3, 0, 0x8000, 4096});
  with.fds.push_back(file.duplicate());
  peer->queue(std::move(without));
  peer->queue(std::move(with));
  ASSERT_TRUE(peer->flush());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(receive()->error(), 0);
  std::array<std::byte, 8> bytes{};
  EXPECT_FALSE(memory.maps().read(0x1000, bytes));
  EXPECT_TRUE(memory.maps().read(0x8000, bytes));
}

TEST_F(Framing, AClientThatReadsNoRepliesIsNotReadFromForEver) {
  start();
  std::uint64_t sent = 0;
  vu::Message request = read_request(VFIO_PCI_CONFIG_REGION_INDEX, 0, 4096);
  for (int quiet = 0; quiet < 100 && sent < 100'000; ++quiet) {
    peer->queue(make_command(vu::Command::kDeviceReset, 1));
    peer->queue([&] {
      vu::Message copy = make_command(vu::Command::kRegionRead, 2);
      copy.append(std::span<const std::byte>(request.payload));
      return copy;
    }());
    ASSERT_TRUE(peer->flush());
    if (peer->queued() == 0) {
      ++sent;
      quiet = 0;
    }
    ASSERT_TRUE(session->step());
  }
  EXPECT_LT(sent, 100'000U);
  EXPECT_EQ(session->events() & POLLIN, 0);
}

TEST_F(Framing, RandomBytesEndInAClosedConnection) {
  std::mt19937_64 random(seed());
  for (int round = 0; round < 200; ++round) {
    auto [server, client] = socket_pair();
    sw::serve::ClientSession hit(vu::Connection(std::move(server)), function, memory, [](const std::string&) {});
    std::vector<std::uint64_t> noise(1 + random() % 20);
    for (std::uint64_t& word : noise) word = random();
    ASSERT_GT(::send(client.get(), noise.data(), noise.size() * 8, MSG_NOSIGNAL), 0);
    client.reset();
    int steps = 0;
    while (hit.step()) ASSERT_LT(++steps, 100);
  }
}

}  // namespace
}  // namespace aperture::test
