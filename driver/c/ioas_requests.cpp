// SPDX-License-Identifier: Apache-2.0
// Requests on address spaces. The order of checks is Linux's.
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.hpp"
#include "c/requests.hpp"
#include "ioas/range_set.hpp"
#include "ioas/text.hpp"

namespace aperture::c {
namespace {

using ioas::kMax;

constexpr std::uint32_t kMapFlags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE;

ioas::Prot prot_of(std::uint32_t flags) {
  return static_cast<ioas::Prot>(((flags & IOMMU_IOAS_MAP_READABLE) != 0 ? 1U : 0U) |
                                 ((flags & IOMMU_IOAS_MAP_WRITEABLE) != 0 ? 2U : 0U));
}

std::optional<Iova> wanted(std::uint32_t flags, std::uint64_t iova) {
  if ((flags & IOMMU_IOAS_MAP_FIXED_IOVA) == 0) return {};
  return Iova{iova};
}

/// What all three kinds of map check before they look at any object.
int check_map(std::uint32_t flags, std::uint32_t reserved, std::uint64_t iova, std::uint64_t length) {
  if ((flags & ~kMapFlags) != 0) return unknown_bits("flags");
  if (reserved != 0) return unknown_bits("a reserved field");
  if (iova == kMax || length == kMax) return refuse(EOVERFLOW, "the IOVA or the length is out of range");
  if (prot_of(flags) == ioas::Prot::kNone) return refuse(EINVAL, "neither READABLE nor WRITEABLE is set");
  return 0;
}

/// A file in memory, mapped for as long as anything is mapped from it.
struct MappedFile {
  MappedFile() = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (memory != MAP_FAILED) ::munmap(memory, size);
  }
  FileDescriptor file;
  void* memory{MAP_FAILED};
  std::size_t size{};
};

/// Its bytes from `start` on, `length` of them, at `out`. 0, or an errno.
int map_file(const iommu_ioas_map_file& request, MappedFile& mapped, std::byte*& out) {
  struct stat status {};
  struct statfs system {};
  mapped.file = FileDescriptor(::fcntl(request.fd, F_DUPFD_CLOEXEC, 0));
  if (!mapped.file) return refuse(errno, "file descriptor " + std::to_string(request.fd) + " cannot be used");
  if (::fstat(request.fd, &status) != 0 || ::fstatfs(request.fd, &system) != 0) {
    return refuse(EINVAL, "nothing is known about file descriptor " + std::to_string(request.fd));
  }
  if (system.f_type != TMPFS_MAGIC && static_cast<std::uint64_t>(system.f_type) != HUGETLBFS_MAGIC) {
    return refuse(EINVAL, "the file is not in shared memory (memfd, tmpfs, hugetlbfs)");
  }
  const auto end = static_cast<std::uint64_t>(status.st_size);
  if (request.length == 0) return refuse(EINVAL, "the length is 0");
  if (request.start > end || request.length > end - request.start) {
    return refuse(EINVAL, "the range passes the end of the file, which has " + std::to_string(end) + " bytes");
  }
  const auto block = static_cast<std::uint64_t>(status.st_blksize);
  const std::uint64_t head = request.start % block;
  mapped.size = (head + request.length + block - 1) / block * block;
  const bool writes = (request.flags & IOMMU_IOAS_MAP_WRITEABLE) != 0;
  mapped.memory = ::mmap(nullptr, mapped.size, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, request.fd,
                         static_cast<off_t>(request.start - head));
  if (mapped.memory == MAP_FAILED) return refuse(errno, std::string("the file cannot be mapped: ") + strerror(errno));
  out = static_cast<std::byte*>(mapped.memory) + head;
  return 0;
}

/// Whether the program may set limits of others, which Linux asks for here.
bool may_set_limits() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective & CAP_TO_MASK(CAP_SYS_RESOURCE)) != 0;
}

int rlimit_mode(aperture_context& context, iommu_option& request) {
  if (request.object_id != 0) return unknown_bits("object_id");
  if (request.op == IOMMU_OPTION_OP_GET) {
    request.val64 = context.process_accounting ? 1 : 0;
    return 0;
  }
  if (request.op != IOMMU_OPTION_OP_SET) return unknown_bits("op");
  if (!may_set_limits()) return refuse(EPERM, "RLIMIT_MODE needs CAP_SYS_RESOURCE");
  const std::lock_guard lock(context.mutex);
  if (!context.objects.empty()) return refuse(EBUSY, "RLIMIT_MODE can be set only before there is an object");
  if (request.val64 > 1) return refuse(EINVAL, "the value is neither 0 nor 1");
  context.process_accounting = request.val64 == 1;
  return 0;
}

int huge_pages(ioas::Ioas& space, iommu_option& request) {
  if (request.op == IOMMU_OPTION_OP_GET) {
    request.val64 = space.huge_pages() ? 1 : 0;
    return 0;
  }
  if (request.op != IOMMU_OPTION_OP_SET) return unknown_bits("op");
  if (request.val64 > 1) return refuse(EINVAL, "the value is neither 0 nor 1");
  const auto set = space.set_huge_pages(request.val64 == 1);
  return set ? 0 : refuse(set.error());
}

}  // namespace

int read_ranges(std::uint64_t address, std::uint32_t count, bool proper, std::vector<IovaRange>& out) {
  ioas::RangeSet seen;
  for (std::uint32_t i = 0; i < count; ++i) {
    iommu_iova_range entry{};
    if (!read_caller(&entry, address + i * sizeof entry, sizeof entry)) {
      return refuse(EFAULT, "range " + std::to_string(i) + " cannot be read");
    }
    const IovaRange range{{entry.start}, {entry.last}};
    if (entry.start > entry.last || (proper && entry.start == entry.last)) {
      return refuse(EINVAL, "range " + std::to_string(i) + " is empty or the wrong way round");
    }
    if (seen.overlaps(range)) return refuse(EINVAL, "range " + std::to_string(i) + " overlaps one before it");
    seen.add(range);
    out.push_back(range);
  }
  return 0;
}

