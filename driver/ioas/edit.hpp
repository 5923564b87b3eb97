// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ioas/cause.hpp"
#include "ioas/device.hpp"
#include "ioas/nesting.hpp"
#include "ioas/pages.hpp"
#include "ioas/prot.hpp"
#include "ioas/window.hpp"

namespace aperture::ioas {

class Ioas;

// One edit of a change. Contracts are at the Ioas function of the same name.

struct MapEdit {
  Ioas* to{};
  std::byte* memory{};
  std::uint64_t length{};
  std::optional<Iova> iova;
  Prot prot{};
  std::optional<FileSpan> file;
};

struct CopyEdit {
  Ioas* from{};
  Iova from_iova;
  std::uint64_t length{};
  Ioas* to{};
  std::optional<Iova> iova;
  Prot prot{};
};

/// Copies the areas, windows, allow list and user reservations of `from`.
struct CloneEdit {
  Ioas* from{};
  Ioas* to{};
  std::vector<IovaRange> ranges;  ///< only what lies in here; empty: all
  std::uint64_t rebase{};         ///< added to every IOVA, modulo 2^64
  std::optional<Prot> prot;       ///< instead of each area's own
};

struct UnmapEdit {
  Ioas* from{};
  Iova iova;
  std::uint64_t length{};
};

struct AttachEdit {
  Ioas* to{};
  Device* device{};
  ProcessId process;
  std::optional<std::uint64_t> generation;  ///< ESTALE unless it is the current one
  bool replace_only{};                      ///< EINVAL unless attached
  std::optional<GuestTable> guest{};        ///< nests: only for the device's own address space
  std::optional<std::uint64_t> domain{};    ///< this one of the IOAS's; none: the IOAS chooses
};

struct MakeDomainEdit {
  Ioas* in{};
  Device* device{};
  bool dirty_tracking{};
};

struct DropDomainEdit {
  Ioas* in{};
  std::uint64_t domain{};
};

struct DetachEdit {
  Device* device{};
  ProcessId process;
};

struct RequireEdit {
  Ioas* in{};
  std::vector<Window> windows;
};

struct ResizeEdit {
  Ioas* in{};
  std::string window;
  std::uint64_t size{};
  std::optional<std::uint64_t> granule;
};

struct BindEdit {
  Ioas* in{};
  std::string window;
};

struct ReleaseEdit {
  Ioas* in{};
  std::string window;
  bool drop_maps{};
};

struct AllowEdit {
  Ioas* in{};
  std::vector<IovaRange> ranges;
};

struct ReserveEdit {
  Ioas* in{};
  IovaRange range;
  Cause cause{Cause::kUser};
};

struct UnreserveEdit {
  Ioas* in{};
  IovaRange range;
  std::optional<Cause> cause{};  ///< only one for that; none: the oldest
};

struct HugePagesEdit {
  Ioas* in{};
  bool enable{};
};

struct FreezeEdit {
  Ioas* in{};
};

struct DirtyTrackingEdit {
  Ioas* in{};
  bool enable{};
  std::optional<std::uint64_t> domain{};  ///< only this one; none: all
};

/// From now on `to` follows what `from` maps in `range`, at `at`.
struct ProjectEdit {
  Ioas* from{};
  IovaRange range;
  Ioas* to{};
  Iova at;
};

/// Ends a projection and removes from the follower what it brought.
struct UnprojectEdit {
  std::uint64_t projection{};
  bool must_exist{};  ///< ENOENT if it is over already; else that is no error
};

using Edit = std::variant<MapEdit, CopyEdit, CloneEdit, UnmapEdit, AttachEdit, DetachEdit, MakeDomainEdit,
                          DropDomainEdit, RequireEdit, ResizeEdit, BindEdit, ReleaseEdit, AllowEdit, ReserveEdit,
                          UnreserveEdit, HugePagesEdit, FreezeEdit, DirtyTrackingEdit, ProjectEdit, UnprojectEdit>;

/// What an edit came to.
struct Effect {
  Iova iova;               ///< map, copy: where
  std::uint64_t length{};  ///< unmap, release: bytes unmapped
  bool hitless{true};      ///< attach: see PreparedAttach::commit
  std::string format;      ///< attach: the domain's
  unsigned levels{};
  std::uint64_t domain{};             ///< attach, make domain: which of the IOAS's
  std::vector<PlacedWindow> windows;  ///< require, resize, bind: as placed
  std::uint64_t projection{};         ///< project: its number
};

}  // namespace aperture::ioas
