# SPDX-License-Identifier: Apache-2.0
"""The guests that are booted: which IOMMU they have, which VFIO, and what they do."""
from dataclasses import dataclass


STEPS = ("demo", "cosim", "ioas-card", "ioas-host", "windows")
# Two devices besides the card, which do DMA behind the guest's IOMMU alone, to any address.
EDU = tuple(f"edu,addr={slot},dma_mask={2**64 - 1:#x}" for slot in (4, 5))


@dataclass(frozen=True)
class Boot:
    name: str
    what: str
    iommu: tuple[str, ...]  # QEMU devices
    bits: int  # of its addresses
    modules: str  # "stock": Debian's, so type1 alone; "iommufd": with iommufd and VFIO's device files
    steps: tuple[str, ...] = STEPS  # scripts in tests/vm/steps
    kernel_arguments: tuple[str, ...] = ("intel_iommu=on",)
    devices: tuple[str, ...] = EDU
    card: str = "sim"  # what is served
    function: str = "card"  # as which function
    report: str = "report.log"  # where the guest's report arrives
    shared_memory: bool = True  # the server accesses the guest's memory itself; else by messages
    faults_of: str = ""  # the function that the IOMMU takes the card for when it refuses an access; empty: it knows better
    quick: bool = False


def intel(bits):
    return (f"intel-iommu,aw-bits={bits},intremap=on,caching-mode=on",)


BOOTS = (
    Boot("type1", "stock Debian kernel, Intel IOMMU of 39 bits", intel(39), 39, "stock", quick=True),
    Boot("iommufd", "iommufd and VFIO device files, Intel IOMMU of 48 bits", intel(48), 48, "iommufd", quick=True),
    # QEMU's model loses the bus number of functions behind a bridge when it logs a fault.
    Boot("amd", "iommufd, AMD IOMMU of 64 bits", ("amd-iommu,dma-remap=on,intremap=on",), 64, "iommufd", kernel_arguments=(),
         faults_of="00:00.0"),
    Boot("messages", "iommufd, the card's DMA by messages through QEMU", intel(48), 48, "iommufd", ("demo", "cosim", "ioas-card"),
         shared_memory=False),
    Boot("hostile", "type1, the card's memory slow, out of order and stalling", intel(39), 39, "stock",
         ("demo", "cosim", "ioas-card"), card="sim:profile=hostile"),
)
