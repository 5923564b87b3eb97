// SPDX-License-Identifier: Apache-2.0
#include "vfio/location.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <sstream>

namespace aperture::vfio {
namespace {

std::string last_part(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string group_folder(unsigned group) { return fmt::format("/sys/kernel/iommu_groups/{}", group); }

std::uint16_t id_in(Kernel& kernel, const std::string& path) {
  const auto text = kernel.read_file(path);
  return text ? static_cast<std::uint16_t>(std::strtoul(text->c_str(), nullptr, 16)) : std::uint16_t{0};
}

bool hexadecimal(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// "01:00.0"
bool is_function(std::string_view text) {
  return text.size() == 7 && hexadecimal(text.substr(0, 2)) && text[2] == ':' && hexadecimal(text.substr(3, 2)) &&
         text[5] == '.' && text[6] >= '0' && text[6] <= '7';
}

/// "0000:"
bool is_domain(std::string_view text) {
  return text.size() >= 5 && text.size() <= 9 && hexadecimal(text.substr(0, text.size() - 1)) && text.back() == ':';
}

}  // namespace

Result<Location> locate(Kernel& kernel, std::string_view place) {
  std::string text(place);
  while (text.ends_with('/')) text.pop_back();
  text = last_part(text);
  const std::size_t head = text.size() - std::min<std::size_t>(text.size(), 7);
  const std::string domain = text.substr(0, head);
  if (!is_function(std::string_view(text).substr(head)) || !(domain.empty() || is_domain(domain)))
    return fail(Code::kInvalid, EINVAL,
                fmt::format("\"{}\" is neither a PCI address like 0000:01:00.0 nor a path in /sys that ends in one; "
                            "`lspci -D` lists the addresses",
                            place));
  Location location;
  location.address = domain.empty() ? "0000:" + text : text;
  for (char& c : location.address) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!kernel.read_file(location.sysfs() + "/vendor"))
    return fail(Code::kEnvironment, ENODEV,
                fmt::format("there is no PCI function {}; `lspci -D` lists those there are, `echo 1 > "
                            "/sys/bus/pci/rescan` looks for new ones",
                            location.address));
  location.vendor = id_in(kernel, location.sysfs() + "/vendor");
  location.device = id_in(kernel, location.sysfs() + "/device");
  if (const auto driver = kernel.read_link(location.sysfs() + "/driver")) location.driver = last_part(*driver);
  if (const auto group = kernel.read_link(location.sysfs() + "/iommu_group")) {
    const std::string number = last_part(*group);
    unsigned value{};
    if (std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc{}) location.group = value;
  }
  if (const auto names = kernel.list(location.sysfs() + "/vfio-dev"); names && !names->empty())
    location.cdev = names->front();
  return location;
}

std::vector<ReservedRegion> reserved_regions(Kernel& kernel, unsigned group) {
  std::vector<ReservedRegion> regions;
  std::istringstream lines(kernel.read_file(group_folder(group) + "/reserved_regions").value_or(""));
  std::string first;
  std::string last;
  std::string type;
  while (lines >> first >> last >> type)
    regions.push_back(
        {{{std::strtoull(first.c_str(), nullptr, 16)}, {std::strtoull(last.c_str(), nullptr, 16)}}, type});
  return regions;
}

std::vector<std::string> group_members(Kernel& kernel, unsigned group) {
  return kernel.list(group_folder(group) + "/devices").value_or(std::vector<std::string>{});
}

}  // namespace aperture::vfio
