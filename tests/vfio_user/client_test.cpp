// SPDX-License-Identifier: Apache-2.0
// The card behind a socket as the driver sees it, and the server's life around its clients: a thread serves a simple
// function.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

#include "card/vfio_user/card.hpp"
#include "card/vfio_user/client.hpp"
#include "serve/server.hpp"
#include "vfio_user/world.hpp"

namespace aperture::test {
namespace {

using namespace std::chrono_literals;
using card::Bar;

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "aperture-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string socket() const { return path_ / "card.sock"; }

 private:
  std::filesystem::path path_;
};

class ServerThread {
 public:
  explicit ServerThread(const std::string& path, bool once = false) {
    auto server = sw::serve::Server::listen({.path = path, .once = once});
    EXPECT_TRUE(server);
    thread_ = std::thread([this, server = std::move(*server)]() mutable {
      sw::serve::Server mine = std::move(server);
      sw::serve::ClientMemory memory;
      SimpleFunction function(memory);
      mine.run(function, memory, end_.get(),
               {.client_ended = [this](const sw::serve::Summary& summary) { summaries.push_back(summary); },
                .log = [this](const std::string& line) { lines.push_back(line); }});
    });
  }
  ~ServerThread() { end(); }
  /// Afterwards the members may be looked at.
  void end() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(end_.get(), &one, sizeof one), 8);
    if (thread_.joinable()) thread_.join();
  }
  void join() { thread_.join(); }

  std::vector<sw::serve::Summary> summaries;
  std::vector<std::string> lines;

 private:
  FileDescriptor end_ = event();
  std::thread thread_;
};

Result<std::unique_ptr<card::Card>> open(const std::string& path, const std::string& dma = "memfd") {
  card::Options options;
  options.argument = path;
  options.set("dma", dma);
  return card::vfio_user::factory().open(options);
}

