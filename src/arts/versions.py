"""Versions of the packages that a result depends on."""

import sys
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "arts-llm"
"""The name of this package on the package index; the plain name belongs to somebody else."""


def versions(*packages: str) -> dict[str, str]:
    """Package → installed version, ``arts`` for our own, ``python`` too; what is not installed is left out.

    >>> "arts" in versions("arts", "no-such-package"), "no-such-package" in versions("no-such-package")
    (True, False)
    """
    found = {}
    for package in packages:
        if package == "python":
            found[package] = ".".join(map(str, sys.version_info[:3]))
            continue
        try:
            found[package] = version(DISTRIBUTION if package == "arts" else package)
        except PackageNotFoundError:
            continue
    return found
