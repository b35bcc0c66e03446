"""Every command and every example of README.md is run unchanged, on models and files small enough for a test.

Models have the README's names and tiny networks; the Hub is one on this machine. What can't be run in a test is listed
in `NOT_RUN`, with a check of what it needs.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image
from typer.main import get_command

from gan_core.cli import app
from gan_core.data.base import DataSpec
from tests import hub_server
from tests.cli.commands import ok
from tests.latent.test_commands import publish
from tests.made_models import make_model
from tests.models.test_community import esrgan
from tests.models.test_foreign import resnet
from tests.test_house import ROOT

# how huggingface_hub 2.4 hands a file over to httpx2 on the LFS path
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

README = (ROOT / "README.md").read_text(encoding="utf-8")
ATTRIBUTES = {"hat": ("none", "cap"), "hair": ("bob", "bun", "long")}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.S | re.M)


def commands() -> list[str]:
    """The lines of all shell blocks, without their comments."""
    lines = [shlex.join(shlex.split(line, comments=True)) for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


def makes(target: str) -> bool:
    """`make` would set up an environment from the network; checks that these are its targets."""
    return f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def installs_the_command() -> bool:
    """The packages of requirements.txt, and `ganscope`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [file] = project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert all(Requirement(line) for line in lines if line and not line.startswith(("#", "-")))
    return "ganscope" in project["project"]["scripts"]


def exposes(*ports: int) -> bool:
    """The image would be built from the network; tests/test_docker.py reads the Dockerfile."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    exposed = re.search(r"^EXPOSE (.*)$", dockerfile, re.M)
    return exposed is not None and {str(port) for port in ports} <= set(exposed.group(1).split())


NOT_RUN: dict[str, Callable[[], bool]] = {
    "make run": lambda: makes("run"),
    "make studio": lambda: makes("studio"),
    "make test": lambda: makes("test"),
    "pip install -e .": installs_the_command,
    "streamlit run app.py": lambda: (ROOT / "app.py").exists(),  # tests/e2e opens it in a browser
    "docker build -t ganscope .": lambda: (ROOT / "Dockerfile").exists(),
    "docker run --init -p 8501:8501 -p 7860:7860 -v ganscope:/home/ganscope/.ganscope ganscope": lambda: exposes(
        8501, 7860
    ),
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[hub_server.Hub]:
    """A Hub on which `owner/name` is a model of the user's."""
    with hub_server.serving() as hub:
        hub_server.pointed(monkeypatch, hub, tmp_path)
        hub.users["hf_ada"] = "owner"
        make_model("cgan.hub", folder=(folder := tmp_path / "hub"))
        hub.add("owner/name", {path.name: path.read_bytes() for path in folder.iterdir()}, private=True)
        yield hub


@pytest.fixture
def desk(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README names, and tiny models that have its names."""
    models = home / "models"
    make_model("cyclegan.avatars", "digits_coloured_unpaired")
    make_model("dcgan.digits")
    make_model("srgan.bsds_x4", folder=models / "srresnet.bsds_x4")
    publish(models / "stylegan2.avatars", "stylegan2", DataSpec({"real": (3, 16, 16)}), {})
    spec = DataSpec({"real": (3, 16, 16)}, 0, {name: len(values) for name, values in ATTRIBUTES.items()})
    publish(models / "features.avatars", "feature_net", spec, ATTRIBUTES, "stylegan2.avatars")
    desk = tmp_path / "desk"
    (desk / "pictures").mkdir(parents=True)
    for path in (desk / "photo.jpg", desk / "pictures" / "one.jpg"):
        Image.radial_gradient("L").resize((40, 32)).convert("RGB").save(path)
    torch.save(resnet(4, 2).state_dict(), desk / "horse2zebra.pth")
    torch.save({"params_ema": esrgan().state_dict()}, desk / "4x-Other.pth")
    shutil.copyfile(ROOT / "tests" / "shelf" / "keras" / "tutorial.keras", desk / "generator.keras")
    monkeypatch.chdir(desk)
    return desk


def test_every_command_runs(desk: Path, hub: hub_server.Hub) -> None:
    left = {line for line in commands() if line not in NOT_RUN}
    assert len(left) >= 12
    for line in commands():
        if line in left:
            program, *words = shlex.split(line)
            assert program == "ganscope", line
            ok(*words)
    for name in ("digits.png", "faces.mp4", "translated/one.png", "large.png", "faces.png"):
        assert (desk / name).stat().st_size > 0
    assert len(hub.repositories["model", "owner/name"].commits) == 2
    assert ("space", "owner/name") in hub.repositories


@pytest.mark.parametrize("line", NOT_RUN)
def test_what_is_not_run_is_there_and_could_be(line: str) -> None:
    assert line in commands()
    assert NOT_RUN[line]()


@pytest.mark.parametrize("example", blocks("python"), ids=lambda example: example.splitlines()[-1].strip())
def test_every_example_runs(example: str, hub: hub_server.Hub) -> None:
    values: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), values)
    assert values.keys() & {"result", "samples"}


def test_every_command_of_the_list_exists() -> None:
    """The list names every command, and no other."""
    listed = re.search(r"\*\*Command line\*\*: (.*?); with\s+`--json`", README, re.S)
    assert listed
    named = set(re.findall(r"`(?:ganscope )?([a-z-]+)`", listed.group(1)))
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert named == {name for name, one in commands.items() if not one.hidden}


def test_blocks_are_of_known_languages() -> None:
    assert set(re.findall(r"^```(\w*)$", README, re.M)) == {"", "sh", "python"}