/// Whole pages of this process.
class Pages {
 public:
  explicit Pages(std::uint64_t size)
      : bytes_(
            static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        size_(size) {}
  ~Pages() { ::munmap(bytes_, size_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::byte* data() const { return bytes_; }

 private:
  std::byte* bytes_;
  std::uint64_t size_;
};

class SocketCard : public testing::TestWithParam<std::string> {
 protected:
  SocketCard() {
    auto opened = open(folder.socket(), GetParam());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().what);
    if (opened) card = std::move(*opened);
  }
  /// The function accesses 8 bytes; true: memory answered.
  bool dma(std::uint64_t address, bool write, std::uint64_t value = 0, std::uint64_t extra = 0) {
    card::Mmio& mmio = card->mmio();
    mmio.write64(Bar::kCard, SimpleFunction::kAddress, address);
    mmio.write64(Bar::kCard, SimpleFunction::kLength, 8);
    mmio.write64(Bar::kCard, SimpleFunction::kData, write ? value : kNothing);
    mmio.write64(Bar::kCard, SimpleFunction::kGo, 0xff'0000'0000 | (write ? 1 : 0) | extra);
    // Whatever is waited for, the server's requests are served: here register reads.
    for (int i = 0; i < 20; ++i) mmio.read64(Bar::kIommu, 0);
    return write || mmio.read64(Bar::kCard, SimpleFunction::kData) != kNothing;
  }
  static constexpr std::uint64_t kNothing = 0xdead'dead'dead'dead;

  Folder folder;
  ServerThread server{folder.socket()};
  std::unique_ptr<card::Card> card;
};

INSTANTIATE_TEST_SUITE_P(Dma, SocketCard, testing::Values("memfd", "inband"),
                         [](const auto& info) { return info.param; });

TEST_P(SocketCard, RegistersAreReadAndWrittenInOrder) {
  card::Mmio& mmio = card->mmio();
  for (std::uint32_t i = 0; i < 1000; ++i) mmio.write32(Bar::kIommu, 4, i);
  EXPECT_EQ(mmio.read64(Bar::kIommu, 0), 999ULL << 32);
  mmio.write64(Bar::kCard, 0xfff8, 7);
  EXPECT_EQ(mmio.read32(Bar::kCard, 0xfff8), 7U);
}

TEST_P(SocketCard, AnAccessThatNoBusHasIsAMistakeOfTheCaller) {
  EXPECT_THROW(card->mmio().read64(Bar::kIommu, 4), std::out_of_range);
  EXPECT_THROW(card->mmio().write32(Bar::kIommu, 0x10000, 0), std::out_of_range);
}

TEST_P(SocketCard, ABufferIsZeroedAlignedAndReachedBothWays) {
  auto buffer = card->memory().allocate(5000, 0x10000);
  ASSERT_TRUE(buffer) << buffer.error().what;
  EXPECT_EQ((*buffer)->address().value % 0x10000, 0U);
  ASSERT_GE((*buffer)->bytes().size(), 5000U);
  for (const std::byte byte : (*buffer)->bytes()) ASSERT_EQ(byte, std::byte{0});
  dma((*buffer)->address().value + 4096, true, 0x55);
  EXPECT_EQ((*buffer)->bytes()[4096], std::byte{0x55});
  (*buffer)->bytes()[8] = std::byte{0x66};
  EXPECT_TRUE(dma((*buffer)->address().value + 8, false));
  EXPECT_EQ(card->mmio().read64(Bar::kCard, SimpleFunction::kData), 0x66U);
}

TEST_P(SocketCard, BuffersDoNotShareAddressesAndAFreedOneIsOutOfReach) {
  auto one = card->memory().allocate(4096, 4096);
  auto two = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(one && two);
  const std::uint64_t address = (*one)->address().value;
  EXPECT_NE(address, (*two)->address().value);
  EXPECT_TRUE(dma(address, false));
  one->reset();
  EXPECT_FALSE(dma(address, false));
}

TEST_P(SocketCard, PinnedMemoryIsReachedWhileAnythingIsWaitedFor) {
  const Pages pages(0x4000);
  auto pinned = card->memory().pin(pages.data(), 0x4000, true);
  ASSERT_TRUE(pinned);
  ASSERT_EQ((*pinned)->extents().size(), 1U);
  EXPECT_EQ((*pinned)->extents()[0].length, 0x4000U);
  const std::uint64_t address = (*pinned)->extents()[0].address.value;
  pages.data()[0x3000] = std::byte{9};
  EXPECT_TRUE(dma(address + 0x3000, false));
  EXPECT_EQ(card->mmio().read64(Bar::kCard, SimpleFunction::kData), 9U);
  dma(address + 8, true, 0x1234);
  EXPECT_EQ(pages.data()[8], std::byte{0x34});
  EXPECT_FALSE(dma(address + 0x4000, false));
  pinned->reset();
  EXPECT_FALSE(dma(address, false));
}

TEST_P(SocketCard, MemoryPinnedForReadingIsNotWritten) {
  const Pages pages(0x1000);
  auto pinned = card->memory().pin(pages.data(), 0x1000, false);
  ASSERT_TRUE(pinned);
  dma((*pinned)->extents()[0].address.value, true, 0x77);
  EXPECT_EQ(pages.data()[0], std::byte{0});
}

TEST_P(SocketCard, PinnedMemoryKeepsItsAlignmentForLargeLeaves) {
  const Pages pages(8 << 20);
  auto* first = pages.data() + 0x5000;
  auto pinned = card->memory().pin(first, 4 << 20, true);
  ASSERT_TRUE(pinned);
  EXPECT_EQ((*pinned)->extents()[0].address.value % (4 << 20), reinterpret_cast<std::uintptr_t>(first) % (4 << 20));
}

TEST_P(SocketCard, WhatCannotBePinnedIsRefused) {
  const Pages pages(0x1000);
  EXPECT_EQ(card->memory().pin(pages.data() + 1, 0x1000, true).error().number, EINVAL);
  EXPECT_EQ(card->memory().pin(pages.data(), 0, true).error().number, EINVAL);
  EXPECT_EQ(card->memory().pin(nullptr, 0x1000, true).error().number, EFAULT);
  EXPECT_EQ(card->memory().allocate(0, 4096).error().number, EINVAL);
  EXPECT_EQ(card->memory().allocate(4096, 100).error().number, EINVAL);
}

TEST_P(SocketCard, AMessageIsLatchedUntilItsVectorIsWaitedFor) {
  ASSERT_EQ(card->interrupts().vectors(), card::pci::kVectors);
  auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(buffer);
  dma((*buffer)->address().value, true, 1, 2 | 19 << 8);
  EXPECT_EQ(card->interrupts().wait(1, 100), 0U);
  EXPECT_EQ(card->interrupts().wait(1U << 19 | 1, 100), 1U << 19);
  EXPECT_EQ(card->interrupts().wait(1U << 19, 100), 0U);
}

TEST_P(SocketCard, AResetLeavesACardThatWorks) {
  auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(buffer);
  card->mmio().write64(Bar::kIommu, 0, 5);
  ASSERT_TRUE(card->function_reset());
  EXPECT_EQ(card->mmio().read64(Bar::kIommu, 0), 0U);
  dma((*buffer)->address().value, true, 0x42);
  EXPECT_EQ((*buffer)->bytes()[0], std::byte{0x42});
}

TEST_P(SocketCard, AVanishedServerIsADeadCardThatSaysSo) {
  server.end();
  EXPECT_EQ(card->mmio().read32(Bar::kCard, 0), 0xffff'ffffU);
  card->mmio().write32(Bar::kCard, 0, 1);
  EXPECT_EQ(card->interrupts().wait(1, 1000), 0U);
  const auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, Code::kCardDead);
  EXPECT_NE(buffer.error().what.find(folder.socket()), std::string::npos);
  EXPECT_NE(card->description().find("lost"), std::string::npos);
}

TEST_P(SocketCard, ASecondClientIsRefusedAndTheFirstGoesOn) {
  const auto second = open(folder.socket());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().number, EBUSY);
  EXPECT_EQ(card->mmio().read32(Bar::kIommu, 0), 0U);
  server.end();
  EXPECT_EQ(server.lines.size(), 1U);
}

TEST_P(SocketCard, TheNextClientFindsAResetFunctionAndNoMemoryOfTheLast) {
  auto buffer = card->memory().allocate(4096, 4096);
  ASSERT_TRUE(buffer);
  const std::uint64_t address = (*buffer)->address().value;
  card->mmio().write64(Bar::kIommu, 8, 123);
  buffer->reset();
  card.reset();
  auto next = open(folder.socket(), GetParam());
  ASSERT_TRUE(next) << next.error().what;
  card = std::move(*next);
  EXPECT_EQ(card->mmio().read64(Bar::kIommu, 8), 0U);
  EXPECT_FALSE(dma(address, false));
}

TEST(Server, EndsWithItsFirstClientIfAskedTo) {
  const Folder folder;
  ServerThread server(folder.socket(), true);
  ASSERT_TRUE(open(folder.socket()));
  server.join();
  ASSERT_EQ(server.summaries.size(), 1U);
  EXPECT_EQ(server.summaries[0].received.at("VERSION"), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder.socket()));
}

TEST(Server, RemovesItsSocketAndReplacesOneThatNobodyListensOn) {
  const Folder folder;
  {
    auto left_behind = vu::listen_at(folder.socket());
    ASSERT_TRUE(left_behind);
  }
  ASSERT_TRUE(std::filesystem::exists(folder.socket()));
  {
    const ServerThread server(folder.socket());
    EXPECT_TRUE(open(folder.socket()));
    EXPECT_EQ(vu::listen_at(folder.socket()).error().number, EADDRINUSE);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.socket()));
}

TEST(Server, DoesNotReplaceAFile) {
  const Folder folder;
  { const FileDescriptor file(::open(folder.socket().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
  EXPECT_EQ(vu::listen_at(folder.socket()).error().number, EEXIST);
  EXPECT_EQ(vu::listen_at(std::string(200, 'x')).error().number, ENAMETOOLONG);
  EXPECT_EQ(vu::listen_at(folder.socket() + "/no/such").error().number, ENOTDIR);
}

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