int serve(Call& call, iommu_ioas_alloc& request) {
  if (request.flags != 0) return unknown_bits("flags");
  const std::lock_guard lock(call.context.mutex);
  auto space = std::make_shared<ioas::Ioas>(call.context.platform);
  request.out_ioas_id = call.context.objects.add(IoasObject{std::move(space)});
  const int told = call.respond(&request, sizeof request);
  if (told != 0) call.context.objects.remove(request.out_ioas_id);
  return told;
}

int serve(Call& call, iommu_ioas_iova_ranges& request) {
  if (request.__reserved != 0) return unknown_bits("a reserved field");
  const auto space = call.context.find_ioas(request.ioas_id);
  if (!space) return no_object("IOAS", request.ioas_id);
  const ioas::Ranges now = space->ranges();
  const std::uint32_t room = request.num_iovas;
  std::vector<iommu_iova_range> list;
  for (const IovaRange& range : now.ranges) {
    if (list.size() < room) list.push_back({range.first.value, range.last.value});
  }
  if (!write_caller(request.allowed_iovas, list.data(), list.size() * sizeof list[0])) {
    return refuse(EFAULT, "allowed_iovas cannot be written");
  }
  request.num_iovas = static_cast<std::uint32_t>(now.ranges.size());
  request.out_iova_alignment = now.alignment;
  if (const int told = call.respond(&request, sizeof request)) return told;
  if (now.ranges.size() <= room) return 0;
  return refuse(EMSGSIZE,
                "there are " + std::to_string(now.ranges.size()) + " ranges, and room for " + std::to_string(room));
}

int serve(Call& call, iommu_ioas_allow_iovas& request) {
  if (request.__reserved != 0) return unknown_bits("a reserved field");
  const auto space = call.context.find_ioas(request.ioas_id);
  if (!space) return no_object("IOAS", request.ioas_id);
  std::vector<IovaRange> ranges;
  if (const int bad = read_ranges(request.allowed_iovas, request.num_iovas, true, ranges)) return bad;
  const auto allowed = space->allow(std::move(ranges));
  return allowed ? 0 : refuse(allowed.error());
}

int serve(Call& call, iommu_ioas_map& request) {
  if (const int bad = check_map(request.flags, request.__reserved, request.iova, request.length)) return bad;
  const auto space = call.context.find_ioas(request.ioas_id);
  if (!space) return no_object("IOAS", request.ioas_id);
  auto* const memory = reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(request.user_va));
  const auto mapped = space->map(memory, request.length, prot_of(request.flags), wanted(request.flags, request.iova));
  if (!mapped) return refuse(mapped.error());
  request.iova = mapped->value;
  return call.respond(&request, sizeof request);
}

int serve(Call& call, iommu_ioas_map_file& request) {
  if (const int bad = check_map(request.flags, 0, request.iova, request.length)) return bad;
  const auto space = call.context.find_ioas(request.ioas_id);
  if (!space) return no_object("IOAS", request.ioas_id);
  const auto file = std::make_shared<MappedFile>();
  std::byte* memory{};
  if (const int bad = map_file(request, *file, memory)) return bad;
  const ioas::FileSpan span{std::shared_ptr<const FileDescriptor>(file, &file->file), request.start};
  const auto mapped =
      space->map(memory, request.length, prot_of(request.flags), wanted(request.flags, request.iova), span);
  if (!mapped) return refuse(mapped.error());
  request.iova = mapped->value;
  return call.respond(&request, sizeof request);
}

int serve(Call& call, iommu_ioas_copy& request) {
  if (const int bad = check_map(request.flags, 0, request.dst_iova, request.length)) return bad;
  const auto from = call.context.find_ioas(request.src_ioas_id);
  if (!from) return no_object("IOAS", request.src_ioas_id);
  const auto to = call.context.find_ioas(request.dst_ioas_id);
  if (!to) {
    // Linux has looked at the source by now.
    if (request.length == 0) return refuse(EINVAL, "the length is 0");
    if (request.src_iova > kMax - (request.length - 1)) return refuse(EOVERFLOW, "the source passes the end");
    return no_object("IOAS", request.dst_ioas_id);
  }
  const auto copied = to->copy(*from, {request.src_iova}, request.length, prot_of(request.flags),
                               wanted(request.flags, request.dst_iova));
  if (!copied) return refuse(copied.error());
  request.dst_iova = copied->value;
  return call.respond(&request, sizeof request);
}

int serve(Call& call, iommu_ioas_unmap& request) {
  const auto space = call.context.find_ioas(request.ioas_id);
  if (!space) return no_object("IOAS", request.ioas_id);
  const auto unmapped = space->unmap({request.iova}, request.length);
  if (!unmapped) return refuse(unmapped.error());
  request.length = *unmapped;
  return call.respond(&request, sizeof request);
}

int serve(Call& call, iommu_option& request) {
  if (request.__reserved != 0) return unknown_bits("a reserved field");
  int done = 0;
  if (request.option_id == IOMMU_OPTION_RLIMIT_MODE) {
    done = rlimit_mode(call.context, request);
  } else if (request.option_id == IOMMU_OPTION_HUGE_PAGES) {
    const auto space = call.context.find_ioas(request.object_id);
    if (!space) return no_object("IOAS", request.object_id);
    done = huge_pages(*space, request);
  } else {
    done = unknown_bits("option_id");
  }
  if (done != 0) return done;
  return call.respond(&request, sizeof request);
}

}  // namespace aperture::c
