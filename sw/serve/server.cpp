// SPDX-License-Identifier: Apache-2.0
#include "serve/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace aperture::sw::serve {

namespace vu = card::vfio_user;

namespace {

/// For the first message of a client that is refused.
constexpr std::chrono::seconds kRefusalLimit{2};
constexpr std::size_t kMostRefused = 8;

bool hung_up(int fd) {
  pollfd polled{fd, 0, 0};
  return ::poll(&polled, 1, 0) == 1 && (polled.revents & POLLHUP) != 0;
}

}  // namespace

EndSignals::EndSignals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  fd_ = FileDescriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

EndSignals::~EndSignals() {
  // What came and was polled for is not to end the process after all.
  signalfd_siginfo taken{};
  while (::read(fd_.get(), &taken, sizeof taken) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Result<Server> Server::listen(Options options) {
  auto socket = vu::listen_at(options.path);
  if (!socket) return std::unexpected(socket.error());
  return Server(std::move(options), std::move(*socket));
}

Server::~Server() {
  if (socket_) ::unlink(options_.path.c_str());
}

bool Server::sleep(const ClientSession* session, int end) const {
  std::vector<pollfd> polled{{end, POLLIN, 0}, {socket_.get(), POLLIN, 0}};
  if (session != nullptr) polled.push_back({session->fd(), session->events(), 0});
  for (const Refused& one : refused_) polled.push_back({one.connection.fd(), one.connection.events(), 0});
  int patience = session == nullptr ? -1 : session->patience();
  if (!refused_.empty() && patience < 0) patience = 1000;
  ::poll(polled.data(), polled.size(), patience);
  return polled[0].revents != 0;
}

std::optional<vu::Connection> Server::accept() const {
  FileDescriptor socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket) return vu::Connection(std::move(socket));
  // No descriptor left for who waits there: not a reason to ask again and again.
  if (errno == EMFILE || errno == ENFILE) ::poll(nullptr, 0, 100);
  return std::nullopt;
}

void Server::refuse(vu::Connection connection) {
  if (refused_.size() < kMostRefused) refused_.push_back({std::move(connection), ClientSession::Clock::now()});
}

void Server::answer_refused() {
  std::erase_if(refused_, [](Refused& one) {
    if (ClientSession::Clock::now() - one.since > kRefusalLimit) return true;
    auto message = one.connection.receive();
    if (!message) return true;
    if (!*message) return false;
    one.connection.queue(make_error(**message, EBUSY));
    (void)one.connection.flush();
    return true;
  });
}

void Server::run(Function& function, ClientMemory& memory, int end, const Events& events) {
  std::unique_ptr<ClientSession> session;
  std::optional<vu::Connection> next;
  while (!sleep(session.get(), end)) {
    if (!next) next = accept();
    answer_refused();
    if (session != nullptr && !session->step()) {
      events.client_ended(session->summary());
      session.reset();
      if (options_.once) return;
    }
    if (!next) continue;
    if (session == nullptr) {
      session = std::make_unique<ClientSession>(std::move(*next), function, memory, events.log);
    } else if (hung_up(session->fd())) {
      // The client before has gone already, and only its last messages are still to be read.
      continue;
    } else {
      events.log("a second client is refused: the card serves one at a time");
      refuse(std::move(*next));
    }
    next.reset();
  }
  if (session != nullptr) {
    Summary summary = session->summary();
    summary.end = "the server was ended";
    events.client_ended(summary);
  }
}

}  // namespace aperture::sw::serve
