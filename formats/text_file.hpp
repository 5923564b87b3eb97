// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace aperture::formats {

/// All of a file, plain or compressed by gzip. kEnvironment: it cannot be read, or its compressed data is broken.
Result<std::vector<char>> read_text(const std::filesystem::path& file);

struct TextLine {
  std::size_t number;  ///< from 1, as editors count
  std::string_view text;
};

/// The lines of a text that are not blank.
std::vector<TextLine> lines_of(std::string_view text);

}  // namespace aperture::formats
