# SPDX-License-Identifier: Apache-2.0
"""Debian packages unpacked into a folder: no root, no maintainer scripts, nothing of this machine changes."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from process import NotRun, run

SUITES = ("trixie", "trixie-backports")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MERGED = ("bin", "sbin", "lib", "lib64")  # links into usr/ which base-files' maintainer script would make
DOWNLOAD_LIMIT = 900  # seconds


def names(listed):
    lines = (line.split("#")[0].strip() for line in listed.read_text().splitlines())
    return [line for line in lines if line]


def mirror():
    """Where this machine's own Debian packages come from; APERTURE_DEBIAN_MIRROR overrides."""
    if os.environ.get("APERTURE_DEBIAN_MIRROR"):
        return os.environ["APERTURE_DEBIAN_MIRROR"]
    listed = subprocess.run(["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages"],
                            capture_output=True, text=True)
    for address in listed.stdout.split():
        if re.search(r"/debian/?$", address):
            return address
    raise NotRun("apt knows no Debian mirror here; name one in APERTURE_DEBIAN_MIRROR")


def apt_environment(folder):
    """An apt of its own: no package installed, our suites only. The machine's proxy settings hold for it as well."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    sources = "".join(f"deb [arch=amd64 signed-by={KEYRING}] {mirror()} {suite} main\n" for suite in SUITES)
    (folder / "sources.list").write_text(sources)
    settings = {
        "Dir::State": folder, "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status",
        "Dir::Cache": folder, "Dir::Cache::archives": folder / "archives",
        "Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "amd64", "APT::Sandbox::User": "root", "Acquire::Languages": "none", "Acquire::Retries": "3",
    }
    (folder / "apt.conf").write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    return os.environ | {"APT_CONFIG": str(folder / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}


def download(listed, folder, log):
    if not KEYRING.exists():
        raise NotRun(f"{KEYRING} is missing (package debian-archive-keyring)")
    environment = apt_environment(folder)
    install = ["apt-get", "install", "-q", "-y", "--download-only", "--no-install-recommends", "-t", SUITES[-1], *names(listed)]
    for command in (["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"], install):
        try:
            code = run(command, log, DOWNLOAD_LIMIT, env=environment)
        except subprocess.TimeoutExpired:
            raise NotRun(f"Debian packages could not be downloaded within {DOWNLOAD_LIMIT} s") from None
        if code != 0:
            reasons = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("E:", "Err:"))]
            raise NotRun("Debian packages could not be downloaded: " + (reasons or [f"see {log}"])[0])
    return sorted((folder / "archives").glob("*.deb"))


def unpack(archives, root, log):
    for archive in archives:
        if run(["dpkg-deb", "-x", str(archive), str(root)], log, DOWNLOAD_LIMIT) != 0:
            raise RuntimeError(f"{archive.name} cannot be unpacked, see {log}")
    for name in MERGED:
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    (root / "usr/bin/awk").symlink_to("mawk")
    for name in ("dev", "proc", "tmp"):
        (root / name).mkdir(exist_ok=True)


def install(root, listed):
    """Fills the folder with the files of the packages in the file `listed`."""
    log = root.with_suffix(".log")
    log.write_bytes(b"")
    apt = root.with_suffix(".apt")
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    unpack(download(listed, apt, log), partial, log)
    shutil.rmtree(apt)
    partial.rename(root)  # the stamp
