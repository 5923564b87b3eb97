// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace aperture::card::vfio_user {
namespace {

using Clock = std::chrono::steady_clock;

/// Posted writes that may wait for room in the socket.
constexpr std::size_t kMostPosted = 1U << 16;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const std::string& path, Windows& windows,
                                                std::chrono::milliseconds limit) {
  auto socket = connect_to(path);
  if (!socket) return std::unexpected(std::move(socket.error()));
  return over(std::move(*socket), path, windows, limit);
}

Result<std::unique_ptr<Client>> Client::over(FileDescriptor socket, const std::string& path, Windows& windows,
                                             std::chrono::milliseconds limit) {
  std::unique_ptr<Client> client(new Client(std::move(socket), path, windows, limit));
  Message hello = client->make(Command::kVersion);
  append_version(hello);
  const auto reply = client->call(std::move(hello));
  if (!reply && reply.error().number == EBUSY)
    return fail(Code::kInUse, EBUSY, fmt::format("socket {}: the card there has another client", path));
  if (!reply) return std::unexpected(reply.error());
  const auto theirs = parse_version(*reply);
  if (!theirs)
    return fail(theirs.error().code, theirs.error().number, fmt::format("socket {}: {}", path, theirs.error().what));
  client->server_ = *theirs;
  return client;
}

std::unexpected<Error> Client::die(const std::string& why) {
  if (!death_) {
    death_ = Error{Code::kCardDead, EIO, fmt::format("socket {}: {}", path_, why)};
    connection_ = Connection(FileDescriptor());
  }
  return std::unexpected(*death_);
}

Result<Message> Client::call(Message request) {
  if (death_) return std::unexpected(*death_);
  const std::uint16_t id = request.header.id;
  const Command command = request.command();
  const auto deadline = Clock::now() + limit_;
  connection_.queue(std::move(request));
  for (;;) {
    if (const auto sent = connection_.flush(); !sent) return die(sent.error().what);
    auto reply = receive(id);
    if (!reply) return std::unexpected(reply.error());
    if (*reply) {
      // Replies of ours that the server may wait for.
      if (const auto sent = connection_.flush(); !sent) return die(sent.error().what);
      if ((*reply)->command() != command) return die(fmt::format("a reply to {} came as another's", name(command)));
      const int number = (*reply)->error();
      if (number == 0) return std::move(**reply);
      return fail(number == EACCES || number == EPERM ? Code::kPermission : Code::kInvalid, number,
                  fmt::format("socket {}: {} was refused: {}", path_, name(command), std::strerror(number)));
    }
    const int patience = milliseconds_until(deadline);
    if (patience == 0) return die(fmt::format("{} was not answered within {} ms", name(command), limit_.count()));
    pollfd polled{connection_.fd(), connection_.events(), 0};
    ::poll(&polled, 1, patience);
  }
}

void Client::post(Message request) {
  if (death_) return;
  const auto deadline = Clock::now() + limit_;
  const Command command = request.command();
  connection_.queue(std::move(request));
  for (;;) {
    if (const auto sent = connection_.flush(); !sent) {
      (void)die(sent.error().what);
      return;
    }
    if (connection_.queued() <= kMostPosted) return;
    // The server may be waiting for us to take its requests.
    if (!receive(std::nullopt)) return;
    const int patience = milliseconds_until(deadline);
    if (patience == 0) {
      (void)die(fmt::format("{} was not taken within {} ms", name(command), limit_.count()));
      return;
    }
    pollfd polled{connection_.fd(), connection_.events(), 0};
    ::poll(&polled, 1, patience);
  }
}

void Client::wait(std::span<pollfd> others, std::chrono::microseconds patience) {
  std::vector<pollfd> polled(others.begin(), others.end());
  if (!death_) polled.push_back({connection_.fd(), connection_.events(), 0});
  const timespec limit{patience.count() / 1'000'000, patience.count() % 1'000'000 * 1000};
  for (pollfd& other : others) other.revents = 0;
  if (::ppoll(polled.data(), polled.size(), &limit, nullptr) <= 0) return;
  for (std::size_t i = 0; i < others.size(); ++i) others[i].revents = polled[i].revents;
  if (death_ || polled.back().revents == 0) return;
  if (!receive(std::nullopt)) return;
  if (const auto sent = connection_.flush(); !sent) (void)die(sent.error().what);
}

Result<std::optional<Message>> Client::receive(std::optional<std::uint16_t> awaited) {
  for (;;) {
    auto message = connection_.receive();
    if (!message) return die(message.error().what);
    if (!*message) return std::nullopt;
    if (!(*message)->is_reply()) {
      serve(**message);
    } else if (awaited == (*message)->header.id) {
      return message;
    } else {
      return die(fmt::format("a reply to {} came that nobody waits for", name((*message)->command())));
    }
  }
}

void Client::serve(const Message& request) {
  Message reply = make_error(request, ENOTSUP);
  const auto access = decode_with_data<DmaAccess>(request);
  const bool write = request.command() == Command::kDmaWrite;
  if (write || request.command() == Command::kDmaRead) {
    const std::size_t data = write && access ? access->head.count : 0;
    if (!access || !request.fds.empty() || access->data.size() != data || access->head.count > kMaxTransfer) {
      reply = make_error(request, EINVAL);
    } else if (write) {
      const int number = windows_.write(access->head.address, access->data);
      reply = number == 0 ? make_reply(request) : make_error(request, number);
      if (number == 0) reply.append(access->head);
    } else {
      std::vector<std::byte> bytes(access->head.count);
      const int number = windows_.read(access->head.address, bytes);
      reply = number == 0 ? make_reply(request) : make_error(request, number);
      if (number == 0) {
        reply.append(access->head);
        reply.append(std::span(bytes));
      }
    }
  }
  if (request.wants_reply()) connection_.queue(std::move(reply));
}

}  // namespace aperture::card::vfio_user
