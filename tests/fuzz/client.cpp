// SPDX-License-Identifier: Apache-2.0
// The client against a server that sends what the fuzzer found: it must not crash, hang, or touch memory outside of its
// windows.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "card/vfio_user/client.hpp"
#include "fuzz/input.hpp"

namespace {

using namespace aperture;
namespace vu = card::vfio_user;

void require(bool ok) {
  if (!ok) std::abort();
}

/// Sends all that the fuzzer found, as messages or raw, and hangs up.
void talk(FileDescriptor socket, test::Input input) {
  vu::Connection connection(std::move(socket));
  std::uint16_t id = 0;
  if (input.take<std::uint8_t>() % 8 != 0) {
    vu::Message hello = make_reply(make_command(vu::Command::kVersion, id++));
    append_version(hello);
    connection.queue(std::move(hello));
  }
  for (int turns = 0; !input.empty() && turns < 100; ++turns) {
    const auto what = input.take<std::uint8_t>();
    const auto which = static_cast<vu::Command>(input.take<std::uint8_t>() % 20);
    vu::Message message = make_command(which, id);
    if (what % 4 == 0) message = make_reply(make_command(which, id++));
    if (what % 4 == 1) {
      const bool write = (what & 0x80) != 0;
      message = make_command(write ? vu::Command::kDmaWrite : vu::Command::kDmaRead, input.take<std::uint16_t>());
      const std::uint64_t count = input.take<std::uint8_t>();
      message.append(vu::DmaAccess{vu::Windows::kSpace.first.value + input.take<std::uint16_t>() % 0x3000U, count});
      const std::array<std::byte, 256> bytes{};
      if (write) message.append(std::span<const std::byte>(bytes).first(count));
    }
    if (what % 4 == 2) message.append(input.take_bytes(what >> 2));
    if (what % 4 == 3) message.header.size = input.take<std::uint16_t>();
    connection.queue(std::move(message));
  }
  (void)connection.flush();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int fds[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
  FileDescriptor mine(fds[0]);
  talk(FileDescriptor(fds[1]), test::Input(data, size));
  vu::Windows windows;
  // Writes come with zeros: whatever is outside keeps its ones.
  std::array<std::byte, 3 * 4096> memory{};
  memory.fill(std::byte{0xff});
  require(windows.add(memory.data() + 4096, 4096, true, 4096).has_value());
  const auto client = vu::Client::over(std::move(mine), "fuzz", windows, std::chrono::milliseconds(200));
  if (client) {
    for (int i = 0; i < 10 && !(*client)->death(); ++i) {
      (void)(*client)->call((*client)->make(vu::Command::kDeviceReset));
      (void)(*client)->wait({}, std::chrono::microseconds(0));
    }
    require((*client)->death().has_value());
  }
  for (std::size_t i = 0; i < 4096; ++i)
    require(memory[i] == std::byte{0xff} && memory[2 * 4096 + i] == std::byte{0xff});
  return 0;
}
