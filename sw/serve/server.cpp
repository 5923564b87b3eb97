// SPDX-License-Identifier: Apache-2.0
#include "serve/server.hpp"

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

/// Of two time limits of poll(2), where -1 is none.
int sooner(int a, int b) { return a < 0 ? b : b < 0 ? a : std::min(a, b); }

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

Result<Server> Server::listen(std::string path) {
  auto socket = vu::listen_at(path);
  if (!socket) return std::unexpected(socket.error());
  return Server(std::move(path), std::move(*socket));
}

Server::~Server() {
  if (socket_) ::unlink(path_.c_str());
}

void Server::offer(Function& function, ClientMemory& memory, Events events) {
  offer_.emplace(Offer{function, memory, std::move(events)});
}

void Server::add_polled(std::vector<pollfd>& polled) const {
  polled.push_back({socket_.get(), POLLIN, 0});
  if (session_ != nullptr) polled.push_back({session_->fd(), session_->events(), 0});
  for (const Refused& one : refused_) polled.push_back({one.connection.fd(), one.connection.events(), 0});
}

int Server::patience() const {
  return sooner(session_ == nullptr ? -1 : session_->patience(), refused_.empty() ? -1 : 1000);
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

bool Server::step() {
  if (!next_) next_ = accept();
  answer_refused();
  bool gone = false;
  if (session_ != nullptr && !session_->step()) {
    offer_->events.client_ended(session_->summary());
    session_.reset();
    gone = true;
  }
  if (!next_) return gone;
  if (session_ == nullptr) {
    session_ = std::make_unique<ClientSession>(std::move(*next_), offer_->function, offer_->memory, offer_->events.log);
  } else if (hung_up(session_->fd())) {
    // The client before has gone already, and only its last messages are still to be read.
    return gone;
  } else {
    offer_->events.log("a second client is refused: the card serves one at a time");
    refuse(std::move(*next_));
  }
  next_.reset();
  return gone;
}

void Server::finish() {
  if (session_ == nullptr) return;
  Summary summary = session_->summary();
  summary.end = "the server was ended";
  offer_->events.client_ended(summary);
  session_.reset();
}

void Server::run(std::span<Server* const> servers, int end, bool once) {
  for (bool gone = false; !(gone && once);) {
    std::vector<pollfd> polled{{end, POLLIN, 0}};
    int patience = -1;
    for (const Server* server : servers) {
      server->add_polled(polled);
      patience = sooner(patience, server->patience());
    }
    ::poll(polled.data(), polled.size(), patience);
    if (polled[0].revents != 0) break;
    for (Server* server : servers) gone = server->step() || gone;
  }
  for (Server* server : servers) server->finish();
}

}  // namespace aperture::sw::serve
