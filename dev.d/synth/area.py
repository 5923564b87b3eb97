# SPDX-License-Identifier: Apache-2.0
"""LUTs, flip-flops, RAM bits and logic depth of each module of the card, from Yosys' netlist for the 7 series."""
import collections
import json
import re
import subprocess

TOP = "fpga_top"
# as synth_xilinx begins, but for its look for the top: a module whose parents are empty would go
CELLS = "read_verilog -lib -specify +/xilinx/cells_sim.v; read_verilog -lib +/xilinx/cells_xtra.v"
FAMILY = "synth_xilinx -family xc7 -noiopad -noclkbuf -nosrl -nodsp -run"
# its step "coarse" without `share`, which needs more memory for these modules than there is
COARSE = "techmap -map +/cmp2lut.v -map +/cmp2lcu.v -D LUT_WIDTH=6; alumacc; opt; memory -nomap; opt_clean"
LUT = re.compile(r"LUT[1-6]$")
FLIP_FLOP = re.compile(r"FD[RSCP]E(_1)?$")
# bits of a cell of RAM; the distributed ones are read without a clock
DISTRIBUTED = {"RAM16X1D": 16, "RAM32X1S": 32, "RAM32X1D": 32, "RAM64X1S": 64, "RAM64X1D": 64, "RAM128X1S": 128, "RAM128X1D": 128,
               "RAM256X1S": 256, "RAM32M": 256, "RAM64M": 256}
BLOCK = {"RAMB18E1": 18432, "RAMB36E1": 36864}
ADDRESS = re.compile(r"A[0-7]?$|DPRA[0-7]?$|ADDR[A-D]?$")
CARRY = "CARRY4"
THROUGH = re.compile(r"LUT[1-6]$|INV$|MUXF[78]$|CARRY4$|RAM(16|32|64|128|256)")  # an output follows an input in the same clock


class Problem(Exception):
    pass


def measure(root, design, names):
    """{module: {"lut", "ff", "ram", "depth"}} of the modules named, or all; of several variants of a module, the largest figures."""
    folder = root / "build/synth"
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "netlist.json"
    libraries = " ".join(f"-libdir {path}" for path in design.folders)
    # of the others the ports stay; a module with parameters has another name, and its own as an attribute
    others = f"blackbox * {' '.join(f'={name} %d =A:hdlname=?{name} %d' for name in names)}; " if names else ""
    script = (f"read_verilog -noassert -sv {' '.join(design.packages)} {design.modules[TOP]}; hierarchy -check -top {TOP} {libraries}; "
              f"{others}{CELLS}; {FAMILY} prepare:coarse; {COARSE}; {FAMILY} map_memory:check; write_json {output}")
    run = subprocess.run(["yosys", "-q", "-l", str(folder / "log.txt"), "-p", script], cwd=root, capture_output=True, text=True, check=False)
    if run.returncode < 0:
        raise Problem(f"yosys was ended by signal {-run.returncode} (build/synth/log.txt)")
    if run.returncode:
        raise Problem(f"yosys: {(run.stderr.strip() or 'failed without a message').splitlines()[-1]} (build/synth/log.txt)")
    found = {}
    for variant, module in json.loads(output.read_text())["modules"].items():
        name = variant.split("\\")[1] if variant.startswith("$paramod") else variant
        if name not in (names or design.modules) or "blackbox" in module["attributes"]:
            continue
        figures = count(module["cells"].values())
        found[name] = {key: max(figure, found.get(name, figures)[key]) for key, figure in figures.items()}
    missing = [name for name in names if name not in found]
    if missing:
        raise Problem(f"not in {TOP}: {', '.join(missing)}")
    return found


def count(cells):
    types = collections.Counter(cell["type"] for cell in cells)
    return {"lut": sum(number for kind, number in types.items() if LUT.match(kind)),
            "ff": sum(number for kind, number in types.items() if FLIP_FLOP.match(kind)),
            "ram": sum(number * (DISTRIBUTED | BLOCK).get(kind, 0) for kind, number in types.items()),
            "depth": depth([cell for cell in cells if THROUGH.match(cell["type"])])}


def bits(cell, direction, ports=None):
    for port, nets in cell["connections"].items():
        if cell["port_directions"][port] == direction and (ports is None or ports(port)):
            yield from (net for net in nets if isinstance(net, int))


def depth(cells):
    """LUTs, distributed RAMs and chains of carries on the longest path between ports, flip-flops, block RAMs and other modules."""
    readers, waiting = collections.defaultdict(list), []
    for number, cell in enumerate(cells):
        distributed = cell["type"] in DISTRIBUTED
        inputs = set(bits(cell, "input", ADDRESS.match if distributed else None))
        chain = set(bits(cell, "input", lambda port: port == "CI")) if cell["type"] == CARRY else set()
        free = cell["type"].startswith(("MUXF", "INV"))
        for net in inputs:
            readers[net].append((number, 0 if free or net in chain else 1))
        waiting.append(len(inputs))
    driven = {net for cell in cells for net in bits(cell, "output")}
    level = [0] * len(cells)
    for net, users in readers.items():
        if net not in driven:
            for number, cost in users:
                level[number] = max(level[number], cost)
                waiting[number] -= 1
    ready = [number for number, left in enumerate(waiting) if left == 0]
    done = 0
    while ready:
        number = ready.pop()
        done += 1
        for net in bits(cells[number], "output"):
            for reader, cost in readers[net]:
                level[reader] = max(level[reader], level[number] + cost)
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    ready.append(reader)
    if done != len(cells):
        raise Problem(f"{len(cells) - done} cells are in combinational loops")
    return max(level, default=0)
