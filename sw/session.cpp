// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/core.h>

#include "card/registry.hpp"

namespace aperture::sw {

namespace {

Exit exit_for(Code code) {
  switch (code) {
    case Code::kNoMemory:
    case Code::kPermission:
    case Code::kCardDead:
    case Code::kEnvironment:
      return Exit::kEnvironment;
    default:
      return Exit::kCheckFailed;
  }
}

std::string announcement(const Json& section) {
  return fmt::format("aperture {}, seed {}, card {}\n", section.at("command").get<std::string>(),
                     section.at("seed").get<std::uint64_t>(), section.at("card").get<std::string>());
}

}  // namespace

std::unique_ptr<card::Card> open_card(const CommonOptions& options, CardKeys keys) {
  const auto parsed = card::registry().parse(options.card);
  if (!parsed) {
    throw UsageError("option '--card': " + parsed.error().what);
  }
  keys.emplace_back("seed", std::to_string(options.seed));
  auto opened = card::open(options.card, keys);
  if (opened) {
    return std::move(*opened);
  }
  const Error& error = opened.error();
  if (error.code == Code::kInvalid) {
    throw UsageError("option '--card': " + error.what);
  }
  throw Failure(Exit::kEnvironment, error.what);
}

Failure::Failure(const Error& error) : Failure(exit_for(error.code), error.what) {}

Session::Session(const CommonOptions& options, const CardKeys& keys)
    : options_(options), card_(open_card(options, keys)), identity_(take(card::identify(*card_))) {}

void Session::bring_up() {
  iommu_ = take(riscv::Iommu::bring_up(*card_));
  platform_ = std::make_unique<ioas::Platform>();
}

ioas::Device& Session::add_device(const std::string& name, std::uint32_t device_id, unsigned dma_bits) {
  riscv::DeviceOptions options;
  options.name = name;
  options.device_id = device_id;
  options.dma_mask = ~std::uint64_t{0} >> (64 - dma_bits);
  devices_.push_back(take(iommu_->make_device(options)));
  return *devices_.back();
}

void Session::announce(Output& output, const char* command) const {
  output.section("run", {{"command", command}, {"seed", options_.seed}, {"card", card_->description()}}, announcement);
}

}  // namespace aperture::sw
