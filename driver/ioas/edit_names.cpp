// SPDX-License-Identifier: Apache-2.0
#include "ioas/edit_names.hpp"

#include <algorithm>

namespace aperture::ioas {
namespace {

struct Subject {
  std::string operator()(const MapEdit&) const { return "map"; }
  std::string operator()(const CopyEdit&) const { return "copy"; }
  std::string operator()(const CloneEdit&) const { return "clone"; }
  std::string operator()(const UnmapEdit&) const { return "unmap"; }
  std::string operator()(const AttachEdit& e) const { return (e.guest ? "nest " : "attach ") + e.device->name(); }
  std::string operator()(const DetachEdit& e) const { return "detach " + e.device->name(); }
  std::string operator()(const MakeDomainEdit& e) const { return "make a domain for " + e.device->name(); }
  std::string operator()(const DropDomainEdit&) const { return "drop a domain"; }
  std::string operator()(const RequireEdit&) const { return "require"; }
  std::string operator()(const ResizeEdit& e) const { return "resize \"" + e.window + "\""; }
  std::string operator()(const BindEdit& e) const { return "bind \"" + e.window + "\""; }
  std::string operator()(const ReleaseEdit& e) const { return "release \"" + e.window + "\""; }
  std::string operator()(const AllowEdit&) const { return "allow"; }
  std::string operator()(const ReserveEdit&) const { return "reserve"; }
  std::string operator()(const UnreserveEdit&) const { return "unreserve"; }
  std::string operator()(const HugePagesEdit&) const { return "huge pages"; }
  std::string operator()(const FreezeEdit&) const { return "freeze"; }
  std::string operator()(const DirtyTrackingEdit&) const { return "dirty tracking"; }
  std::string operator()(const ProjectEdit&) const { return "project"; }
  std::string operator()(const UnprojectEdit&) const { return "unproject"; }
};

}  // namespace

std::string subject_of(const Edit& edit) { return std::visit(Subject{}, edit); }

std::array<Ioas*, 2> named(const Platform& platform, const std::list<Link>& links, const Edit& edit) {
  return std::visit(
      [&](const auto& e) -> std::array<Ioas*, 2> {
        if constexpr (requires { e.in; }) {
          return {e.in, nullptr};
        } else if constexpr (requires { e.projection; }) {
          const auto link = std::ranges::find(links, e.projection, &Link::id);
          return link == links.end() ? std::array<Ioas*, 2>{} : std::array{link->to, link->from};
        } else if constexpr (requires { e.generation; }) {
          return {e.to, platform.attached_to(*e.device, e.process)};
        } else if constexpr (requires {
                               e.to;
                               e.from;
                             }) {
          return {e.to, e.from};
        } else if constexpr (requires { e.to; }) {
          return {e.to, nullptr};
        } else if constexpr (requires { e.from; }) {
          return {e.from, nullptr};
        } else {
          return {platform.attached_to(*e.device, e.process), nullptr};
        }
      },
      edit);
}

}  // namespace aperture::ioas
