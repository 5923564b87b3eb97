// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace aperture::sw::windows {

/// Names come from users: '?' for what moves a cursor or is no UTF-8.
std::string clean(const std::string& text);

/// `text`, clean, as text of XML or HTML or between quotes there.
std::string escaped(const std::string& text);

/// Characters, of which each is taken for one column.
std::size_t columns(const std::string& text);

/// The lines of `text`, broken between words (long words within), each `width` columns at most.
std::vector<std::string> wrapped(const std::string& text, std::size_t width);

}  // namespace aperture::sw::windows
