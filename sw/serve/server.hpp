// SPDX-License-Identifier: Apache-2.0
#pragma once

// Functions at sockets: at each one client after the other, until a signal ends them all.

#include <poll.h>

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <span>
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

/// One socket and the function there.
class Server {
 public:
  struct Events {
    std::function<void(const Summary&)> client_ended;
    ClientSession::Log log;
  };

  /// Listens. Errors as listen_at.
  static Result<Server> listen(std::string path);
  ~Server();
  Server(Server&&) = default;
  Server& operator=(Server&&) = delete;

  /// What is there from now on; both outlive run().
  void offer(Function& function, ClientMemory& memory, Events events);

  /// Serves at all of them until `end` is readable or, with `once`, a client has gone. Sleeps while nobody wants
  /// anything. A client that comes while another is served at the same socket is refused with EBUSY.
  static void run(std::span<Server* const> servers, int end, bool once);

 private:
  /// A client that is to hear that it comes too late: as the reply to its first message.
  struct Refused {
    card::vfio_user::Connection connection;
    ClientSession::Clock::time_point since;
  };
  struct Offer {
    Function& function;
    ClientMemory& memory;
    Events events;
  };

  Server(std::string path, FileDescriptor socket) : path_(std::move(path)), socket_(std::move(socket)) {}
  void add_polled(std::vector<pollfd>& polled) const;
  /// Milliseconds until step() is wanted without an event, as for poll(2).
  int patience() const;
  /// Whether a client has gone.
  bool step();
  /// Ends the client that is served, and tells of it.
  void finish();
  std::optional<card::vfio_user::Connection> accept() const;
  void refuse(card::vfio_user::Connection connection);
  void answer_refused();

  std::string path_;
  FileDescriptor socket_;
  std::optional<Offer> offer_;
  std::unique_ptr<ClientSession> session_;
  std::optional<card::vfio_user::Connection> next_;
  std::vector<Refused> refused_;
};

}  // namespace aperture::sw::serve
