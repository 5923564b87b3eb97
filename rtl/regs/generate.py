#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generates everything that knows a register layout from registers.json.

  generate.py           writes rtl/regs/regs_pkg.sv, driver/regs/registers.hpp and docs/registers.md
  generate.py --check   writes nothing; names each output that differs and exits 1

Names in the outputs: see the head of each generated file.
"""
import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Field:
    def __init__(self, raw):
        self.name, self.doc, self.access = raw["name"], raw.get("doc", ""), raw.get("access", "")
        high, _, low = raw["bits"].partition(":")
        self.lsb = int(low or high)
        self.width = int(high) - self.lsb + 1
        if self.width < 1 or self.lsb + self.width > 64:
            raise SystemExit(f"registers.json: field {self.name}: bits {raw['bits']}")

    @property
    def bits(self):
        return f"{self.lsb + self.width - 1}:{self.lsb}" if self.width > 1 else f"{self.lsb}"


class Register:
    def __init__(self, raw):
        self.name, self.doc, self.size = raw["name"], raw["doc"], raw["size"]
        self.offset = int(raw["offset"], 0)
        self.count, self.stride = raw.get("count", 1), raw.get("stride", 0)
        self.fields = [Field(f) for f in raw["fields"]]


class Block:
    def __init__(self, raw):
        self.name, self.bar, self.doc = raw["name"], raw["bar"], raw["doc"]
        self.base, self.size = int(raw["base"], 0), int(raw["size"], 0)
        self.instance_stride = int(raw.get("instance_stride", "0"), 0)
        self.registers = [Register(r) for r in raw["registers"]]
        taken = {}
        for r in self.registers:
            for i in range(r.count):
                for byte in range(r.offset + i * r.stride, r.offset + i * r.stride + r.size):
                    if byte in taken or byte >= self.size or r.offset % r.size:
                        raise SystemExit(f"registers.json: {self.name}.{r.name} overlaps {taken.get(byte)}, leaves the block or is misaligned")
                    taken[byte] = r.name
            for a in r.fields:
                if a.lsb + a.width > 8 * r.size:
                    raise SystemExit(f"registers.json: {self.name}.{r.name}.{a.name} does not fit")
                for b in r.fields:
                    if a is not b and a.lsb <= b.lsb < a.lsb + a.width:
                        raise SystemExit(f"registers.json: {self.name}.{r.name}: {a.name} overlaps {b.name}")


class Structure:
    def __init__(self, raw):
        self.name, self.doc, self.notes = raw["name"], raw["doc"], raw.get("notes", [])
        self.words = [(w["name"], [Field(f) for f in w["fields"]]) for w in raw["words"]]
        self.size = 8 * len(self.words)


class Enum:
    def __init__(self, raw):
        self.name, self.width, self.values = raw["name"], raw["width"], raw["values"]
        if max(self.values.values()) >= 1 << self.width:
            raise SystemExit(f"registers.json: enum {self.name} does not fit {self.width} bits")


def camel(name):
    return "".join(p[:1].upper() + p[1:] for p in name.split("_"))


def systemverilog(blocks, structures, enums):
    seen = set()
    out = []

    def constant(kind, name, value):
        if name in seen:
            raise SystemExit(f"registers.json: two constants are called {name}")
        seen.add(name)
        out.append(f"  localparam {kind} {name} = {value};")

    def fields(prefix, items):
        for f in items:
            constant("int unsigned", f"{prefix}_{f.name}_LSB".upper(), f.lsb)
            constant("int unsigned", f"{prefix}_{f.name}_W".upper(), f.width)

    for b in blocks:
        n = b.name.upper()
        out.append(f"\n  // block {b.name}")
        constant("logic [15:0]", f"{n}_BASE", f"16'h{b.base:04x}")
        if b.instance_stride:
            constant("logic [15:0]", f"{n}_INSTANCE_STRIDE", f"16'h{b.instance_stride:04x}")
        for r in b.registers:
            prefix = f"{n}_{r.name.upper()}"
            constant("logic [11:0]", prefix, f"12'h{r.offset:03x}")
            if r.count > 1:
                constant("int unsigned", prefix + "_COUNT", r.count)
                constant("int unsigned", prefix + "_STRIDE", r.stride)
            fields(prefix, r.fields)
    for s in structures:
        out.append(f"\n  // structure {s.name}")
        constant("int unsigned", f"{s.name}_SIZE".upper(), s.size)
        for i, (word, items) in enumerate(s.words):
            constant("int unsigned", f"{s.name}_{word}_WORD".upper(), i)
            fields(f"{s.name}_{word}", items)
            used = sum(((1 << f.width) - 1) << f.lsb for f in items)
            constant("logic [63:0]", f"{s.name}_{word}_RESERVED".upper(), f"64'h{~used & (1 << 64) - 1:016x}")
    for e in enums:
        out.append(f"\n  // codes {e.name}")
        for value, number in e.values.items():
            constant(f"logic [{e.width - 1}:0]", f"{e.name}_{value}".upper(), f"{e.width}'d{number}")
    return """// SPDX-License-Identifier: Apache-2.0
