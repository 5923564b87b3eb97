// SPDX-License-Identifier: Apache-2.0
#include "run/dma.hpp"

#include <fmt/format.h>

#include <array>

#include "run/steps.hpp"

namespace aperture::sw::run {
namespace {

using ioas::Outcome;
using regs::DmaOp;
using regs::DmaStatus;

constexpr std::array<std::pair<std::string_view, DmaOp>, 6> kOps{{{"copy", DmaOp::kCopy},
                                                                  {"fill", DmaOp::kFill},
                                                                  {"generate", DmaOp::kGenerate},
                                                                  {"check", DmaOp::kCheck},
                                                                  {"crc", DmaOp::kCrc},
                                                                  {"stray", DmaOp::kStray}}};
constexpr std::uint64_t kStrayBytes = 8;

dma::Job job_of(const Arguments& step) {
  dma::Job job;
  const std::string kind = step.text("kind");
  for (const auto& [name, op] : kOps) {
    if (name == kind) job.op = op;
  }
  job.source = {step.number("src")};
  job.destination = {step.number("dst")};
  job.length = step.number("length");
  job.pattern = step.number("pattern");
  if (job.op == DmaOp::kStray) {
    job.stray_read = !step.has("dst");
    job.length = step.number("length", kStrayBytes);
  }
  return job;
}

int errno_of(DmaStatus status) {
  switch (status) {
    case DmaStatus::kOk:
      return 0;
    case DmaStatus::kReadError:
    case DmaStatus::kWriteError:
    case DmaStatus::kTranslationRefused:
    case DmaStatus::kPageRefused:
      return EFAULT;
    case DmaStatus::kBadDescriptor:
      return EINVAL;
    default:
      return EIO;
  }
}

Outcome<Json> run(World& world, const Arguments& step) {
  DeviceEntry& device = world.device(step.text("device"));
  if (device.spec.home == Home::kHost) {
    return std::unexpected(refusal(Code::kUnsupported, EOPNOTSUPP,
                                   fmt::format("this program does not drive device {}", device.spec.name)));
  }
  const auto run = device.memory != nullptr ? run_in_memory : run_on_card;
  const auto end = run(world, device, job_of(step), step.process());
  if (!end) return std::unexpected(refusal(end.error()));
  Json result{{"errno", errno_name(errno_of(end->completion.status))},
              {"done", end->completion.ok()},
              {"bytes", end->completion.bytes},
              {"crc", end->completion.crc},
              {"cycles", end->completion.cycles}};
  if (end->fault) {
    result["fault"] = {{"cause", end->fault->cause}, {"iova", end->fault->iova}, {"write", end->fault->write}};
  }
  return result;
}

constexpr std::array kSteps{PlainStep{"dma", run}};

}  // namespace

std::span<const PlainStep> dma_steps() { return kSteps; }

}  // namespace aperture::sw::run
