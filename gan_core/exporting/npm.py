"""onnxruntime for browsers, from its npm package: one pinned version, verified by checksum.

`npm pack` downloads the package with npm's configured registry, proxies and certificates. It is kept in
`GANSCOPE_HOME/downloads`. No script of a package is run.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from gan_core import paths
from gan_core.disk import writing
from gan_core.errors import BadData, ExportError

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")  # sufficient for single-threaded WebAssembly
LONGEST = 600.0  # seconds of a download
TARBALL = f"{PACKAGE}-{VERSION}.tgz"


def runtime_files(tarball: Path | None = None) -> dict[str, bytes]:
    """FILES by name, from a given tarball, else from the stored one, which is downloaded if missing.

    Raises BadData for a tarball with other content, and ExportError if none is available.
    """
    found = tarball or _kept()
    if not found.is_file():
        raise BadData("There is no file {file}.", file=found)
    _check(found)
    with tarfile.open(found) as archive:
        made = {}
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None  # the checksum guarantees the content
            made[name] = member.read()
    return made


def _check(tarball: Path) -> None:
    with tarball.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    if base64.b64encode(digest).decode() != SHA512:
        raise BadData(
            "{file} isn't {package} {version}: its checksum differs.",
            file=tarball.name, package=PACKAGE, version=VERSION,
        )  # fmt: skip


def _kept() -> Path:
    """The stored tarball, downloaded on first use."""
    kept = paths.home() / "downloads" / TARBALL
    if kept.is_file():
        try:
            _check(kept)
            return kept
        except BadData:
            kept.unlink(missing_ok=True)
    with writing(kept.parent):
        kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        made = _packed(Path(folder))
        _check(made)
        with writing(kept.parent):
            os.replace(made, kept)
    return kept


def _packed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ExportError(
            "The page needs {package} {version}, and npm, which downloads it, isn't installed. Install npm, or pass "
            "the package's tarball with --runtime.",
            package=PACKAGE, version=VERSION,
        )  # fmt: skip
    words = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        raise ExportError("npm took longer than {seconds:g} seconds.", seconds=LONGEST) from None
    made = folder / TARBALL
    if done.returncode or not made.is_file():
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ExportError(
            "npm couldn't download {package} {version}: {reason}",
            package=PACKAGE, version=VERSION, reason=(lines or [f"exit code {done.returncode}"])[0][:300],
        )  # fmt: skip
    return made
