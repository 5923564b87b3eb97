# SPDX-License-Identifier: Apache-2.0
"""The guest's kernel: Debian's, as it is, and the modules that it comes without, built from Debian's source for it.

Debian configures neither IOMMUFD nor VFIO_DEVICE_CDEV. iommufd is a module of its own and touches nothing in the kernel's
image; VFIO's modules are compiled once more with it. One part of the kernel's library, the interval tree's span iterator, is
only there for iommufd and becomes a part of that module.
"""
import os
import shutil
import subprocess

from process import NotRun, run

BUILT = ("iommufd", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci")
STOCK = ("irqbypass", "virtio-iommu", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci")
# What is loaded, in this order, each with its parameters. Behind virtio-iommu the kernel cannot say that interrupts are isolated.
UNSAFE = " allow_unsafe_interrupts=1"
TYPE1 = ("stock/irqbypass", "stock/vfio", "stock/vfio_iommu_type1", "stock/vfio-pci-core", "stock/vfio-pci")
IOMMUFD = ("stock/irqbypass", *(f"iommufd/{name}" for name in BUILT))
ORDERS = {
    "type1": TYPE1,
    "iommufd": IOMMUFD,
    "type1-virtio": ("stock/virtio-iommu", *(name + UNSAFE * name.endswith("type1") for name in TYPE1)),
    "iommufd-virtio": ("stock/virtio-iommu", *(name + UNSAFE * name.endswith(("iommufd/iommufd", "type1")) for name in IOMMUFD)),
}
SOURCES = ("drivers/iommu/iommufd", "drivers/iommu/*.h", "drivers/vfio", "lib/interval_tree.c")
SETTINGS = ("CONFIG_IOMMUFD=m", "CONFIG_VFIO_DEVICE_CDEV=y", "CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF_MODULES=",
            "KCFLAGS=-DCONFIG_IOMMUFD_MODULE=1 -DCONFIG_VFIO_DEVICE_CDEV=1 -DCONFIG_INTERVAL_TREE_SPAN_ITER=1")
BUILD_LIMIT = 1200  # seconds
IN_ROOT = 'mount --bind /dev "$1/dev" && cd "$1" && shift && exec chroot . /usr/bin/env -i PATH=/usr/bin "$@"'


def version(root):
    return next((root / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")


def image(root):
    return root / "boot" / f"vmlinuz-{version(root)}"


def unpack_source(root, folder, log):
    archive = next((root / "usr/src").glob("linux-source-*.tar.xz"))
    top = archive.name.removesuffix(".tar.xz")
    command = ["tar", "-C", str(folder), "--strip-components=1", "-xf", str(archive), "--wildcards"]
    if run(command + [f"{top}/{name}" for name in SOURCES], log, BUILD_LIMIT) != 0:
        raise RuntimeError(f"the kernel's source cannot be unpacked, see {log}")


def arrange(folder):
    """Leaves out the drivers for particular devices, and gives iommufd the span iterator."""
    for name in ("drivers/vfio/Makefile", "drivers/vfio/pci/Makefile"):
        lines = (folder / name).read_text().splitlines()
        kept = [line for line in lines if not line.endswith("/") or "CONFIG_VFIO_PCI_CORE" in line]
        (folder / name).write_text("\n".join(kept) + "\n")
    tree = (folder / "lib/interval_tree.c").read_text()
    includes = "".join(f"#include <linux/{name}.h>\n" for name in ("interval_tree", "compiler", "export"))
    guarded = tree[tree.index("#ifdef CONFIG_INTERVAL_TREE_SPAN_ITER"):]
    (folder / "drivers/iommu/iommufd/span_iterator.c").write_text(includes + guarded)
    with open(folder / "drivers/iommu/iommufd/Makefile", "a") as makefile:
        makefile.write("iommufd-y += span_iterator.o\n")
    (folder / "Kbuild").write_text("obj-m += drivers/iommu/iommufd/ drivers/vfio/\n")


def in_root(root, log):
    """What to put before a command to run it in the packages' own root: a kernel's build tools need the C library that they
    come with."""
    private = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]  # the bind mount is gone with the process
    if os.geteuid() != 0:
        private.append("--map-root-user")
    if run([*private, "true"], log, BUILD_LIMIT) != 0:
        raise NotRun(f"this user may not make mount and process namespaces (unshare), in which kernels are built; see {log}")
    return [*private, "sh", "-c", IN_ROOT, "sh", str(root)]


def compile_modules(root, log):
    headers = f"/lib/modules/{version(root)}/build"
    make = ["nice", "make", "-C", headers, "M=/modules", f"-j{os.cpu_count()}", "modules", *SETTINGS]
    if run([*in_root(root, log), *make], log, BUILD_LIMIT) != 0:
        raise RuntimeError(f"the iommufd and VFIO modules do not compile, see {log}")


def build_modules(modules, root):
    """Fills the folder with the built modules."""
    log = modules.with_suffix(".log")
    log.write_bytes(b"")
    source = root / "modules"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    unpack_source(root, source, log)
    arrange(source)
    compile_modules(root, log)
    partial = modules.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in BUILT:
        shutil.copy(next(source.rglob(f"{name}.ko")), partial)
    shutil.rmtree(source)
    partial.rename(modules)  # the stamp


def stock_module(root, name, to):
    packed = next((root / "usr/lib/modules" / version(root) / "kernel").rglob(f"{name}.ko.xz"))
    with open(to, "wb") as out:
        subprocess.run([root / "usr/bin/busybox", "xzcat", packed], stdout=out, check=True, timeout=60)
