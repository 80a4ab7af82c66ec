"""The programs that some tests need and pip cannot install: Chromium, PostgreSQL and nginx.

python tests/system.py    # installs what is missing: on Debian, as root, unless NO_SYSTEM=1 forbids it
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def find_chromium() -> str | None:
    """Path of a Chromium (or Chrome), None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def find_postgresql() -> Path | None:
    """The directory with ``initdb`` and ``postgres`` (Debian keeps it off the PATH), None where there is none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


def find_nginx() -> str | None:
    """Path of an nginx (Debian keeps it off the PATH of others than root), None where there is none."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def install() -> None:
    """Install what is missing where that is allowed; say what is done, and what is left out where it is not."""
    wanted = {"chromium": find_chromium(), "postgresql": find_postgresql(), "nginx": find_nginx()}
    missing = [name for name, found in wanted.items() if found is None]
    if not missing:
        return
    names = " and ".join(missing)
    debian = shutil.which("apt-get") is not None and os.name == "posix" and os.geteuid() == 0
    if os.environ.get("NO_SYSTEM") or not debian:
        why = "NO_SYSTEM is set" if os.environ.get("NO_SYSTEM") else "this is not Debian, or you are not root"
        print(f"{names}: not here, and not installed since {why}; tests that need them are left out, by name below")
        return
    print(f"installing {names} with apt-get, since tests need them (NO_SYSTEM=1 forbids it)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print(
                f"{' '.join(command)} failed ({done.returncode}); tests that need {names} are left out, by name below"
            )
            return


if __name__ == "__main__":
    sys.exit(install())
