# SPDX-License-Identifier: Apache-2.0
"""Checks of files as text. Each returns a list of problems."""
import subprocess
import sys

CLANG_FORMAT = "clang-format-14"  # pinned: another version formats differently
LICENCE = "SPDX-License-Identifier: Apache-2.0"
CPP = (".cpp", ".hpp", ".c", ".h")
WITH_LICENCE = CPP + (".sv", ".svh", ".py", ".sh", ".cmake")
SCRIPTS = ("dev", ".ci/run")


def ours(root):
    """Files that belong to the repository: known to git, or new and not ignored."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=root, check=True,
                            capture_output=True, text=True).stdout
    return sorted(name for name in set(listed.split("\0")) if name and (root / name).is_file())


def licence_headers(root):
    problems = []
    for name in ours(root):
        if not (name.endswith(WITH_LICENCE) or name.endswith("CMakeLists.txt") or name in SCRIPTS):
            continue
        head = (root / name).read_text(errors="replace").splitlines()[:3]
        if not any(LICENCE in line for line in head):
            problems.append(f"{name}: no '{LICENCE}' in the first three lines")
    return problems


def cpp_format(root, fix):
    names = [name for name in ours(root) if name.endswith(CPP)]
    if not names:
        return []
    if fix:
        subprocess.run([CLANG_FORMAT, "-i", *names], cwd=root, check=True)
        return []
    run = subprocess.run([CLANG_FORMAT, "--dry-run", "--ferror-limit=1", *names], cwd=root, capture_output=True, text=True)
    places = [line for line in run.stderr.splitlines() if "-Wclang-format-violations" in line or "error:" in line]
    return [f"{line.split(': ')[0]}: not formatted (./dev lint --fix)" for line in places]


def shell_syntax(root):
    problems = []
    for name in [name for name in ours(root) if name in SCRIPTS or name.endswith(".sh")]:
        run = subprocess.run(["bash", "-n", name], cwd=root, capture_output=True, text=True)
        problems += run.stderr.splitlines()
    return problems


def generated(root):
    run = subprocess.run([sys.executable, "rtl/regs/generate.py", "--check"], cwd=root, capture_output=True, text=True)
    if run.returncode == 0:
        return []
    return (run.stdout + run.stderr).splitlines() or ["rtl/regs/generate.py --check failed"]
