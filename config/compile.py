"""Builds each C source of the package into a shared library beside it, as a part of building the package.

The compiler is the system's, or else that of the ``ziglang`` wheel. Without any the package is built all the same: it
then does in Python what the libraries do. One of them is a module of Python, and needs the header files of Python too.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = (
    "src/llamaparse_worker/backends/reader/pdf/glyphs.c",
    "src/llamaparse_worker/backends/reader/pdf/paths.c",
    "src/llamaparse_worker/backends/reader/pdf/structure.c",
    "src/llamaparse_worker/layout/characters.c",
    "src/llamaparse_worker/layout/codes.c",
    "src/llamaparse_worker/layout/columns.c",
    "src/llamaparse_worker/layout/levels.c",
    "src/llamaparse_worker/layout/lines.c",
    "src/llamaparse_worker/layout/rules.c",
    "src/llamaparse_worker/layout/segments.c",
    "src/llamaparse_worker/model/values.c",
)
MODULES = frozenset(
    {"characters.c", "codes.c", "columns.c", "levels.c", "lines.c", "rules.c", "segments.c", "values.c"}
)
"""Sources of modules of Python; each fits the version of Python that it was built for."""
COMPILER_WHEEL = "ziglang>=0.15,<0.18"
OPTIONS = (
    "-shared",
    "-fPIC",
    "-O2",
    "-nostdlib",
    "-fvisibility=hidden",
    "-ffp-contract=off",  # the results must be those of the way through Python
    "-fno-math-errno",
)


class CompileSources(BuildHookInterface[Any]):
    """Compiles before the files of the package are collected."""

    def dependencies(self) -> list[str]:
        """Ask for a compiler where the system has none; only an isolated build installs it."""
        return [] if system_compiler() else [COMPILER_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; what could not be compiled is left out."""
        del version
        if self.target_name != "wheel":
            return
        built = []
        for source in map(Path(self.root).joinpath, SOURCES):
            problem = compiled(source, library_of(source))
            if problem:
                self.app.display_warning(f"{source.name} is not compiled, a slower way in Python runs: {problem}")
                continue
            build_data["artifacts"].append(str(library_of(source).relative_to(self.root)))
            built.append(source.name)
        if built:
            build_data["pure_python"] = False
            build_data["tag"] = tag(for_this_version=not MODULES.isdisjoint(built))


def tag(*, for_this_version: bool) -> str:
    """Give the compatibility tag of a wheel with libraries: for this version of Python, or for each."""
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    python = f"{version}-{version}" if for_this_version else "py3-none"
    return f"{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def library_of(source: Path) -> Path:
    """Give the path of the library that a source becomes."""
    if source.name in MODULES:
        return source.with_name(f"_{source.stem}{sysconfig.get_config_var('EXT_SUFFIX')}")
    return source.with_name(f"lib{source.stem}.so")


def compiled(source: Path, library: Path) -> str:
    """Compile; gives what went wrong, empty if nothing did. An older library does not stay."""
    library.unlink(missing_ok=True)
    compiler = system_compiler() or wheel_compiler()
    if not compiler:
        return "there is no C compiler"
    headers = sysconfig.get_path("include")
    if source.name in MODULES and not Path(headers, "Python.h").exists():
        return "the header files of Python are not installed"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / library.name
        ended = subprocess.run(
            [*compiler, *OPTIONS, "-isystem", headers, "-o", str(made), str(source)],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": "/usr/bin:/bin",
                "ZIG_GLOBAL_CACHE_DIR": folder,
                "ZIG_LOCAL_CACHE_DIR": folder,
                "HOME": folder,
            },
        )
        if ended.returncode:
            return f"{compiler[0]} fails: {ended.stderr.strip()[-500:]}"
        shutil.copyfile(made, library.with_suffix(".new"))
    library.with_suffix(".new").replace(library)  # at once, as a process may be using the older one
    return ""


def system_compiler() -> list[str]:
    """Give the command of the system's C compiler, empty if it has none."""
    return [path for path in map(shutil.which, ("cc", "gcc", "clang")) if path][:1]


def wheel_compiler() -> list[str]:
    """Give the command of the compiler that is installed as a Python package, empty if none is."""
    return [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else []
