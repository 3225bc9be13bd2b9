"""What a function's package holds: this library's layer beside what a hand-written one installs.

Unzipped, for Python 3.12 on x86_64, without boto3, which Lambda's runtime has.  It needs uv, and
installs from the package index.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PEERS = {
    "PyJWT by hand": ["PyJWT[crypto]"],
    "Powertools": ["aws-lambda-powertools[jwt]"],
}
LAYERS = {"authz-lib": [], "authz-lib with the Cedar engine": ["--cedar"]}
MACHINE = ["--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_28"]


def installed(uv: str, folder: Path, requirements: list[str]) -> int:
    """Bytes of an installation for the functions' machine."""
    subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--target", str(folder), *MACHINE),
            *("--only-binary", ":all:", "--no-compile-bytecode", *requirements),
        ],
        check=True,
    )
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def layer(folder: Path, options: list[str]) -> int:
    """Bytes of the layer that `authz layer` builds."""
    words = ["layer", "--python", "3.12", "--arch", "x86_64", "--json", *options, "-o", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "authz_lib.cli", *words], check=True, capture_output=True
    )
    return int(json.loads(done.stdout)["bytes"])


def main() -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    print("Unzipped, Python 3.12 on x86_64, without boto3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {peer: installed(uv, folder / peer, wanted) for peer, wanted in PEERS.items()}
        sizes |= {kind: layer(folder / kind, options) for kind, options in LAYERS.items()}
    for title, size in sizes.items():
        print(f"  {title:34}{size / 1024 / 1024:5.0f} MB")


if __name__ == "__main__":
    main()
