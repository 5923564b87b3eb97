// SPDX-License-Identifier: Apache-2.0
// The client against servers that do what they should not.
#include <sys/socket.h>

#include <array>
#include <functional>

#include "card/vfio_user/client.hpp"
#include "vfio_user/server_thread.hpp"

namespace aperture::test {
namespace {

using namespace std::chrono_literals;

/// A server that does what the test says.
class Raw : public testing::Test {
 protected:
  /// Connects a client; `body` gets the other end once VERSION was answered.
  std::unique_ptr<vu::Client> connect(const std::function<void(vu::Connection&)>& body) {
    auto listening = vu::listen_at(folder.socket());
    EXPECT_TRUE(listening);
    listener = std::move(*listening);
    ::fcntl(listener.get(), F_SETFL, 0);
    thread = std::thread([this, body] {
      vu::Connection connection(FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
      vu::Message hello = next(connection);
      vu::Message reply = make_reply(hello);
      append_version(reply);
      put(connection, std::move(reply));
      body(connection);
    });
    auto client = vu::Client::connect(folder.socket(), windows, 300ms);
    EXPECT_TRUE(client);
    return client ? std::move(*client) : nullptr;
  }
  ~Raw() override {
    if (thread.joinable()) thread.join();
  }
  /// Gives up after a second, with an empty message.
  static vu::Message next(vu::Connection& connection) {
    for (int i = 0; i < 1000; ++i) {
      auto message = connection.receive();
      if (!message) return {};
      if (*message) return std::move(**message);
      std::this_thread::sleep_for(1ms);
    }
    return {};
  }
  static void put(vu::Connection& connection, vu::Message message) {
    connection.queue(std::move(message));
    EXPECT_TRUE(connection.flush());
  }

  Folder folder;
  vu::Windows windows;
  FileDescriptor listener;
  std::thread thread;
};

TEST_F(Raw, AReplyThatDoesNotComeKillsTheConnectionInTime) {
  const auto client = connect([](vu::Connection& connection) { next(connection), next(connection); });
  const auto start = std::chrono::steady_clock::now();
  const auto reply = client->call(client->make(vu::Command::kDeviceReset));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kCardDead);
  EXPECT_NE(reply.error().what.find("DEVICE_RESET"), std::string::npos) << reply.error().what;
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
  EXPECT_FALSE(client->call(client->make(vu::Command::kDeviceReset)));
}

TEST_F(Raw, AReplyToSomethingElseKillsTheConnection) {
  const auto client = connect([](vu::Connection& connection) {
    vu::Message reply = make_reply(next(connection));
    reply.header.id = static_cast<std::uint16_t>(reply.header.id + 1);
    put(connection, std::move(reply));
  });
  EXPECT_EQ(client->call(client->make(vu::Command::kDeviceReset)).error().code, Code::kCardDead);
}

TEST_F(Raw, AnErrorReplyIsTheErrorThatItSays) {
  const auto client =
      connect([](vu::Connection& connection) { put(connection, make_error(next(connection), ENOSPC)); });
  const auto reply = client->call(client->make(vu::Command::kDmaMap));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().number, ENOSPC);
  EXPECT_FALSE(client->death());
}

TEST_F(Raw, MemoryIsServedWhileAReplyIsWaitedForAndOnlyWithinWindows) {
  std::array<std::uint64_t, 1024> page{};
  const auto address = windows.add(reinterpret_cast<std::byte*>(page.data()), 4096, true, 4096);
  ASSERT_TRUE(address);
  const std::uint64_t at = address->value;
  std::vector<int> errors;
  const auto client = connect([&](vu::Connection& connection) {
    const vu::Message reset = next(connection);
    std::uint16_t id = 100;
    const auto ask = [&](vu::Command which, vu::DmaAccess access, std::size_t data) {
      vu::Message request = make_command(which, id++);
      request.append(access);
      const std::vector<std::byte> bytes(data, std::byte{0xaa});
      request.append(std::span<const std::byte>(bytes));
      put(connection, std::move(request));
      errors.push_back(next(connection).error());
    };
    ask(vu::Command::kDmaWrite, {at + 8, 8}, 8);
    ask(vu::Command::kDmaRead, {at, 4096}, 0);
    ask(vu::Command::kDmaWrite, {at + 4092, 8}, 8);
    ask(vu::Command::kDmaWrite, {at - 4, 8}, 8);
    ask(vu::Command::kDmaRead, {~std::uint64_t{0} - 3, 8}, 0);
    ask(vu::Command::kDmaRead, {at, ~std::uint64_t{0}}, 0);
    ask(vu::Command::kDmaWrite, {at, 8}, 7);
    ask(vu::Command::kDmaWrite, {at, 8}, 9);
    ask(vu::Command::kRegionRead, {0, 0}, 0);
    put(connection, make_reply(reset));
  });
  EXPECT_TRUE(client->call(client->make(vu::Command::kDeviceReset)));
  thread.join();
  EXPECT_EQ(errors, (std::vector<int>{0, 0, EFAULT, EFAULT, EFAULT, EINVAL, EINVAL, EINVAL, ENOTSUP}));
  for (std::size_t i = 0; i < 512; ++i) EXPECT_EQ(page[i], i == 1 ? 0xaaaa'aaaa'aaaa'aaaaULL : 0U) << i;
}

TEST_F(Raw, AFunctionThatIsAnotherIsNotTakenForTheCard) {
  auto listening = vu::listen_at(folder.socket());
  ASSERT_TRUE(listening);
  listener = std::move(*listening);
  ::fcntl(listener.get(), F_SETFL, 0);
  thread = std::thread([this] {
    vu::Connection connection(FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    vu::Message reply = make_reply(next(connection));
    append_version(reply);
    put(connection, std::move(reply));
    reply = make_reply(next(connection));
    reply.append(vu::DeviceInfo{16, VFIO_DEVICE_FLAGS_PCI, 9, 5});
    put(connection, std::move(reply));
    reply = make_reply(next(connection));
    reply.append(vu::RegionAccess{0, 7, 4});
    reply.append(std::uint32_t{0x1234'8086});
    put(connection, std::move(reply));
    next(connection);
  });
  const auto card = open(folder.socket());
  ASSERT_FALSE(card);
  EXPECT_EQ(card.error().number, ENODEV);
  EXPECT_NE(card.error().what.find("8086"), std::string::npos);
}

TEST(Client, NobodyThereIsTheEnvironmentsFault) {
  const Folder folder;
  const auto card = open(folder.socket());
  ASSERT_FALSE(card);
  EXPECT_EQ(card.error().code, Code::kEnvironment);
  EXPECT_NE(card.error().what.find(folder.socket()), std::string::npos);
}

TEST(Windows, AreGivenOutLowestFirstAndAgainWhenFree) {
  vu::Windows windows;
  std::array<std::byte, 1> somewhere{};
  const auto add = [&](std::uint64_t size, std::uint64_t alignment, std::uint64_t phase = 0) {
    return windows.add(somewhere.data(), size, true, alignment, phase)->value;
  };
  const std::uint64_t first = vu::Windows::kSpace.first.value;
  EXPECT_EQ(add(4096, 4096), first);
  EXPECT_EQ(add(4096, 0x10000), first + 0x10000);
  EXPECT_EQ(add(4096, 4096), first + 4096);
  EXPECT_EQ(add(8192, 0x10000, 0x3000), first + 0x3000);
  windows.remove(BusAddress{first});
  EXPECT_EQ(add(4096, 4096), first);
  EXPECT_FALSE(windows.add(somewhere.data(), std::uint64_t{1} << 60, true, 4096));
}

}  // namespace
}  // namespace aperture::test
