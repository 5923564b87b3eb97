// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <utility>

namespace aperture::card::vfio_user {
namespace {

/// Room for the most descriptors that Linux passes at once (SCM_MAX_FD), so that none is lost unseen.
constexpr std::size_t kMostFds = 253;

std::unexpected<Error> closed(std::string_view how) {
  return fail(Code::kCardDead, ECONNRESET, fmt::format("the other side {}", how));
}

std::unexpected<Error> broken(std::string_view what) {
  return fail(Code::kInvalid, EPROTO, fmt::format("the other side sent {}", what));
}

std::unexpected<Error> failed(const std::string& path, std::string_view what) {
  const int number = errno;
  return fail(number == EACCES || number == EPERM ? Code::kPermission : Code::kEnvironment, number,
              fmt::format("socket {}: {}: {}", path, what, std::strerror(number)));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, ENAMETOOLONG,
                fmt::format("socket {}: a path of 1 to {} characters is needed", path, sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<FileDescriptor> make_socket(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return failed(path, "no socket");
  return socket;
}

}  // namespace

short Connection::events() const { return outgoing_.empty() ? POLLIN : POLLIN | POLLOUT; }

void Connection::queue(Message message) {
  Outgoing out;
  out.bytes.resize(sizeof(Header) + message.payload.size());
  std::memcpy(out.bytes.data(), &message.header, sizeof(Header));
  if (!message.payload.empty())
    std::memcpy(out.bytes.data() + sizeof(Header), message.payload.data(), message.payload.size());
  out.fds = std::move(message.fds);
  queued_ += out.bytes.size();
  outgoing_.push_back(std::move(out));
}

Result<> Connection::flush() {
  while (!outgoing_.empty()) {
    Outgoing& out = outgoing_.front();
    iovec part{out.bytes.data() + out.sent, out.bytes.size() - out.sent};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!out.fds.empty()) {
      std::vector<int> numbers;
      for (const FileDescriptor& fd : out.fds) numbers.push_back(fd.get());
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(numbers.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(numbers.size() * sizeof(int));
      std::memcpy(CMSG_DATA(rights), numbers.data(), numbers.size() * sizeof(int));
    }
    const ssize_t sent = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
      if (errno == EINTR) continue;
      return closed(fmt::format("takes no more messages: {}", std::strerror(errno)));
    }
    out.fds.clear();
    out.sent += static_cast<std::size_t>(sent);
    queued_ -= static_cast<std::size_t>(sent);
    if (out.sent == out.bytes.size()) outgoing_.pop_front();
  }
  return {};
}

Result<std::size_t> Connection::read(std::byte* to, std::size_t size) {
  for (;;) {
    iovec part{to, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostFds * sizeof(int))> control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      return closed(fmt::format("is gone: {}", std::strerror(errno)));
    }
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      std::vector<int> numbers((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      if (!numbers.empty()) std::memcpy(numbers.data(), CMSG_DATA(c), numbers.size() * sizeof(int));
      for (const int number : numbers) incoming_.fds.emplace_back(number);
    }
    if ((header.msg_flags & MSG_CTRUNC) != 0) return broken("descriptors that this process has no room for");
    if (incoming_.fds.size() > kMaxFds)
      return broken(fmt::format("{} descriptors with one message", incoming_.fds.size()));
    if (got == 0) {
      if (received_ == 0) return closed("closed the connection");
      return broken("the front of a message and closed the connection");
    }
    return static_cast<std::size_t>(got);
  }
}

// Reads never reach beyond the end of a message, so that descriptors belong to the message that is being received.
Result<std::optional<Message>> Connection::receive() {
  while (received_ < sizeof(Header)) {
    const auto got = read(reinterpret_cast<std::byte*>(&incoming_.header) + received_, sizeof(Header) - received_);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return std::nullopt;
    received_ += *got;
    if (received_ < sizeof(Header)) continue;
    if (const std::string wrong = problem(incoming_.header); !wrong.empty()) {
      received_ = 0;
      return broken(wrong);
    }
    incoming_.payload.resize(incoming_.header.size - sizeof(Header));
  }
  while (received_ < incoming_.header.size) {
    const auto got = read(incoming_.payload.data() + (received_ - sizeof(Header)), incoming_.header.size - received_);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return std::nullopt;
    received_ += *got;
  }
  received_ = 0;
  return std::exchange(incoming_, Message{});
}

Result<FileDescriptor> connect_to(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  auto socket = make_socket(path);
  if (!socket) return socket;
  // Only where so many clients wait for being accepted that no more fit.
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket->get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return failed(path, "nobody serves a card there");
  return socket;
}

Result<FileDescriptor> listen_at(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) {
      errno = EEXIST;
      return failed(path, "there is a file that is not a socket");
    }
    if (connect_to(path)) {
      errno = EADDRINUSE;
      return failed(path, "another process listens there");
    }
    if (::unlink(path.c_str()) != 0) return failed(path, "the socket of an earlier process cannot be removed");
  }
  auto socket = make_socket(path);
  if (!socket) return socket;
  if (::bind(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return failed(path, "cannot be made");
  if (::fcntl(socket->get(), F_SETFL, O_NONBLOCK) != 0 || ::listen(socket->get(), 8) != 0)
    return failed(path, "cannot be listened on");
  return socket;
}

}  // namespace aperture::card::vfio_user
