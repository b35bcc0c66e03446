"""The examples of docs/distributed.md, run by a shell, and its tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import equality

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")
EXAMPLES = [block for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S) if "SBATCH" not in block]
PATIENT = pytest.mark.timeout(1200)  # starts up to six processes, one after the other


def test_the_page_says_what_is_not_equal() -> None:
    rows = set(re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE, re.M))
    assert rows >= set(equality.RANKS.items()) | set(equality.PARTS.items())
    named = {name for name, _ in rows if not name.startswith("`")} - {"Recipe", "What", "Option", "---"}
    assert named == equality.RANKS.keys() | equality.PARTS.keys()


def here(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"GANSCOPE_HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def begin(script: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "-euc", script], cwd=ROOT, env=here(home), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run_of(home: Path, name: str) -> Run:
    return next(run for run in RunStore(home).runs() if run.name == name)


@PATIENT
@pytest.mark.release
def test_the_examples_run(home: Path) -> None:
    together, resumed, machines, by_hand = EXAMPLES
    for script in (together, resumed, by_hand):
        process = begin(script, home)
        output = process.communicate()[0]
        assert process.returncode == 0, output
    assert (run_of(home, "together").state, run_of(home, "together").step) == (RunState.FINISHED, 40)
    assert run_of(home, "by-hand").step == 20
    nodes = [begin(machines, home), begin(machines, home.with_name("other"))]  # as on two machines
    outputs = [node.communicate()[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs
    homes = [place for place in (home, home.with_name("other")) if (place / "runs").exists()]
    assert any(run.name == "machines" and run.step == 20 for place in homes for run in RunStore(place).runs())