// Generated by rtl/regs/generate.py from registers.json; do not edit.
//
// BLOCK_REGISTER is the register's byte offset inside its block's page, BLOCK_BASE the block's offset inside its BAR.
// BLOCK_REGISTER_FIELD_LSB and _W place a field; STRUCTURE_WORD_FIELD_LSB and _W do so in 64-bit word STRUCTURE_WORD_WORD of
// a structure in memory of STRUCTURE_SIZE bytes; CODES_NAME is a code.
//
// No design uses every constant of the map, which is no fault of the design: UNUSEDPARAM is off for this file alone.
`default_nettype none
/* verilator lint_off UNUSEDPARAM */
package regs_pkg;
""" + "\n".join(out).lstrip("\n") + "\n\nendpackage\n/* verilator lint_on UNUSEDPARAM */\n`default_nettype wire\n"


def text(s):
    return json.dumps(s)


def cpp(blocks, structures, enums):
    out = []

    def fields(items, indent):
        for f in items:
            out.append(f"{indent}inline constexpr Field {f.name}{{{text(f.name)}, {f.lsb}, {f.width}}};")

    for b in blocks:
        out.append(f"/// {b.doc}\nnamespace {b.name} {{")
        for r in b.registers:
            out.append(f"namespace {r.name}_f {{")
            fields(r.fields, "")
            out.append(f"inline constexpr Field kAll[] = {{{', '.join(f.name for f in r.fields)}}};\n}}  // namespace {r.name}_f")
            out.append(f"inline constexpr Register {r.name}{{{text(r.name)}, {b.bar}, 0x{b.base + r.offset:x}, {r.size}, {r.count}, {r.stride}, "
                       f"{r.name}_f::kAll,\n    {text(r.doc)}}};")
        out.append(f"inline constexpr Register kAll[] = {{{', '.join(r.name for r in b.registers)}}};")
        out.append(f"inline constexpr Block kBlock{{{text(b.name)}, {b.bar}, 0x{b.base:x}, 0x{b.size:x}, 0x{b.instance_stride:x}, kAll}};")
        out.append(f"}}  // namespace {b.name}\n")
    for s in structures:
        out.append(f"/// {s.doc}\nnamespace {s.name} {{\ninline constexpr std::size_t kSize = {s.size};  ///< bytes")
        for i, (word, items) in enumerate(s.words):
            out.append(f"namespace {word} {{\ninline constexpr std::size_t kWord = {i};  ///< index of the 64-bit word")
            fields(items, "")
            out.append(f"}}  // namespace {word}")
        out.append(f"}}  // namespace {s.name}\n")
    for e in enums:
        t = camel(e.name)
        out.append(f"enum class {t} : std::uint32_t {{")
        out.extend(f"  k{camel(v)} = {n}," for v, n in e.values.items())
        out.append("};")
        if len(set(e.values.values())) == len(e.values):
            out.append(f"/// The code's name as registers.json has it, \"?\" for a number that has none.")
            out.append(f"constexpr const char* to_string({t} v) {{\n  switch (v) {{")
            out.extend(f"    case {t}::k{camel(v)}: return {text(v)};" for v in e.values)
            out.append('  }\n  return "?";\n}')
        out.append("")
    names = ", ".join(f"{b.name}::kBlock" for b in blocks)
    return """// SPDX-License-Identifier: Apache-2.0
// Generated by rtl/regs/generate.py from rtl/regs/registers.json; do not edit.
//
// regs::BLOCK::REGISTER is a Register, regs::BLOCK::REGISTER_f::FIELD a Field of it. A structure in memory has
// regs::STRUCTURE::kSize, regs::STRUCTURE::WORD::kWord and regs::STRUCTURE::WORD::FIELD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// clang-format off
namespace aperture::regs {

/// A bit field of a register or of a 64-bit word in memory.
struct Field {
  const char* name;
  unsigned lsb;
  unsigned width;
  /// All ones, `width` bits wide, at bit 0.
  constexpr std::uint64_t max() const { return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1; }
  constexpr std::uint64_t mask() const { return max() << lsb; }
  /// The field of `word`, at bit 0.
  constexpr std::uint64_t get(std::uint64_t word) const { return (word >> lsb) & max(); }
  /// `word` with the field replaced by the low `width` bits of `value`.
  constexpr std::uint64_t set(std::uint64_t word, std::uint64_t value) const { return (word & ~mask()) | ((value & max()) << lsb); }
};

/// A register, or `count` of them `stride` bytes apart. `offset` is within the BAR, for a block with instances that of the first.
struct Register {
  const char* name;
  int bar;
  std::uint64_t offset;
  unsigned size;  ///< bytes: 4 or 8
  unsigned count;
  unsigned stride;
  std::span<const Field> fields;
  const char* doc;
};

/// A page of registers; further instances, if `instance_stride` is not 0, follow that many bytes apart.
struct Block {
  const char* name;
  int bar;
  std::uint64_t base;
  std::uint64_t size;
  std::uint64_t instance_stride;
  std::span<const Register> registers;
};

""" + "\n".join(out) + f"""
inline constexpr Block kBlocks[] = {{{names}}};
/// Every block of the card, for tools that list registers.
constexpr std::span<const Block> all_blocks() {{ return kBlocks; }}

}}  // namespace aperture::regs
// clang-format on
"""


