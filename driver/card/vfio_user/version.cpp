// SPDX-License-Identifier: Apache-2.0
#include "card/vfio_user/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace aperture::card::vfio_user {
namespace {

using nlohmann::json;

/// Far more than any side says.
constexpr std::size_t kLongestText = 4096;

Result<std::uint64_t> number(const json& capabilities, const char* key, std::uint64_t otherwise, std::uint64_t least) {
  const auto found = capabilities.find(key);
  if (found == capabilities.end()) return otherwise;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() < least)
    return fail(Code::kInvalid, EINVAL, fmt::format("VERSION: {} is not a number from {} on", key, least));
  return found->get<std::uint64_t>();
}

}  // namespace

void append_version(Message& message, std::size_t limit) {
  const json text = {{"capabilities",
                      {{"max_msg_fds", kOwnCapabilities.max_msg_fds},
                       {"max_data_xfer_size", kOwnCapabilities.max_data_xfer_size},
                       {"pgsizes", 4096}}}};
  message.append(Version{kMajor, kMinor});
  std::string written = text.dump();
  if (message.payload.size() + written.size() + 1 > limit) return;
  message.append(std::as_bytes(std::span(written.c_str(), written.size() + 1)));
}

Result<Capabilities> parse_version(const Message& message) {
  const auto split = decode_with_data<Version>(message);
  if (!split) return std::unexpected(split.error());
  if (split->head.major != kMajor)
    return fail(Code::kUnsupported, EPROTONOSUPPORT,
                fmt::format("VERSION: the other side speaks {}.{}, this one {}.{}", split->head.major,
                            split->head.minor, kMajor, kMinor));
  Capabilities result;
  if (split->data.empty()) return result;
  const std::string_view text(reinterpret_cast<const char*>(split->data.data()), split->data.size());
  if (text.size() > kLongestText || text.find('\0') != text.size() - 1)
    return fail(
        Code::kInvalid, EINVAL,
        fmt::format("VERSION: the text behind the numbers does not end in its only NUL, or has more than {} bytes",
                    kLongestText));
  const json document = json::parse(text.substr(0, text.size() - 1), nullptr, false);
  if (!document.is_object()) return fail(Code::kInvalid, EINVAL, "VERSION: the text is not a JSON object");
  const auto capabilities = document.find("capabilities");
  if (capabilities == document.end()) return result;
  if (!capabilities->is_object()) return fail(Code::kInvalid, EINVAL, "VERSION: capabilities is not a JSON object");
  const auto fds = number(*capabilities, "max_msg_fds", result.max_msg_fds, 0);
  if (!fds) return std::unexpected(fds.error());
  // A side that takes less than one access of 8 bytes cannot be worked with.
  const auto bytes = number(*capabilities, "max_data_xfer_size", result.max_data_xfer_size, 8);
  if (!bytes) return std::unexpected(bytes.error());
  result.max_msg_fds = std::min<std::uint64_t>(*fds, kMaxFds);
  result.max_data_xfer_size = std::min(*bytes, kMaxTransfer);
  return result;
}

}  // namespace aperture::card::vfio_user
