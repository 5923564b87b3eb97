// SPDX-License-Identifier: Apache-2.0
#pragma once

// The client's side of a connection: requests and their replies, and the server's own requests for memory, which are
// served whenever something is waited for. Once the connection fails it is dead for good, and says of what.

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "card/vfio_user/connection.hpp"
#include "card/vfio_user/version.hpp"
#include "card/vfio_user/windows.hpp"

namespace aperture::card::vfio_user {

class Client {
 public:
  /// For one reply. A server that simulates a card answers a register access within milliseconds.
  static constexpr std::chrono::milliseconds kLimit{30'000};

  /// Connects and agrees on the version. `windows` is the memory that the server may ask for. Errors as connect_to;
  /// EBUSY: the server has another client; otherwise as `call`.
  static Result<std::unique_ptr<Client>> connect(const std::string& path, Windows& windows,
                                                 std::chrono::milliseconds limit = kLimit);

  /// The same over a socket that is connected already; `path` names it in errors.
  static Result<std::unique_ptr<Client>> over(FileDescriptor socket, const std::string& path, Windows& windows,
                                              std::chrono::milliseconds limit = kLimit);

  /// Sends a request and gives its reply. Blocks, at most for the time limit. EIO (kCardDead): the connection is or
  /// becomes dead. An error reply is an error with its errno.
  Result<Message> call(Message request);
  /// Sends a request that has no reply, without waiting for room longer than the time limit. Later requests are served
  /// after it. Does nothing on a dead connection.
  void post(Message request);
  /// Until one of `others` is ready (their revents are set), something was served, or `patience` is over.
  void wait(std::span<pollfd> others, std::chrono::microseconds patience);

  Message make(Command command, std::uint32_t flags = 0) { return make_command(command, next_id_++, flags); }

  const Capabilities& server() const { return server_; }
  /// Why the connection is dead; none while it lives.
  const std::optional<Error>& death() const { return death_; }

 private:
  Client(FileDescriptor socket, const std::string& path, Windows& windows, std::chrono::milliseconds limit)
      : connection_(std::move(socket)), path_(path), windows_(windows), limit_(limit) {}

  std::unexpected<Error> die(const std::string& why);
  /// Takes all that has arrived: serves, and keeps the reply to `awaited`.
  Result<std::optional<Message>> receive(std::optional<std::uint16_t> awaited);
  void serve(const Message& request);

  Connection connection_;
  std::string path_;
  Windows& windows_;
  std::chrono::milliseconds limit_;
  Capabilities server_;
  std::uint16_t next_id_ = 0;
  std::optional<Error> death_;
};

}  // namespace aperture::card::vfio_user
