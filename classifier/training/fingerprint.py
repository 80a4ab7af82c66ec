"""What a fit depends on beside its data: code, packages, and the libraries that add numbers up.

Anything kept from an earlier run (checkpoints, a cache) stands under a digest of this, so that none of it is taken for
the result of other code.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from functools import cache
from pathlib import Path
from typing import Any

import threadpoolctl

import classifier
from classifier.model.store import dump_json
from classifier.text.engine import engine

PACKAGES = ("numpy", "scikit-learn", "scipy", "narrative-classifier")
CODE = frozenset({".py", ".so", ".pyd"})


def digest_of(value: object) -> str:
    """SHA-256 of a value as JSON."""
    return "sha256:" + hashlib.sha256(dump_json(value)).hexdigest()


def package_versions() -> dict[str, str]:
    """Python and the packages whose versions a model names."""
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


@cache
def fingerprint() -> dict[str, Any]:
    """Versions, the active engine, the kind of machine, its linear algebra, and a digest of this package's files."""
    return {
        "packages": package_versions(),
        "engine": engine,
        "machine": platform.machine(),
        "linear_algebra": sorted(
            [str(library.get(key)) for key in ("internal_api", "version", "architecture")]
            for library in threadpoolctl.threadpool_info()
            if library["user_api"] == "blas"
        ),
        "code": _code_digest(Path(classifier.__file__).parent),
    }


def _code_digest(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in CODE and path.is_file():
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
