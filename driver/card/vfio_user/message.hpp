// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages of the protocol in memory: made from structs, taken apart into structs. A struct is only ever read from a
// payload of exactly its length, or from the front of one whose rest is data.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "card/vfio_user/protocol.hpp"

namespace aperture::card::vfio_user {

struct Message {
  Header header{};
  std::vector<std::byte> payload;
  std::vector<FileDescriptor> fds;

  Command command() const { return static_cast<Command>(header.command); }
  bool is_reply() const { return (header.flags & kTypeMask) == kTypeReply; }
  bool wants_reply() const { return (header.flags & kNoReply) == 0; }
  /// errno of an error reply, 0 of another.
  int error() const;

  template <typename T>
  void append(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    append(std::as_bytes(std::span(&value, 1)));
  }
  void append(std::span<const std::byte> bytes);
  void append(std::span<std::byte> bytes) { append(std::span<const std::byte>(bytes)); }
};

/// A command without payload yet.
Message make_command(Command command, std::uint16_t id, std::uint32_t flags = 0);
/// The reply to `request`, without payload yet.
Message make_reply(const Message& request);
/// The reply that says only that `request` failed.
Message make_error(const Message& request, int number);

/// What is wrong with a header, as a sentence; empty: nothing. `size` may be longer than anything has been received.
std::string problem(const Header& header);

/// The payload as a T. EINVAL: another length.
template <typename T>
Result<T> decode(const Message& message);

/// The payload's front as a T, and the data behind it. EINVAL: too short.
template <typename T>
struct WithData {
  T head;
  std::span<const std::byte> data;  ///< of the message, which must outlive it
};
template <typename T>
Result<WithData<T>> decode_with_data(const Message& message);

// Implementation of the templates.

Error wrong_length(const Message& message, std::size_t wanted);

template <typename T>
Result<WithData<T>> decode_with_data(const Message& message) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (message.payload.size() < sizeof(T)) return std::unexpected(wrong_length(message, sizeof(T)));
  WithData<T> result{};
  std::memcpy(&result.head, message.payload.data(), sizeof(T));
  result.data = std::span(message.payload).subspan(sizeof(T));
  return result;
}

template <typename T>
Result<T> decode(const Message& message) {
  auto split = decode_with_data<T>(message);
  if (!split) return std::unexpected(split.error());
  if (!split->data.empty()) return std::unexpected(wrong_length(message, sizeof(T)));
  return split->head;
}

}  // namespace aperture::card::vfio_user
