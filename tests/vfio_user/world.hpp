// SPDX-License-Identifier: Apache-2.0
#pragma once

// A served simple function at one end of a socket pair, and at the other a client that may send what it likes. Both run
// in the test's own thread: the server makes its steps when the client waits.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "card/vfio_user/connection.hpp"
#include "card/vfio_user/version.hpp"
#include "serve/client_session.hpp"
#include "vfio_user/simple_function.hpp"

namespace aperture::test {

namespace vu = card::vfio_user;
using sw::serve::Answer;

/// Shared memory of `size` bytes; `seals`: for fcntl(F_ADD_SEALS).
FileDescriptor shared_memory(std::uint64_t size, int seals);
/// A count of 0, not blocking.
FileDescriptor event();
/// The count since the last call.
std::uint64_t events_of(const FileDescriptor& event);
/// Both ends.
std::pair<FileDescriptor, FileDescriptor> socket_pair();

class Served : public testing::Test {
 protected:
  explicit Served(const sw::serve::Layout& layout = sw::serve::kCardLayout);

  vu::Message command(vu::Command which) { return make_command(which, next_id++); }
  template <typename T>
  vu::Message command(vu::Command which, const T& payload) {
    vu::Message message = command(which);
    message.append(payload);
    return message;
  }
  /// Sends bytes that need not be a message.
  void send_raw(const void* bytes, std::size_t size) const;
  void send(vu::Message message);
  /// The next message from the server, after as many of its steps as it takes; none: nothing comes, or it is gone.
  std::optional<vu::Message> receive();
  /// The reply; what the server asks for meanwhile is kept in `asked`.
  vu::Message exchange(vu::Message request);
  /// Steps while there is something to do.
  void settle();
  /// errno of the reply.
  int error_of(vu::Message request) { return exchange(std::move(request)).error(); }

  /// VERSION and COMMAND.memory, bus master.
  void start();
  void write_config(std::uint64_t offset, std::uint16_t value);
  std::uint64_t read_config(std::uint64_t offset, unsigned size);
  vu::Message read_request(std::uint32_t region, std::uint64_t offset, std::uint32_t size);
  vu::Message write_request(std::uint32_t region, std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  std::uint64_t read_bar(std::uint32_t bar, std::uint64_t offset, unsigned size = 8);
  void write_bar(std::uint32_t bar, std::uint64_t offset, std::uint64_t value, unsigned size = 8);
  /// DMA_MAP; without a file if `file` is none. errno.
  int map(std::uint64_t address, std::uint64_t size, const FileDescriptor& file = {}, std::uint64_t offset = 0,
          std::uint32_t flags = vu::DmaMap::kRead | vu::DmaMap::kWrite);
  int unmap(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0);
  /// SET_IRQS of MSI-X. errno.
  int set_irqs(std::uint32_t flags, std::uint32_t start, std::uint32_t count, std::vector<FileDescriptor> fds = {});

  /// Lets the function write 8 bytes, or read them.
  void dma_write(std::uint64_t address, std::uint64_t value, std::optional<unsigned> vector = {});
  void dma_read(std::uint64_t address);

  sw::serve::ClientMemory memory;
  SimpleFunction function;
  std::vector<std::string> lines;  ///< that the server logged
  std::optional<sw::serve::ClientSession> session;
  std::optional<vu::Connection> peer;
  std::vector<vu::Message> asked;
  bool alive = true;
  std::uint16_t next_id = 1;
};

}  // namespace aperture::test
