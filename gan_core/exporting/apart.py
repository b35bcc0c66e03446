"""An export in a separate process, so that a server keeps neither the exporter's memory nor its hooks into PyTorch.

    written = export_apart(str(folder), Path("avatars.onnx"), Wanted(precision="fp16"))

The process reads the request as JSON from standard input, and answers in one line of JSON: the result, or the error as
template and values, so that a front end can show it in another language.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.errors import (
    BadCheckpoint,
    BadData,
    BadValue,
    ExportError,
    GanscopeError,
    HubError,
    StoreError,
    plain_values,
    values_of,
)
from gan_core.exporting.wanted import Wanted, Written

LONGEST = 600.0  # seconds of an export
KINDS = {kind.__name__: kind for kind in (BadCheckpoint, BadData, BadValue, HubError, StoreError)}

_running: set[subprocess.Popen[str]] = set()


def export_apart(name: str, path: Path, wanted: Wanted, run: bool = False) -> Written:
    """Like `writing.export_model`, for a model by its name or folder, or a run by its id.

    Raises the same errors, but ExportError for an unknown name, after LONGEST seconds, or if the process ends without
    an answer.
    """
    asked = {"name": name, "path": str(path.resolve()), "wanted": asdict(wanted), "run": run}
    with subprocess.Popen(
        [sys.executable, "-m", "gan_core.exporting.apart"], cwd=paths.ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        _running.add(process)
        try:
            said, complaint = process.communicate(json.dumps(asked), timeout=LONGEST)
        except subprocess.TimeoutExpired:
            raise ExportError("The export took longer than {seconds:g} seconds.", seconds=LONGEST) from None
        finally:
            process.kill()  # after an interrupt too; does nothing if it has ended
            _running.discard(process)
    if process.returncode:
        last = (complaint.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise ExportError("This network can't be exported: {reason}", reason=last)
    answer = json.loads(said.strip().splitlines()[-1])
    if "message" in answer:
        raise KINDS.get(answer["kind"], ExportError)(answer["message"], **values_of(answer["values"]))
    return Written(**answer | {"files": tuple(map(Path, answer["files"]))})


def stop() -> None:
    """Ends running exports when a server ends; no partial file is left under an export's name."""
    for process in list(_running):
        process.kill()


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    from gan_core.exporting.writing import export_model
    from gan_core.runs.store import RunStore

    try:
        store = RunStore() if asked["run"] else None
        written = export_model(asked["name"], Path(asked["path"]), Wanted(**asked["wanted"]), store)
    except GanscopeError as error:
        return {"kind": type(error).__name__, "message": error.message, "values": plain_values(error.values)}
    return asdict(written) | {"files": list(map(str, written.files))}


if __name__ == "__main__":
    print(json.dumps(_answer(json.load(sys.stdin))))
