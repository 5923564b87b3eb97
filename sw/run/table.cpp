// SPDX-License-Identifier: Apache-2.0
#include "run/table.hpp"

#include <algorithm>
#include <array>

namespace aperture::sw::run {

namespace {

using formats::Key;
using formats::Kind;

constexpr std::string_view kCauseWords =
    " aperture sign_gap msi reserved guard mapping granule dma_mask page_mode output_width user ";

// ---- fields -------------------------------------------------------------------------------------------------------

constexpr Field number(std::string_view name, bool required = true) { return {name, Type::kNumber, required}; }
constexpr Field flag(std::string_view name, bool required = false) { return {name, Type::kFlag, required}; }
constexpr Field text(std::string_view name, bool required = true) { return {name, Type::kText, required}; }
constexpr Field word(std::string_view name, std::string_view words, bool required = true) {
  return {name, Type::kWord, required, words};
}
constexpr Field refers(std::string_view name, Named named, bool required = true) {
  return {name, Type::kName, required, {}, {}, named};
}
constexpr Field list_of(std::string_view name, Named named, bool required = true) {
  return {name, Type::kNames, required, {}, {}, named};
}
constexpr Field declares(std::string_view name, Named named) { return {name, Type::kNewName, true, {}, {}, named}; }
constexpr Field ioas(bool required = true) { return refers("ioas", Named::kIoas, required); }
constexpr Field device() { return refers("device", Named::kDevice); }
constexpr Field memory(bool required = true) { return refers("memory", Named::kMemory, required); }
constexpr Field mirror(bool required = true) { return refers("mirror", Named::kMirror, required); }
constexpr Field window() { return refers("window", Named::kWindow); }
constexpr Field offset() { return number("offset", false); }
constexpr Field process() { return number("process_id", false); }
constexpr Field prot() { return {"prot", Type::kProt}; }
constexpr Field ranges(bool required) { return {"ranges", Type::kRanges, required}; }
constexpr Field cause(bool required = true) { return word("cause", kCauseWords, required); }

constexpr std::array kReserved{number("first"), number("last"), cause()};
constexpr std::array kDomain{word("kind", " memory "), Field{"aperture", Type::kAperture}, number("page_sizes", false)};
constexpr std::array kDevice{declares("name", Named::kDevice),
                             number("device_id", false),
                             number("channel", false),
                             number("dma_bits", false),
                             number("page_sizes", false),
                             Field{"reserved", Type::kObjects, false, {}, kReserved},
                             Field{"domain", Type::kDomain, false, " riscv host ", kDomain},
                             text("comment", false)};
constexpr std::array kCard{Field{"straps", Type::kStraps}, word("profile", " ideal ddr pcie hostile ", false)};
constexpr std::array kScenario{text("name", false),
                               text("description", false),
                               number("seed", false),
                               Field{"card", Type::kObject, false, {}, kCard},
                               Field{"devices", Type::kObjects, false, {}, kDevice},
                               Field{"steps", Type::kSteps, true},
                               text("comment", false),
                               Field{"tags", Type::kTexts}};
constexpr std::array kCommon{word("step", {}), Field{"expect", Type::kExpect}, text("comment", false),
                             Field{"tags", Type::kTexts}};

constexpr std::array kWindow{declares("name", Named::kWindow),
                             number("base", false),
                             number("size"),
                             number("align", false),
                             number("granule", false),
                             number("guard", false),
                             word("place", " any low32 high ", false),
                             word("owner", " user pool ", false)};
/// Of a negotiation, which declares nothing.
constexpr std::array kWish{text("name"), kWindow[1], kWindow[2], kWindow[3],
                           kWindow[4],   kWindow[5], kWindow[6], kWindow[7]};
constexpr Field windows(std::span<const Field> members) { return {"windows", Type::kObjects, true, {}, members}; }

constexpr std::array kFill{Field{"hex", Type::kBytes}, text("file", false)};
constexpr std::array kTable{memory(), offset(), text("format")};

constexpr std::array kIoas{declares("name", Named::kIoas),
                           flag("huge_pages"),
                           flag("eager_pin"),
                           refers("from", Named::kIoas, false),
                           ranges(false),
                           number("rebase", false),
                           prot()};
constexpr std::array kOnIoas{ioas()};
constexpr std::array kNewMemory{declares("name", Named::kMemory),
                                number("size"),
                                number("align", false),
                                word("backing", " anon hugetlb file ", false),
                                Field{"fill", Type::kObject, false, {}, kFill},
                                flag("readonly")};
constexpr std::array kWrite{memory(), offset(), Field{"data", Type::kBytes, true}};
constexpr std::array kRead{memory(), offset(), number("length")};
constexpr std::array kRequire{ioas(), windows(kWindow)};
constexpr std::array kResize{ioas(), window(), number("size"), number("granule", false)};
constexpr std::array kRelease{ioas(), window(), flag("drop_maps")};
constexpr std::array kBind{ioas(), window()};
constexpr std::array kAllow{ioas(), ranges(true)};
constexpr std::array kReserve{ioas(), number("first"), number("last"), cause()};
constexpr std::array kUnreserve{ioas(), number("first"), number("last"), cause(false)};
constexpr std::array kNegotiate{ioas(), windows(kWish), list_of("devices", Named::kDevice, false)};
constexpr std::array kAttach{device(), ioas(), process(), number("generation", false)};
constexpr std::array kDetach{device(), process(), ioas(false)};
constexpr std::array kMap{ioas(false),      mirror(false),         memory(), offset(),
                          number("length"), number("iova", false), prot()};
constexpr std::array kCopy{refers("from", Named::kIoas), number("from_iova"),   number("length"),
                           refers("to", Named::kIoas),   number("iova", false), prot()};
constexpr std::array kUnmap{ioas(false), mirror(false), number("iova", false), number("length", false), flag("all")};
constexpr std::array kOption{ioas(), flag("huge_pages", true)};
constexpr std::array kMirror{declares("name", Named::kMirror), list_of("members", Named::kIoas)};
constexpr std::array kMirrorMember{mirror(), ioas()};
constexpr std::array kProject{declares("name", Named::kProjection),
                              refers("from", Named::kIoas),
                              number("first"),
                              number("last"),
                              refers("to", Named::kIoas),
                              number("at")};
constexpr std::array kUnproject{refers("name", Named::kProjection),
                                refers("from", Named::kIoas, false),
                                number("first", false),
                                number("last", false),
                                refers("to", Named::kIoas, false),
                                number("at", false)};
constexpr std::array kTransaction{Field{"steps", Type::kSteps, true}, number("fail_at", false)};
constexpr std::array kEvents{ioas(), number("since", false)};
constexpr std::array kNest{declares("name", Named::kNest), refers("parent", Named::kIoas), device(),
                           Field{"table", Type::kObject, true, {}, kTable}};
constexpr std::array kTracking{ioas(), flag("enable", true)};
constexpr std::array kDirty{ioas(), number("first"), number("last"), number("page_size"), flag("clear")};
constexpr std::array kHandler{device(), memory(), ioas()};
constexpr std::array kRangesOf{ioas(), number("capacity", false)};
constexpr std::array kDma{device(),
                          word("kind", " copy fill generate check crc stray "),
                          number("src", false),
                          number("dst", false),
                          number("length", false),
                          number("pattern", false),
                          process()};
constexpr std::array kPins{memory()};

// ---- results ------------------------------------------------------------------------------------------------------

constexpr Key num(std::string_view name) { return {name, Kind::kNumber}; }
constexpr Key txt(std::string_view name) { return {name, Kind::kText}; }
constexpr Key pairs(std::string_view name) { return {name, Kind::kPairs}; }
constexpr Key objects(std::string_view name, std::span<const Key> element) { return {name, Kind::kList, {}, element}; }
constexpr Key why(std::string_view name = "cause") { return {name, Kind::kWord, kCauseWords}; }

constexpr std::array kBlocker{num("first"), num("last"), why(), txt("device"), num("since")};
constexpr std::array kAlternative{Key{"kind", Kind::kWord, " base size granule mode stage detach "},
                                  num("first"),
                                  num("last"),
                                  num("granule"),
                                  txt("format"),
                                  Key{"devices", Kind::kTexts}};
constexpr std::array kWindowReport{txt("name"),
                                   Key{"verdict", Kind::kWord, " fits blocked provisional "},
                                   num("first"),
                                   num("last"),
                                   objects("blockers", kBlocker),
                                   objects("alternatives", kAlternative)};
constexpr std::array kReport{Key{"ok", Kind::kFlag},
                             txt("reason"),
                             num("generation"),
                             pairs("ranges_before"),
                             pairs("ranges_after"),
                             num("alignment_before"),
                             num("alignment_after"),
                             objects("windows", kWindowReport),
                             objects("maps_blocked", kBlocker),
                             Key{"detach_set", Kind::kTexts},
                             txt("format"),
                             num("levels")};

/// Beside what every result may have.
template <typename... Keys>
constexpr auto results(Keys... keys) {
  return std::array{Key{"errno", Kind::kErrno}, Key{"report", Kind::kObject, {}, kReport}, keys...};
}

constexpr std::array kPlaced{txt("name"), num("first"), num("last"), Key{"provisional", Kind::kFlag}};
constexpr std::array kEvent{
    num("generation"),
    Key{"kind", Kind::kWord, " reserved unreserved attached detached alignment window released frozen "},
    num("first"),
    num("last"),
    why(),
    txt("device"),
    txt("name")};
constexpr std::array kFault{num("cause"), num("iova"), Key{"write", Kind::kFlag}};
constexpr std::array kFaultRecord{num("cause"), num("device_id"), num("process_id"),
                                  num("iova"),  num("iotval2"),   num("ttyp")};

constexpr auto kNothing = results();
constexpr auto kMemoryResult = results(Key{"backing", Kind::kWord, " anon hugetlb file "});
constexpr auto kData = results(Key{"data", Kind::kBytes});
constexpr auto kWindowsResult = results(objects("windows", kPlaced));
constexpr auto kRange = results(num("first"), num("last"), Key{"provisional", Kind::kFlag});
constexpr auto kLength = results(num("length"), txt("blocked_by"));
constexpr auto kRangesResult = results(pairs("ranges"));
constexpr auto kAttached = results(Key{"hitless", Kind::kFlag}, txt("format"), num("levels"));
constexpr auto kIova = results(num("iova"), txt("blocked_by"));
constexpr auto kBlockedBy = results(txt("blocked_by"));
constexpr auto kApplied = results(num("applied"), num("refused"));
constexpr auto kEventsResult = results(objects("events", kEvent));
constexpr auto kPages = results(pairs("pages"));
constexpr auto kRangesOfResult = results(pairs("ranges"), num("alignment"), num("generation"), num("total"));
constexpr auto kDmaResult =
    results(Key{"done", Kind::kFlag}, num("bytes"), num("crc"), num("cycles"), Key{"fault", Kind::kObject, {}, kFault});
constexpr auto kFaults = results(objects("faults", kFaultRecord));
constexpr auto kPinned = results(num("pinned"), num("references"));

constexpr std::array kSteps{
    StepKind{"ioas", kIoas, kNothing, true},
    StepKind{"destroy", kOnIoas, kNothing},
    StepKind{"memory", kNewMemory, kMemoryResult},
    StepKind{"write", kWrite, kNothing},
    StepKind{"read", kRead, kData},
    StepKind{"require", kRequire, kWindowsResult, true},
    StepKind{"resize", kResize, kRange, true},
    StepKind{"release", kRelease, kLength, true},
    StepKind{"bind", kBind, kRange, true},
    StepKind{"allow", kAllow, kRangesResult, true},
    StepKind{"allowed", kOnIoas, kRangesResult},
    StepKind{"reserve", kReserve, kNothing, true},
    StepKind{"unreserve", kUnreserve, kNothing, true},
    StepKind{"negotiate", kNegotiate, kNothing},
    StepKind{"probe_attach", kAttach, kNothing},
    StepKind{"attach", kAttach, kAttached, true},
    StepKind{"replace", kAttach, kAttached, true},
    StepKind{"detach", kDetach, kNothing, true},
    StepKind{"map", kMap, kIova, true},
    StepKind{"copy", kCopy, kIova, true},
    StepKind{"unmap", kUnmap, kLength, true},
    StepKind{"option", kOption, kNothing, true},
    StepKind{"mirror", kMirror, kBlockedBy, true},
    StepKind{"mirror_join", kMirrorMember, kBlockedBy, true},
    StepKind{"mirror_leave", kMirrorMember, kBlockedBy, true},
    StepKind{"project", kProject, kBlockedBy, true},
    StepKind{"unproject", kUnproject, kNothing, true},
    StepKind{"transaction", kTransaction, kApplied},
    StepKind{"freeze", kOnIoas, kNothing, true},
    StepKind{"events", kEvents, kEventsResult},
    StepKind{"nest", kNest, kAttached, true},
    StepKind{"dirty_tracking", kTracking, kNothing, true},
    StepKind{"dirty", kDirty, kPages},
    StepKind{"handler", kHandler, kNothing},
    StepKind{"ranges", kRangesOf, kRangesOfResult},
    StepKind{"dma", kDma, kDmaResult},
    StepKind{"faults", {}, kFaults},
    StepKind{"pins", kPins, kPinned},
};

}  // namespace

std::span<const StepKind> step_kinds() { return kSteps; }

const StepKind* find_step(std::string_view name) {
  const auto found = std::ranges::find(kSteps, name, &StepKind::name);
  return found == kSteps.end() ? nullptr : &*found;
}

std::span<const Field> scenario_fields() { return kScenario; }
std::span<const Field> common_fields() { return kCommon; }

}  // namespace aperture::sw::run
