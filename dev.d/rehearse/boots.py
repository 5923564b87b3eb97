# SPDX-License-Identifier: Apache-2.0
"""The guests that are booted: which IOMMU they have, which VFIO, and what they do."""
from dataclasses import dataclass
from pathlib import Path


ON_CARD = ("lspci", "vfio", "selftest", "demo", "cosim", "ioas-card")
STEPS = (*ON_CARD, "ioas-host", "windows", "scenarios")
# Two devices besides the card, which do DMA behind the guest's IOMMU alone, to any address.
EDU = tuple(f"edu,addr={slot},dma_mask={2**64 - 1:#x}" for slot in (4, 5))


@dataclass(frozen=True)
class Boot:
    name: str
    what: str
    iommu: tuple[str, ...]  # QEMU devices
    bits: int  # of its addresses
    modules: str  # one of kernel.ORDERS
    steps: tuple[str, ...] = STEPS  # scripts in tests/vm/steps
    kernel_arguments: tuple[str, ...] = ("intel_iommu=on",)
    devices: tuple[str, ...] = EDU
    card: str = "sim"  # what is served
    cards: int = 1  # how many of it, each by a server of its own
    plugged: bool = False  # they are plugged in when the guest asks for them
    function: str = "card"  # as which function
    report: str = "report.log"  # where the guest's report arrives
    shared_memory: bool = True  # the server accesses the guest's memory itself; else by messages
    faults_of: str = ""  # the function that the IOMMU takes the card for when it refuses an access; empty: it knows better
    quick: bool = False


def intel(bits):
    return (f"intel-iommu,aw-bits={bits},intremap=on,caching-mode=on",)


AMD = ("amd-iommu,dma-remap=on,intremap=on",)
VIRTIO = ("virtio-iommu-pci",)


BOOTS = (
    Boot("type1", "stock Debian kernel, Intel IOMMU of 39 bits", intel(39), 39, "type1", quick=True),
    Boot("iommufd", "iommufd and VFIO device files, Intel IOMMU of 48 bits", intel(48), 48, "iommufd", quick=True),
    # QEMU's model loses the bus number of functions behind a bridge when it logs a fault.
    Boot("amd", "iommufd, AMD IOMMU of 64 bits", AMD, 64, "iommufd", kernel_arguments=(), faults_of="00:00.0"),
    Boot("amd-type1", "type1, AMD IOMMU of 64 bits", AMD, 64, "type1", kernel_arguments=(), faults_of="00:00.0"),
    # Its endpoints have numbers: bus 1, device 0, function 0 is 256.
    Boot("virtio", "iommufd, virtio IOMMU of 39 bits", VIRTIO, 39, "iommufd-virtio", kernel_arguments=(), faults_of="EP 256 "),
    Boot("virtio-type1", "type1, virtio IOMMU of 39 bits", VIRTIO, 39, "type1-virtio", kernel_arguments=(), faults_of="EP 256 "),
    # By message no access is atomic: the card's IOMMU does not announce that it updates memory so.
    Boot("messages", "iommufd, the card's DMA by messages through QEMU", intel(48), 48, "iommufd", ON_CARD, shared_memory=False,
         card=f"sim:straps={Path(__file__).with_name('messages.json')}"),
    Boot("hot-plug", "type1, a card that is plugged into the running guest", intel(48), 48, "type1", ON_CARD, plugged=True),
    Boot("two-cards", "iommufd, two cards", intel(39), 39, "iommufd", ("two-cards", "cosim"), cards=2),
    Boot("hostile", "type1, the card's memory slow, out of order and stalling", intel(39), 39, "type1", ON_CARD,
         card="sim:profile=hostile"),
)
