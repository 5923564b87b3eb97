// SPDX-License-Identifier: Apache-2.0
#include "ioas/operations.hpp"

#include <ostream>
#include <utility>

namespace aperture::ioas::test {
namespace {

template <typename T>
Answer answer(const Outcome<T>& outcome, std::uint64_t value = 0) {
  return outcome ? Answer{0, value} : Answer{outcome.error().number, 0};
}

IovaRange range_at(std::uint64_t first, std::uint64_t length) { return {{first}, {first + (length - 1)}}; }

rc::Gen<std::uint64_t> multiples(std::uint64_t of, std::uint64_t first, std::uint64_t end) {
  return rc::gen::map(rc::gen::inRange<std::uint64_t>(first, end), [of](std::uint64_t n) { return n * of; });
}

rc::Gen<std::uint64_t> address() {
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{24, multiples(kPageSize, 0, 64)},
       {3, multiples(0x200, 0, 0x100)},
       {2, rc::gen::inRange<std::uint64_t>(0, 64 * kPageSize)},
       {1, rc::gen::elementOf(std::vector<std::uint64_t>{kMax, kMax - 1, kMax - 0xfff, kMax - 0x1fff, kMax / 2})}});
}

rc::Gen<std::uint64_t> length() {
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{24, multiples(kPageSize, 1, 9)},
       {3, multiples(0x200, 1, 0x18)},
       {8, multiples(0x800, 1, 4)},
       {2, rc::gen::inRange<std::uint64_t>(0, 3 * kPageSize)},
       {1, rc::gen::inRange<std::uint64_t>(0, 4)},
       {1, rc::gen::elementOf(std::vector<std::uint64_t>{0x180000, 0x200000, 0x400000, kMax, kMax - 1, kMax / 2})}});
}

rc::Gen<std::uint64_t> memory() {
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{12, multiples(kPageSize, 0, 200)}, {2, multiples(0x100, 0, 200)}, {1, multiples(0x10, 0, 0x400)}});
}

rc::Gen<Operation> operation(unsigned devices) {
  using Kind = Operation::Kind;
  return rc::gen::build<Operation>(
      rc::gen::set(&Operation::kind, rc::gen::weightedElement<Kind>({{4, Kind::kMap},
                                                                     {5, Kind::kMapFixed},
                                                                     {3, Kind::kCopy},
                                                                     {3, Kind::kCopyFixed},
                                                                     {3, Kind::kUnmap},
                                                                     {1, Kind::kAllow},
                                                                     {1, Kind::kReserve},
                                                                     {2, Kind::kUnreserve},
                                                                     {4, Kind::kAttach},
                                                                     {3, Kind::kReplace},
                                                                     {2, Kind::kDetach},
                                                                     {1, Kind::kHugePages}})),
      rc::gen::set(&Operation::ioas, rc::gen::inRange(0U, Machine::kSpaces)),
      rc::gen::set(&Operation::other, rc::gen::inRange(0U, Machine::kSpaces)),
      rc::gen::set(&Operation::device, rc::gen::inRange(0U, devices)), rc::gen::set(&Operation::memory, memory()),
      rc::gen::set(&Operation::iova, address()), rc::gen::set(&Operation::from_iova, address()),
      rc::gen::set(&Operation::length, length()),
      rc::gen::set(&Operation::prot,
                   rc::gen::weightedElement<Prot>(
                       {{1, Prot::kNone}, {8, Prot::kRead}, {4, Prot::kWrite}, {12, Prot::kReadWrite}})),
      rc::gen::set(&Operation::ranges, rc::gen::inRange(0U, 3U)), rc::gen::set(&Operation::flag));
}

bool places(const Operation& o) {
  return o.kind == Operation::Kind::kMapFixed || o.kind == Operation::Kind::kCopyFixed;
}

/// Rounds all numbers down to multiples of `unit`; with 0, packs them into a few bytes of one page instead.
void scale(Operation& o, std::uint64_t unit) {
  for (std::uint64_t* number : {&o.memory, &o.iova, &o.from_iova, &o.length}) {
    *number = unit == 0 ? *number / kPageSize % 16 : *number & ~(unit - 1);
  }
  if (unit != 0) return;
  o.iova += 2 * kPageSize;
  o.from_iova += 2 * kPageSize;
  o.length %= 5;
}

/// Makes `o` one about what `earlier` has made. Whether there is such a thing.
bool follow_up(Operation& o, const Operation& earlier) {
  using Kind = Operation::Kind;
  switch (o.kind) {
    case Kind::kMapFixed:
      if (earlier.kind != Kind::kMapFixed || !o.flag) return false;
      o.ioas = earlier.ioas;
      o.iova = earlier.iova + earlier.length;
      return true;
    case Kind::kCopy:
    case Kind::kCopyFixed:
      if (earlier.kind != Kind::kMapFixed) return false;
      o.other = earlier.ioas;
      o.from_iova = earlier.iova;
      if (o.ranges == 1) o.length = earlier.length;
      if (o.ranges == 2 && o.flag) {  // and what lies before it
        o.from_iova -= o.length;
        o.length += earlier.length;
      }
      return true;
    case Kind::kUnmap:
    case Kind::kUnreserve:
      if (o.kind == Kind::kUnmap ? !places(earlier) : earlier.kind != Kind::kReserve) return false;
      o.ioas = earlier.ioas;
      o.iova = earlier.iova;
      o.length = earlier.length;
      return true;
    case Kind::kReplace:
    case Kind::kDetach:
      if (earlier.kind != Kind::kAttach) return false;
      o.device = earlier.device;
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<IovaRange> allowed(const Operation& o) {
  std::vector<IovaRange> result;
  if (o.ranges >= 1) result.push_back(range_at(o.iova, o.length));
  if (o.ranges >= 2) result.push_back(range_at(o.from_iova, o.length));
  return result;
}

std::string_view name(Operation::Kind kind) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Operation::Kind::kLast) + 1> kNames{
      "map",     "map fixed", "copy",   "copy fixed", "unmap",  "allow",
      "reserve", "unreserve", "attach", "replace",    "detach", "huge pages"};
  return kNames.at(static_cast<std::size_t>(kind));
}

