// SPDX-License-Identifier: Apache-2.0
// Whole sessions: a client that sends what the fuzzer found, as messages that are nearly right or as raw bytes, to a
// server with a simple function. It must not crash, hang, or write outside of the maps that it was given.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "card/vfio_user/version.hpp"
#include "fuzz/input.hpp"
#include "serve/client_session.hpp"
#include "vfio_user/simple_function.hpp"

namespace {

using namespace aperture;
namespace vu = card::vfio_user;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPages = 4;

void require(bool ok) {
  if (!ok) std::abort();
}

/// Four pages of which the fuzzer may have the function map the middle two: the outer ones stay as they are.
class Shared {
 public:
  explicit Shared(int seals) : file_(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    require(::ftruncate(file_.get(), kPages * kPage) == 0);
    require(::fcntl(file_.get(), F_ADD_SEALS, seals) == 0);
    void* bytes = ::mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    require(bytes != MAP_FAILED);
    bytes_ = static_cast<std::byte*>(bytes);
  }
  ~Shared() { ::munmap(bytes_, kPages * kPage); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  FileDescriptor descriptor() const { return file_.duplicate(); }
  void check_outer_pages() const {
    for (const std::uint64_t page : {std::uint64_t{0}, kPages - 1})
      require(std::all_of(bytes_ + page * kPage, bytes_ + (page + 1) * kPage,
                          [](std::byte b) { return b == std::byte{0}; }));
  }

 private:
  FileDescriptor file_;
  std::byte* bytes_;
};

class Client {
 public:
  explicit Client(test::Input input) : input_(input), function_(memory_) {
    int fds[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    peer_ = FileDescriptor(fds[1]);
    connection_.emplace(peer_.duplicate());
    session_.emplace(vu::Connection(FileDescriptor(fds[0])), function_, memory_, [](const std::string&) {});
  }

  void run() {
    if (input_.take<std::uint8_t>() % 8 != 0) hello();
    for (int turns = 0; !input_.empty() && alive_ && turns < 200; ++turns) {
      turn();
      step();
    }
    connection_.reset();
    peer_.reset();
    // Without a client it ends, however much it was sent before.
    for (int steps = 0; alive_; ++steps) {
      require(steps < 1000);
      alive_ = session_->step();
    }
    sealed_.check_outer_pages();
    open_.check_outer_pages();
  }

 private:
  void step() {
    alive_ = session_->step();
    for (int i = 0; i < 100; ++i) {
      auto message = connection_->receive();
      if (!message || !*message) return;
      if (!(*message)->is_reply()) asked_.push_back(std::move(**message));
    }
  }
  void send(vu::Message message) {
    connection_->queue(std::move(message));
    (void)connection_->flush();
  }
  void hello() {
    vu::Message message = make_command(vu::Command::kVersion, 0);
    append_version(message);
    send(std::move(message));
    vu::Message enable = make_command(vu::Command::kRegionWrite, 1);
    enable.append(vu::RegionAccess{4, VFIO_PCI_CONFIG_REGION_INDEX, 2});
    enable.append(std::uint16_t{6});
    send(std::move(enable));
    step();
  }
  void turn() {
    switch (input_.take<std::uint8_t>() % 8) {
      case 0:
        raw();
        break;
      case 1:
        map();
        break;
      case 2:
        dma();
        break;
      case 3:
        answer();
        break;
      case 4:
        irqs();
        break;
      default:
        any();
    }
  }
  void raw() {
    const auto bytes = input_.take_bytes(input_.take<std::uint8_t>() % 64);
    if (!bytes.empty()) (void)::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// A map of the middle pages, where the fuzzer likes.
  void map() {
    const auto what = input_.take<std::uint8_t>();
    vu::Message message = make_command(vu::Command::kDmaMap, 2);
    message.append(
        vu::DmaMap{32, what & 3U, kPage, (input_.take<std::uint16_t>() % 8) * kPage, (1 + (what >> 2 & 1U)) * kPage});
    if ((what & 8) != 0) message.fds.push_back(((what & 16) != 0 ? sealed_ : open_).descriptor());
    send(std::move(message));
  }
  /// The function accesses something.
  void dma() {
    const auto what = input_.take<std::uint32_t>();
    const auto registers = [&](std::uint64_t offset, std::uint64_t value) {
      vu::Message message = make_command(vu::Command::kRegionWrite, 3, vu::kNoReply);
      message.append(vu::RegionAccess{offset, 2, 8});
      message.append(value);
      send(std::move(message));
    };
    registers(test::SimpleFunction::kAddress, input_.take<std::uint16_t>());
    registers(test::SimpleFunction::kLength, what >> 8 & 31);
    registers(test::SimpleFunction::kData, ~std::uint64_t{0});
    registers(test::SimpleFunction::kGo, std::uint64_t{input_.take<std::uint32_t>()} << 32 | (what & 0x3f03));
  }
  void answer() {
    if (asked_.empty()) return;
    const auto how = input_.take<std::uint8_t>();
    const vu::Message& request = asked_[how % asked_.size()];
    vu::Message reply = make_reply(request);
    if ((how & 0x80) != 0) reply = make_error(request, how & 0x7f);
    if (const auto access = vu::decode_with_data<vu::DmaAccess>(request); access && (how & 0x40) == 0) {
      reply.append(access->head);
      if (request.command() == vu::Command::kDmaRead) {
        const std::vector<std::byte> bytes(access->head.count, std::byte{how});
        reply.append(std::span<const std::byte>(bytes));
      }
    }
    reply.append(input_.take_bytes((how & 0x20) != 0 ? how & 7 : 0));
    asked_.erase(asked_.begin() + how % static_cast<std::ptrdiff_t>(asked_.size()));
    send(std::move(reply));
  }
  void irqs() {
    vu::Message message = make_command(vu::Command::kDeviceSetIrqs, 4);
    const auto count = input_.take<std::uint8_t>() % 4;
    message.append(vu::IrqSet{20, input_.take<std::uint8_t>(), VFIO_PCI_MSIX_IRQ_INDEX,
                              input_.take<std::uint8_t>() % 24U, static_cast<std::uint32_t>(count)});
    message.append(input_.take_bytes(input_.take<std::uint8_t>() % 4));
    for (int i = input_.take<std::uint8_t>() % 4; i > 0; --i)
      message.fds.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    send(std::move(message));
  }
  /// Any command with any payload; a map of a file only of its middle.
  void any() {
    auto which = static_cast<vu::Command>(input_.take<std::uint8_t>() % 20);
    vu::Message message = make_command(which, input_.take<std::uint16_t>(), input_.take<std::uint8_t>() & 0x10);
    message.append(input_.take_bytes(input_.take<std::uint8_t>() % 48));
    if (input_.take<std::uint8_t>() % 8 == 0 && which != vu::Command::kDmaMap)
      message.fds.push_back(sealed_.descriptor());
    send(std::move(message));
  }

  test::Input input_;
  Shared sealed_{F_SEAL_SHRINK};
  Shared open_{0};
  FileDescriptor peer_;
  std::optional<vu::Connection> connection_;
  sw::serve::ClientMemory memory_;
  test::SimpleFunction function_;
  std::optional<sw::serve::ClientSession> session_;
  std::vector<vu::Message> asked_;
  bool alive_ = true;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Client(aperture::test::Input(data, size)).run();
  return 0;
}
