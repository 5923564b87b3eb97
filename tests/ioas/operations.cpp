// SPDX-License-Identifier: Apache-2.0
#include "ioas/operations.hpp"

#include <ostream>

namespace aperture::ioas::test {
namespace {

template <typename T>
Answer answer(const Outcome<T>& outcome, std::uint64_t value = 0) {
  return outcome ? Answer{0, value} : Answer{outcome.error().number, 0};
}

IovaRange range_at(std::uint64_t first, std::uint64_t length) { return {{first}, {first + (length - 1)}}; }

std::vector<IovaRange> allowed(const Operation& o) {
  std::vector<IovaRange> result;
  if (o.ranges >= 1) result.push_back(range_at(o.iova, o.length));
  if (o.ranges >= 2) result.push_back(range_at(o.from_iova, o.length));
  return result;
}

rc::Gen<std::uint64_t> address() {
  const auto page = rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 64), [](std::uint64_t n) { return n * kPageSize; });
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{24, page},
       {2, rc::gen::inRange<std::uint64_t>(0, 64 * kPageSize)},
       {1, rc::gen::elementOf(std::vector<std::uint64_t>{kMax, kMax - 1, kMax - 0xfff, kMax - 0x1fff, kMax / 2})}});
}

rc::Gen<std::uint64_t> length() {
  const auto pages = rc::gen::map(rc::gen::inRange<std::uint64_t>(1, 9), [](std::uint64_t n) { return n * kPageSize; });
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{24, pages},
       {2, rc::gen::inRange<std::uint64_t>(0, 3 * kPageSize)},
       {1, rc::gen::elementOf(std::vector<std::uint64_t>{0, kMax, kMax - 1, kMax / 2})}});
}

rc::Gen<Operation> operation(unsigned devices) {
  using Kind = Operation::Kind;
  const auto memory = rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 200),
                                   [](std::uint64_t n) { return n % 8 == 7 ? n * 256 : n * kPageSize; });
  return rc::gen::build<Operation>(
      rc::gen::set(&Operation::kind, rc::gen::map(rc::gen::inRange<int>(0, static_cast<int>(Kind::kLast) + 1),
                                                  [](int kind) { return static_cast<Kind>(kind); })),
      rc::gen::set(&Operation::ioas, rc::gen::inRange(0U, Machine::kSpaces)),
      rc::gen::set(&Operation::other, rc::gen::inRange(0U, Machine::kSpaces)),
      rc::gen::set(&Operation::device, rc::gen::inRange(0U, devices)), rc::gen::set(&Operation::memory, memory),
      rc::gen::set(&Operation::iova, address()), rc::gen::set(&Operation::from_iova, address()),
      rc::gen::set(&Operation::length, length()),
      rc::gen::set(&Operation::prot,
                   rc::gen::weightedElement<Prot>(
                       {{1, Prot::kNone}, {4, Prot::kRead}, {2, Prot::kWrite}, {6, Prot::kReadWrite}})),
      rc::gen::set(&Operation::ranges, rc::gen::inRange(0U, 3U)),
      rc::gen::set(&Operation::flag));
}

}  // namespace

std::string_view name(Operation::Kind kind) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Operation::Kind::kLast) + 1> kNames{
      "map",     "map fixed", "copy",   "copy fixed", "unmap",  "allow",
      "reserve", "unreserve", "attach", "replace",    "detach", "huge pages"};
  return kNames.at(static_cast<std::size_t>(kind));
}

rc::Gen<std::vector<Operation>> operations(unsigned devices) {
  return rc::gen::container<std::vector<Operation>>(operation(devices));
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
