// SPDX-License-Identifier: Apache-2.0
#include "tb/card/assertions.hpp"

#include <utility>

namespace aperture::tb {
namespace {

std::function<void(const std::string&)> the_owner;

}  // namespace

void tell_assertions_to(std::function<void(const std::string&)> owner) { the_owner = std::move(owner); }

void report_assertion(const std::string& text) {
  if (the_owner) the_owner(text);
}

}  // namespace aperture::tb

/// An assertion or $stop in the RTL; Verilator's own would end the program.
void vl_stop(const char* filename, int linenum, const char* hier) {
  aperture::tb::report_assertion(std::string("an RTL assertion failed at ") + filename + ":" + std::to_string(linenum) +
                                 " in " + hier);
}
