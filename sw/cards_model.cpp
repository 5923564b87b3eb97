// SPDX-License-Identifier: Apache-2.0
#include "card/registry.hpp"
#include "tb/model_card/factory.hpp"

namespace {

const aperture::card::Registration kModel{aperture::tb::model::factory()};

}  // namespace
