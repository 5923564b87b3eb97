// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "command.hpp"

namespace aperture::sw {

/// The command line makes no sense; the message names the option.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// --help was given: the message is the help.
class HelpWanted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What every command takes.
struct CommonOptions {
  std::string card;
  std::uint64_t seed{};
  bool json{};
};

/// Parses the arguments of command `name`: the common options, and the command's own ones in `own`, of which those
/// named in `positional` may stand without a name. Throws UsageError or HelpWanted.
CommonOptions parse(const char* name, const Arguments& arguments,
                    const boost::program_options::options_description& own,
                    const boost::program_options::positional_options_description& positional,
                    boost::program_options::variables_map& values);

/// Decimal or 0x-hexadecimal, nothing else. Throws UsageError, which names `option`.
std::uint64_t parse_number(const std::string& option, const std::string& text);

}  // namespace aperture::sw