rc::Gen<std::vector<Operation>> operations(unsigned devices) {
  // How many such things back what a call follows up lies; beyond the first: it follows up nothing.
  using Linked = std::pair<Operation, std::size_t>;
  const auto distance =
      rc::gen::weightedElement<std::size_t>({{6, 0}, {3, 1}, {2, 2}, {1, 3}, {1, 5}, {4, std::size_t{1} << 20}});
  const auto linked = rc::gen::container<std::vector<Linked>>(rc::gen::pair(operation(devices), distance));
  const auto join = [](const std::vector<Linked>& list, std::uint64_t unit) {
    std::vector<Operation> result;
    for (const auto& [made, far] : list) {
      Operation next = made;
      scale(next, unit);
      if (next.kind == Operation::Kind::kUnmap && next.prot == Prot::kNone) {
        next.iova = 0;
        next.length = kMax;
        result.push_back(next);
        continue;
      }
      std::size_t left = far;
      for (auto earlier = result.rbegin(); earlier != result.rend(); ++earlier) {
        Operation following = next;
        if (!follow_up(following, *earlier) || left-- > 0) continue;
        next = following;
        break;
      }
      result.push_back(next);
    }
    return result;
  };
  return rc::gen::apply(join, linked,
                        rc::gen::weightedElement<std::uint64_t>({{4, kPageSize}, {2, 0x800}, {2, 1}, {1, 0}}));
}

std::ostream& operator<<(std::ostream& out, const Operation& o) {
  using Kind = Operation::Kind;
  static constexpr std::array kProts{"no access", "read", "write", "read and write"};
  const auto hex = [&out](const char* what, std::uint64_t number) -> std::ostream& {
    return out << ' ' << what << " 0x" << std::hex << number << std::dec;
  };
  out << name(o.kind);
  switch (o.kind) {
    case Kind::kMap:
    case Kind::kMapFixed:
    case Kind::kCopy:
    case Kind::kCopyFixed:
      if (o.kind == Kind::kMap || o.kind == Kind::kMapFixed) {
        hex("memory", o.memory);
      } else {
        hex("from", o.from_iova) << " of ioas " << o.other;
      }
      hex("length", o.length) << ", " << kProts.at(static_cast<std::size_t>(o.prot)) << ", to ioas " << o.ioas;
      if (o.kind == Kind::kMapFixed || o.kind == Kind::kCopyFixed) hex("at", o.iova);
      return out;
    case Kind::kUnmap:
    case Kind::kReserve:
    case Kind::kUnreserve:
      return hex("at", o.iova), hex("length", o.length) << ", ioas " << o.ioas;
    case Kind::kAllow:
      if (o.ranges >= 1) hex("at", o.iova);
      if (o.ranges >= 2) hex("and", o.from_iova);
      return o.ranges == 0 ? out << " everything, ioas " << o.ioas : hex("length", o.length) << ", ioas " << o.ioas;
    case Kind::kAttach:
    case Kind::kReplace:
      return out << " device " << o.device << ", ioas " << o.ioas;
    case Kind::kDetach:
      return out << " device " << o.device;
    case Kind::kHugePages:
      return out << (o.flag ? " on" : " off") << ", ioas " << o.ioas;
  }
  return out;
}

std::ostream& operator<<(std::ostream& out, const Answer& a) {
  return out << "errno " << a.number << std::hex << " value 0x" << a.value << std::dec;
}

Machine::Machine(Platform& platform, std::vector<Device*> devices, std::byte* memory)
    : platform_(platform), devices_(std::move(devices)), memory_(memory) {
  for (auto& space : spaces_) space = std::make_unique<Ioas>(platform_);
}

Answer Machine::play(const Operation& o) {
  using Kind = Operation::Kind;
  Ioas& ioas = space(o.ioas);
  const IovaRange range = range_at(o.iova, o.length);
  std::optional<Iova> fixed;
  if (o.kind == Kind::kMapFixed || o.kind == Kind::kCopyFixed) fixed = Iova{o.iova};
  switch (o.kind) {
    case Kind::kMap:
    case Kind::kMapFixed: {
      const auto iova = ioas.map(memory_ + o.memory, o.length, o.prot, fixed);
      return answer(iova, iova ? iova->value : 0);
    }
    case Kind::kCopy:
    case Kind::kCopyFixed: {
      const auto iova = ioas.copy(space(o.other), {o.from_iova}, o.length, o.prot, fixed);
      return answer(iova, iova ? iova->value : 0);
    }
    case Kind::kUnmap: {
      const auto length = ioas.unmap({o.iova}, o.length);
      return answer(length, length.value_or(0));
    }
    case Kind::kAllow:
      return answer(ioas.allow(allowed(o)));
    case Kind::kReserve:
      return answer(ioas.reserve(range));
    case Kind::kUnreserve:
      return answer(ioas.unreserve(range));
    case Kind::kAttach:
      return answer(ioas.attach(*devices_.at(o.device)));
    case Kind::kReplace:
      return answer(ioas.replace(*devices_.at(o.device)));
    case Kind::kDetach:
      return answer(Ioas::detach(platform_, *devices_.at(o.device)));
    case Kind::kHugePages:
      return answer(ioas.set_huge_pages(o.flag));
  }
  return {};
}

}  // namespace aperture::ioas::test
