// SPDX-License-Identifier: Apache-2.0
#include "windows/json.hpp"

#include "ioas/text.hpp"

namespace aperture::sw::windows {

nlohmann::ordered_json to_json(const Space& space) {
  using Json = nlohmann::ordered_json;
  Json out{{"name", space.name}, {"devices", space.devices}, {"alignment", space.alignment}, {"pieces", Json::array()}};
  for (const Piece& piece : pieces(space)) {
    Json one{{"first", ioas::hex(piece.range.first.value)},
             {"last", ioas::hex(piece.range.last.value)},
             {"state", name(piece.state)},
             {"text", piece.text()}};
    if (!piece.reserved.empty()) one["reserved"] = piece.reserved;
    if (!piece.window.empty()) one["window"] = piece.window;
    if (piece.allowed) one["allowed"] = true;
    if (piece.mapped != 0) one["mapped"] = {{"bytes", piece.mapped}, {"maps", piece.maps}, {"access", piece.access}};
    if (!piece.blocked.empty()) one["blocked"] = piece.blocked;
    out["pieces"].push_back(std::move(one));
  }
  out["refused"] = Json::array();
  for (const ioas::Report& report : space.refused) out["refused"].push_back(Json(ioas::to_json(report)));
  return out;
}

}  // namespace aperture::sw::windows
