# SPDX-License-Identifier: Apache-2.0
"""The riscv64 guest's device tree: QEMU's own, and in it what only firmware can tell, that there is an IOMMU on the PCI bus and
which functions are behind it."""
from process import run

import machine

LIMIT = 60  # seconds
# Linux, Documentation/devicetree/bindings: iommu/riscv,iommu.yaml and pci/pci-iommu.txt.
BEHIND = """
&{{/soc/pci@30000000}} {{
  iommu-map = <0x0 &iommu 0x0 {requester:#x}>, <{after:#x} &iommu {after:#x} {rest:#x}>;
  iommu: iommu@{unit} {{
    compatible = "pci1efd,8";
    reg = <{place:#x} 0 0 0 0>;
    #iommu-cells = <1>;
  }};
}};
"""


def convert(root, arguments, log):
    if run([*machine.program(root, "dtc"), "-q", *arguments], log, LIMIT) != 0:
        raise RuntimeError(f"the device tree compiler failed, see {log}")


def make(root, command, folder, slot):
    """The file, new in `folder`. `command`: QEMU's, `slot`: of the IOMMU on the root bus, behind which all others are."""
    log, blob, source, made = (folder / f"tree.{suffix}" for suffix in ("log", "dumped", "dts", "dtb"))
    if run([*command, "-machine", f"dumpdtb={blob}"], log, LIMIT) != 0:
        raise RuntimeError(f"QEMU gave no device tree, see {log}")
    convert(root, ["-I", "dtb", "-O", "dts", "-o", str(source), str(blob)], log)
    device, number = (int(part, 16) for part in slot.split("."))
    requester = device << 3 | number
    with open(source, "a") as text:
        text.write(BEHIND.format(requester=requester, after=requester + 1, rest=0x10000 - requester - 1,
                                 unit=f"{device:x},{number:x}" if number else f"{device:x}", place=requester << 8))
    convert(root, ["-I", "dts", "-O", "dtb", "-o", str(made), str(source)], log)
    return made
