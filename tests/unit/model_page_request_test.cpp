// SPDX-License-Identifier: Apache-2.0
// RISC-V IOMMU, sections "PCIe ATS Page Request handling" and "Page-Request-Queue".
#include "unit/model_bench.hpp"

namespace aperture::tb::test {
namespace {

constexpr unsigned kSuccess = 0, kInvalid = 1, kFailure = 15;
constexpr std::uint64_t kLast = bit(2);

class ModelPageRequest : public ModelTest {
 protected:
  ModelPageRequest() {
    enable_fault_queue();
    configure({.tc = kEnAts | kEnPri});
  }
  std::optional<unsigned> request(std::uint64_t payload, std::optional<std::uint32_t> process_id = std::nullopt) {
    auto result = model.page_request(
        {.device_id = kDevice, .process_id = process_id, .privileged = true, .exec = true, .payload = payload});
    EXPECT_TRUE(result);
    return result.value_or(std::nullopt);
  }
};

TEST_F(ModelPageRequest, IsQueuedAsItCame) {
  enable_page_requests();
  EXPECT_EQ(request(0x5000 | 3), std::nullopt);
  EXPECT_EQ(request(0x6000 | kLast | 1, 0x12345), std::nullopt);
  EXPECT_EQ(read32(68), 2U);
  EXPECT_EQ(peek(kPq), std::uint64_t{kDevice} << 40) << "PRIV and EXEC are 0 without a PASID";
  EXPECT_EQ(peek(kPq + 8), 0x5003U);
  EXPECT_EQ(peek(kPq + 16), std::uint64_t{kDevice} << 40 | 7ULL << 32 | 0x12345ULL << 12);
  EXPECT_EQ(peek(kPq + 24), 0x6005U);
  EXPECT_TRUE(model.messages().group_responses.empty());
}

TEST_F(ModelPageRequest, WithoutPriItIsAnInvalidRequest) {
  put(kDevice, {.tc = kEnAts});
  EXPECT_EQ(request(0x5000 | 0x1a8 | kLast | 1, 7), kInvalid);
  const Record r = record();
  EXPECT_EQ(r.cause, 260U);
  EXPECT_EQ(r.ttyp, 9U);
  EXPECT_EQ(r.iotval, 4U);
  EXPECT_EQ(r.pid, 7U);
  const auto responses = model.messages().group_responses;
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].device_id, kDevice);
  EXPECT_EQ(responses[0].process_id, std::nullopt);
  EXPECT_EQ(responses[0].payload, std::uint64_t{0x1a8 >> 3} << 32 | std::uint64_t{kInvalid} << 44);
}

TEST_F(ModelPageRequest, ARecordWithoutAProcessIdIsNotPrivileged) {
  put(kDevice, {.tc = kEnAts});
  request(kLast | 1);
  EXPECT_FALSE(record().priv);
}

TEST_F(ModelPageRequest, OffAndFaultsOfTheDirectoryAreResponseFailures) {
  put(kDevice, {.tc = bit(12)});
  EXPECT_EQ(request(kLast | 1, 7), kFailure);
  EXPECT_EQ(record().cause, 259U);
  write64(16, 0);
  EXPECT_EQ(request(kLast | 1, 7), kFailure);
  EXPECT_EQ(record().cause, 256U);
  EXPECT_EQ(model.messages().group_responses.back().process_id, 7U) << "a PASID whatever PRPR says";
  write64(16, 1);
  EXPECT_EQ(request(kLast | 1), kInvalid);
  EXPECT_EQ(record().cause, 260U);
}

TEST_F(ModelPageRequest, AQueueThatIsOffAnswersFailureWithoutARecord) {
  EXPECT_EQ(request(kLast | 1), kFailure);
  EXPECT_TRUE(records().empty());
}

TEST_F(ModelPageRequest, AFullQueueOverflowsAndAnswersSuccess) {
  put(kDevice, {.tc = kEnAts | kEnPri | kPrpr});
  enable_page_requests(false, 1);
  EXPECT_EQ(request(kLast | 1), std::nullopt);
  EXPECT_EQ(request(kLast | 1, 9), kSuccess);
  EXPECT_EQ(read32(80), 0x10201U);
  EXPECT_EQ(model.messages().group_responses.back().process_id, 9U) << "PRPR";
  write32(64, 1);
  EXPECT_EQ(request(kLast | 1), kSuccess) << "until pqof is cleared";
  write32(80, 0x201);
  EXPECT_EQ(request(kLast | 1), std::nullopt);
}

TEST_F(ModelPageRequest, AMemoryFaultIsAResponseFailure) {
  enable_page_requests();
  model.set_fault(kPq, 1, MemoryFault::kError);
  EXPECT_EQ(request(kLast | 1), kFailure);
  EXPECT_EQ(read32(80), 0x10101U);
  EXPECT_EQ(read32(68), 0U);
  EXPECT_TRUE(records().empty());
}

TEST_F(ModelPageRequest, OnlyTheLastOfAGroupIsAnsweredAndNoStopMarker) {
  EXPECT_EQ(request(1), std::nullopt);
  EXPECT_EQ(request(kLast, 3), std::nullopt);
  EXPECT_TRUE(model.messages().group_responses.empty());
}

TEST_F(ModelPageRequest, ANewMessageRaisesItsInterrupt) {
  enable_page_requests(true);
  request(1);
  EXPECT_EQ(read32(84), 8U);
}

}  // namespace
}  // namespace aperture::tb::test
