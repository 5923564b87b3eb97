# SPDX-License-Identifier: Apache-2.0
"""The IOMMU as Yosys understands it, simulated in place of its source. A copy of the RTL holds, for the whole of rtl/iommu, one
module a data width of generic cells (flip-flops, memories, operators) that Yosys wrote; the card around it, the bench and the tests are the
project's own. What Verilator and Yosys read differently shows as a test that fails here alone."""
import concurrent.futures
import hashlib
import re
import subprocess
import time

TOP = "iommu_top"
WIDTHS = (64, 128)
TARGETS = ("aperture", "cosim_test")
TESTS = r"^traces\.sim\.|^cosim\.[A-Z]"


def step(title, command, root, log):
    """Runs one step, its output into log. Returns whether it went well; shows the end of its output if not."""
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as out:
        code = subprocess.run([str(word) for word in command], cwd=root, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    print(f"{'ok  ' if code == 0 else 'FAIL'} {title} ({time.monotonic() - start:.0f} s)", flush=True)
    if code:
        print("\n".join(log.read_text(errors="replace").splitlines()[-30:]), f"all of it: {log.relative_to(root)}", sep="\n")
    return code == 0


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy_around(root, design, netlists, copy):
    """The card as it is, and of the modules of the IOMMU the netlists alone, in the ports of their top."""
    top = design.sources[design.modules[TOP]]
    ports = top[:top.index("\n);") + 4]
    choice = " else ".join(f"if (DATA_W == {width}) begin : g_{width}\n    {name(width)} netlist (.*);\n  end" for width in WIDTHS)
    wanted = {path: text for path, text in design.sources.items() if not path.startswith("rtl/iommu/") or path in design.packages}
    wanted |= {f"rtl/iommu/{netlist.name}": netlist.read_text() for netlist in netlists}
    wanted |= {"rtl/card.f": (root / "rtl/card.f").read_text(),
               design.modules[TOP]: f"{ports}  {choice}\nendmodule\n`default_nettype wire\n"}
    for file in copy.rglob("*.*"):
        if file.relative_to(copy.parent).as_posix() not in wanted:
            file.unlink()
    for path, text in wanted.items():
        write_if_changed(copy.parent / path, text)


def name(width):
    return f"{TOP}_{width}"


def synthesise(root, design, folder, width):
    """Yosys' netlist of iommu_top as one module: the file, or None. Made anew when a source has changed."""
    netlist, key = folder / f"{name(width)}.sv", folder / f"{name(width)}.sha256"
    digest = hashlib.sha256("".join(design.sources.values()).encode()).hexdigest()
    if netlist.exists() and key.exists() and key.read_text() == digest:
        return netlist
    key.unlink(missing_ok=True)
    libraries = " ".join(f"-libdir {path}" for path in design.folders)
    script = (f"read_verilog -noassert -sv {' '.join(design.packages)} {design.modules[TOP]}; chparam -set DATA_W {width} {TOP}; "
              f"hierarchy -check -top {TOP} {libraries}; proc; opt; memory -nomap; opt; flatten; opt_clean; check -assert; "
              f"rename -top {name(width)}; write_verilog -noattr {netlist}")
    if not step(f"synthesise rtl/iommu for {width} bits of data", ["yosys", "-q", "-p", script], root, folder / f"yosys_{width}.txt"):
        return None
    key.write_text(digest)
    return netlist


def simulate(root, design, jobs):
    build = root / "build/netlist"
    copy = build / "rtl"
    build.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        netlists = list(pool.map(lambda width: synthesise(root, design, build, width), WIDTHS))
    if None in netlists:
        return 1
    copy_around(root, design, netlists, copy)
    configure = ["cmake", "-G", "Ninja", "-S", root, "-B", build, "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DAPERTURE_RTL_OPTIMISATION=-O1",
                 "-DAPERTURE_FPGA=OFF", f"-DAPERTURE_WIDTHS={';'.join(map(str, WIDTHS))}", "-DAPERTURE_TESTS=support;traces;cosim", f"-DAPERTURE_RTL={copy / 'card.f'}"]
    if not step("configure", configure, root, build / "configure.txt"):
        return 1
    if not step("build the card around the netlist", ["cmake", "--build", build, "-j", jobs, "--target", *TARGETS], root, build / "build.txt"):
        return 1
    log = build / "tests.txt"
    passed = step("traces and the driver's tests", ["ctest", "--test-dir", build, "-j", jobs, "-L", "^quick$", "-R", TESTS, "--no-tests=error",
                                                     "--output-on-failure", "--timeout", 600], root, log)
    print(re.search(r".*tests passed.*", log.read_text() + "\nno tests passed").group(0))
    return 0 if passed else 1
