// SPDX-License-Identifier: Apache-2.0
// memory, write, read, pins.
#include <array>

#include "run/steps.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;

constexpr std::array<const char*, 3> kBackings{"anon", "hugetlb", "file"};

Backing backing_of(const Arguments& step) {
  const std::string text = step.text("backing");
  return text == "hugetlb" ? Backing::kHugetlb : text == "file" ? Backing::kFile : Backing::kAnon;
}

template <typename T>
Outcome<T> told(Result<T> result) {
  if (!result) return std::unexpected(refusal(std::move(result.error())));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

Outcome<> fill(World& world, const Arguments& step, Memory& memory) {
  const Json* how = step.find("fill");
  if (how == nullptr) return {};
  const Arguments fill(*how);
  if (!fill.has("file")) return told(memory.fill(fill.bytes("hex")));
  return told(memory.fill(world.scenario().folder / fill.text("file")));
}

Outcome<Json> make(World& world, const Arguments& step) {
  auto memory = told(Memory::make({step.number("size"), step.number("align", Memory::kHuge), backing_of(step)}));
  if (!memory) return std::unexpected(std::move(memory.error()));
  if (auto done = fill(world, step, **memory); !done) return std::unexpected(std::move(done.error()));
  if (step.flag("readonly")) (*memory)->protect();
  const Json result{{"backing", kBackings[static_cast<std::size_t>((*memory)->backing())]}};
  if (auto done = world.add_memory(step.text("name"), std::move(*memory)); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return result;
}

Outcome<Json> write(World& world, const Arguments& step) {
  auto memory = world.memory(step.text("memory"));
  if (!memory) return std::unexpected(std::move(memory.error()));
  auto done = told((*memory)->write(step.number("offset"), step.bytes("data")));
  if (!done) return std::unexpected(std::move(done.error()));
  return Json::object();
}

Outcome<Json> read(World& world, const Arguments& step) {
  auto memory = world.memory(step.text("memory"));
  if (!memory) return std::unexpected(std::move(memory.error()));
  auto bytes = told((*memory)->read(step.number("offset"), step.number("length")));
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  return Json{{"data", formats::hex_bytes(*bytes)}};
}

Outcome<Json> pins(World& world, const Arguments& step) {
  auto memory = world.memory(step.text("memory"));
  if (!memory) return std::unexpected(std::move(memory.error()));
  const World::Pins pins = world.pins(**memory);
  return Json{{"pinned", pins.bytes}, {"references", pins.areas}};
}

constexpr std::array kSteps{PlainStep{"memory", make}, PlainStep{"write", write}, PlainStep{"read", read},
                            PlainStep{"pins", pins}};

}  // namespace

std::span<const PlainStep> memory_steps() { return kSteps; }

}  // namespace aperture::sw::run
