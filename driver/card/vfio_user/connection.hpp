// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages over a stream socket. Nothing here blocks: who uses a connection polls it for `events()`.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "card/vfio_user/message.hpp"

namespace aperture::card::vfio_user {

class Connection {
 public:
  explicit Connection(FileDescriptor socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  /// What to poll for: POLLIN, and POLLOUT while something is queued.
  short events() const;

  /// Behind what is queued already; `flush` sends it.
  void queue(Message message);
  /// Bytes queued and not sent.
  std::size_t queued() const { return queued_; }
  /// Sends what the socket takes. ECONNRESET: the other side is gone.
  Result<> flush();

  /// The next message; none: not all of it has arrived. ECONNRESET: the other side closed the socket between two
  /// messages. EPROTO: it did so within one, a header makes no sense, or too many descriptors came; nothing more can be
  /// received then.
  Result<std::optional<Message>> receive();

 private:
  struct Outgoing {
    std::vector<std::byte> bytes;
    std::vector<FileDescriptor> fds;
    std::size_t sent = 0;
  };

  /// Receives up to `size` bytes to `to`: how many came, 0 for none now.
  Result<std::size_t> read(std::byte* to, std::size_t size);

  FileDescriptor socket_;
  std::deque<Outgoing> outgoing_;
  std::size_t queued_ = 0;
  Message incoming_;
  std::size_t received_ = 0;  ///< bytes of incoming_, header included
};

/// A listening socket, which does not block, at `path`. A socket file that nobody listens on any more is replaced.
/// EADDRINUSE: somebody does; ENAMETOOLONG, EACCES, ENOENT, EEXIST (another kind of file) and so on name the path.
Result<FileDescriptor> listen_at(const std::string& path);
/// A socket connected to who listens at `path`. ENOENT, ECONNREFUSED and so on name the path.
Result<FileDescriptor> connect_to(const std::string& path);

}  // namespace aperture::card::vfio_user
