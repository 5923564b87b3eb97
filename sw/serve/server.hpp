// SPDX-License-Identifier: Apache-2.0
#pragma once

// A served function at a socket: one client after the other, until a signal ends it.

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "serve/client_session.hpp"

namespace aperture::sw::serve {

/// While it lives, SIGINT and SIGTERM can be polled for instead of ending the process.
class EndSignals {
 public:
  EndSignals();
  ~EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  /// Readable once one came.
  int fd() const { return fd_.get(); }

 private:
  sigset_t before_{};
  FileDescriptor fd_;
};

class Server {
 public:
  struct Options {
    std::string path;
    bool once{};  ///< ends with its first client
  };
  struct Events {
    std::function<void(const Summary&)> client_ended;
    ClientSession::Log log;
  };

  /// Listens. Errors as listen_at.
  static Result<Server> listen(Options options);
  ~Server();
  Server(Server&&) = default;
  Server& operator=(Server&&) = delete;

  /// Serves until `end` is readable, or the first client has gone if that was asked for. Sleeps while nobody wants
  /// anything. A client that comes while another is served is refused with EBUSY.
  void run(Function& function, ClientMemory& memory, int end, const Events& events);

 private:
  /// A client that is to hear that it comes too late: as the reply to its first message.
  struct Refused {
    card::vfio_user::Connection connection;
    ClientSession::Clock::time_point since;
  };

  Server(Options options, FileDescriptor socket) : options_(std::move(options)), socket_(std::move(socket)) {}
  /// Sleeps; then whether `end` was readable.
  bool sleep(const ClientSession* session, int end) const;
  std::optional<card::vfio_user::Connection> accept() const;
  void refuse(card::vfio_user::Connection connection);
  void answer_refused();

  Options options_;
  FileDescriptor socket_;
  std::vector<Refused> refused_;
};

}  // namespace aperture::sw::serve
