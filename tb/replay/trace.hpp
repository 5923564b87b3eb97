// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "formats/text_file.hpp"
#include "tb/replay/operation.hpp"

namespace aperture::tb::replay {

/// The lines of a trace file, plain or compressed by gzip. They stay text until they run, so that a million of them
/// take no more than the file does.
class Trace {
 public:
  using Line = formats::TextLine;

  /// Reads all of it and checks the form of every line. kEnvironment: the file cannot be read; kInvalid, naming line
  /// and JSON pointer: the form is wrong. Blank lines are left out.
  static Result<Trace> read(const std::filesystem::path& file);
  /// The same of text in memory; `name` is for errors.
  static Result<Trace> of(std::string text, std::string name);

  const std::vector<Line>& lines() const { return lines_; }
  /// "FILE:LINE".
  std::string place(const Line& line) const;
  /// The first line of each set of straps that the trace resets to.
  const std::vector<std::pair<Line, Straps>>& resets() const { return resets_; }

 private:
  Result<void> check();

  std::string name_;
  std::vector<char> text_;  ///< does not move its contents, as a short string would
  std::vector<Line> lines_;
  std::vector<std::pair<Line, Straps>> resets_;
};

}  // namespace aperture::tb::replay
