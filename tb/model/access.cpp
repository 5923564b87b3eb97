// SPDX-License-Identifier: Apache-2.0
// Untranslated and translated accesses of devices, translated and made. RISC-V IOMMU, chapter "Data Structures",
// section "Process to translate an IOVA", and chapter "Hardware guidelines", section "Aborting transactions".
//
// Decided here: a read of poisoned memory by a device is answered with an error, as the bus has no other way to say so.
// A write that touches a byte that memory refuses writes nothing.
#include "tb/model/model.hpp"

namespace aperture::tb::model {

Result<AccessResult> Model::access(const DeviceAccess& access) {
  if (access.type == AccessType::kAts) return fail(Code::kInvalid, EINVAL, "an ATS request is no access");
  if (access.exec && access.write) return fail(Code::kInvalid, EINVAL, "an access cannot both execute and write");
  if (access.length == 0 || access.iova % kPageSize + access.length > kPageSize) {
    return fail(Code::kInvalid, EINVAL, "an access has at least one byte and does not cross 4 KiB");
  }
  if (access.data && access.data->size() != access.length) {
    return fail(Code::kInvalid, EINVAL, "the data of an access has its length");
  }
  Request request{.device_id = access.device_id,
                  .process_id = access.process_id,
                  .privileged = access.privileged && access.process_id,
                  .type = access.type,
                  .iova = access.iova};
  // A translated request asks for execution only with a process id.
  if (access.exec && (access.type == AccessType::kUntranslated || access.process_id)) {
    request.original = Original::kExecute;
    request.wanted.x = true;
  } else if (access.write) {
    request.original = Original::kWrite;
    request.wanted.w = true;
  } else {
    request.wanted.r = true;
  }
  count(access.type == AccessType::kTranslated ? Event::kTranslated : Event::kUntranslated,
        {.device_id = access.device_id, .process_id = access.process_id});
  const Outcome<Translation> translation = translate(request);
  if (!translation) {
    report(translation.error(), request);
    return AccessResult{};
  }
  if (translation->msi == AccessResult::Msi::kMrif) return access_mrif(access, *translation, request);
  return access_memory(access, *translation);
}

AccessResult Model::access_memory(const DeviceAccess& access, const Translation& translation) {
  AccessResult result{.ok = true, .pa = translation.pa, .pbmt = translation.pbmt, .msi = translation.msi};
  if (access.write) {
    const std::vector<std::byte> nothing(access.length);
    const auto data = std::span<const std::byte>(access.data ? *access.data : nothing);
    result.memory_error = memory_.card_write(result.pa, data, 0) != MemoryAnswer::kOk;
    if (!result.memory_error && access.data) memory_.write(result.pa, data);
    return result;
  }
  result.data.resize(access.length);
  const MemoryAnswer answer = memory_.card_read(result.pa, result.data);
  result.memory_error = answer != MemoryAnswer::kOk;
  if (result.memory_error) result.data.clear();
  return result;
}

}  // namespace aperture::tb::model