def markdown(blocks, structures, enums):
    out = ["<!-- Generated by rtl/regs/generate.py from rtl/regs/registers.json; do not edit. -->", "# Registers and memory structures", "",
           "Access: ro read-only, rw read and write, rw1c cleared by writing 1, w1s writing 1 acts. Registers are little-endian and are read and written as",
           "aligned 32-bit or 64-bit accesses. What lies between registers reads 0.", ""]
    for b in blocks:
        instances = f", instances 0x{b.instance_stride:x} bytes apart" if b.instance_stride else ""
        out += [f"## Block `{b.name}`: BAR {b.bar}, 0x{b.base:x}{instances}", "", b.doc, ""]
        for r in b.registers:
            many = f", {r.count} of them {r.stride} bytes apart" if r.count > 1 else ""
            out += [f"### `{r.name}` at 0x{r.offset:03x}, {r.size} bytes{many}", "", r.doc, "", "| bits | name | access | meaning |", "|--|--|--|--|"]
            out += [f"| {f.bits} | `{f.name}` | {f.access} | {f.doc} |" for f in r.fields] + [""]
    out += ["## Structures in memory", ""]
    for s in structures:
        out += [f"### `{s.name}`, {s.size} bytes", "", s.doc, ""]
        for note in s.notes:
            out += [note, ""]
        out += ["| word | bits | name | meaning |", "|--|--|--|--|"]
        for i, (word, items) in enumerate(s.words):
            out += [f"| {i} `{word}` | {f.bits} | `{f.name}` | {f.doc} |" for f in items] or [f"| {i} `{word}` | | | reserved |"]
        out += [""]
    out += ["## Codes", ""]
    for e in enums:
        out += [f"### `{e.name}`", "", "| code | name |", "|--|--|"] + [f"| {n} | `{v}` |" for v, n in e.values.items()] + [""]
    return "\n".join(out).rstrip("\n") + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if an output is out of date")
    check = parser.parse_args().check
    raw = json.loads((HERE / "registers.json").read_text())
    described = ([Block(b) for b in raw["blocks"]], [Structure(s) for s in raw["structures"]], [Enum(e) for e in raw["enums"]])
    outputs = {"rtl/regs/regs_pkg.sv": systemverilog, "driver/regs/registers.hpp": cpp, "docs/registers.md": markdown}
    drifted = False
    for name, make in outputs.items():
        path, wanted = ROOT / name, make(*described)
        if path.exists() and path.read_text() == wanted:
            continue
        if check:
            print(f"{name}: differs from rtl/regs/registers.json; run rtl/regs/generate.py", file=sys.stderr)
            drifted = True
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted)
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main())
