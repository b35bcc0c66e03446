"""The Studio as a Space: the upload is complete and starts by itself, and nothing else is touched."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gradio_client import Client
from huggingface_hub import RepoCard

from gan_core.models import space
from gan_core.version import __version__
from tests.cli.commands import ok, refused
from tests.hub_server import Hub, at, environment
from tests.studio_serving import serving_from

# how huggingface_hub 2.4 hands a file over to httpx2 on the LFS path
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
NAME = "ada/studio"
ROOT = space.ROOT


@pytest.fixture
def project(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small GANscope: one module of each folder, one model, and the clutter of a working folder."""
    folder = tmp_path / "project"
    for name in ("gradio_app.py", "LICENSE", "requirements.txt", "docs/space/README.md", "gan_core/__init__.py",
                 "tabs/__init__.py", "ui/__init__.py", "ui/studio/widgets/studio.css"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(model, folder / "pretrained" / model.name)
    for name in (
        "ui/__pycache__/x.cpython-311.pyc",
        "ui/.env",
        "ui/classroom/page.py",
        "tabs/.secret/key.py",
        "gan_core/core.dump",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for others")
    monkeypatch.setattr(space, "ROOT", folder)
    return folder


def commits(hub: Hub) -> list[str]:
    return [commit.summary for commit in hub.repositories["space", NAME].commits]


def test_a_space_is_one_commit_with_all_that_it_needs_and_nothing_else(hub: Hub, project: Path) -> None:
    said = ok("publish-space", NAME)
    made = hub.repositories["space", NAME]
    assert made.sdk == "gradio"
    assert f"The Studio is at {hub.address}/spaces/{NAME} (public, commit {made.commits[-1].id[:12]})." in said
    assert commits(hub) == ["initial commit", f"GANscope {__version__}"]
    files = made.commits[-1].files
    assert files.keys() == {
        ".gitattributes", "README.md", "LICENSE", "gradio_app.py", "requirements.txt", "gan_core/__init__.py",
        "tabs/__init__.py", "ui/__init__.py", "ui/studio/widgets/studio.css", "pretrained/cgan.noise/card.toml",
        "pretrained/cgan.noise/weights.safetensors", "pretrained/cgan.noise/sample.png",
    }  # fmt: skip
    weights = project / "pretrained" / "cgan.noise" / "weights.safetensors"
    assert files["pretrained/cgan.noise/weights.safetensors"] == weights.read_bytes()
    page = RepoCard(files["README.md"].decode(), ignore_metadata_errors=False)
    assert (page.data.sdk, page.data.app_file) == ("gradio", "gradio_app.py")


def test_requirements_are_the_projects_without_the_classrooms(hub: Hub, project: Path) -> None:
    lines = space.requirements(["gradio==1.2", "plotly==7", "streamlit[all]==1", "torch==2"])
    assert lines == ["--extra-index-url https://download.pytorch.org/whl/cpu", "gradio==1.2", "torch==2"]


def test_a_second_push_removes_files_that_are_no_longer_needed(hub: Hub, project: Path) -> None:
    assert json.loads(ok("publish-space", NAME, "--json"))["url"].endswith(NAME)
    (project / "ui" / "studio" / "widgets" / "studio.css").unlink()
    (project / "tabs" / "new.py").write_text("NEW = 1\n")
    ok("publish-space", NAME)
    files = hub.repositories["space", NAME].commits[-1].files
    assert "ui/studio/widgets/studio.css" not in files
    assert files["tabs/new.py"] == b"NEW = 1\n"
    assert ".gitattributes" in files
    assert sum(line.startswith("PUT /lfs/") for line in hub.asked) == 2  # weights and samples, once
    assert len(commits(hub)) == 3


def test_a_space_with_something_else_in_it_is_left_alone(hub: Hub, project: Path) -> None:
    hub.add(NAME, {"app.py": b"print()", "README.md": b""}, type="space")
    assert "is a Space with other content, so nothing was uploaded" in refused(1, "publish-space", NAME)
    assert commits(hub) == ["First"]
    hub.add(NAME, {"README.md": b"", ".gitattributes": b""}, type="space")
    ok("publish-space", NAME)


def test_private_is_private(hub: Hub, project: Path) -> None:
    assert "(private, " in ok("publish-space", NAME, "--private")
    assert hub.repositories["space", NAME].private
    hub.add("ada/open", {}, type="space")
    assert "ada/open already exists and is public" in refused(1, "publish-space", "ada/open", "--private")


def test_without_a_token_or_with_a_wrong_one(hub: Hub, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert "requires a Hub token with write access: set HF_TOKEN" in refused(1, "publish-space", NAME)
    assert hub.asked == []
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "rejected your token" in refused(1, "publish-space", NAME)
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    assert "no write access" in refused(1, "publish-space", "bob/studio")
    assert hub.stored == {}


def test_offline(hub: Hub, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "http://127.0.0.1:9")  # where no server listens
    assert "The Hub can't be reached" in refused(1, "publish-space", NAME)


@pytest.mark.parametrize("name", ["studio", "ada/studio/x", "spaces/ada/studio", "a b/c", "hf://ada/studio"])
def test_invalid_repositories(hub: Hub, project: Path, name: str) -> None:
    assert f"'{name}' is not a Hub repository. Valid: owner/name." in refused(2, "publish-space", name)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("beginning", "answer", "said"),
    [
        ("PUT /lfs/", (400, "", "No room left"), "returned status 400 for ada/studio. No room left"),
        (
            "POST /api/spaces/ada/studio/commit",
            (412, "", "Changed meanwhile"),
            "status 412 for ada/studio. Changed",
        ),
    ],
)
def test_an_upload_that_breaks_commits_nothing(
    hub: Hub, project: Path, beginning: str, answer: tuple[int, str, str], said: str
) -> None:
    hub.refuse[beginning] = answer
    assert said in refused(1, "publish-space", NAME)
    assert commits(hub) == ["initial commit"]
    del hub.refuse[beginning]
    ok("publish-space", NAME)


def test_a_damaged_model_is_not_published(hub: Hub, project: Path) -> None:
    """For example, a pointer of Git LFS instead of the weights."""
    (project / "pretrained" / "cgan.noise" / "weights.safetensors").write_text("version https://git-lfs")
    assert "modified or truncated" in refused(1, "publish-space", NAME)
    assert hub.asked == []


def test_an_installed_package_has_no_studio_to_publish(hub: Hub, project: Path) -> None:
    (project / "gradio_app.py").unlink()
    assert "has no gradio_app.py" in refused(2, "publish-space", NAME)
    assert hub.asked == []


# --- the real one ----------------------------------------------------------------------------------------------------

# in the Space's process: nothing but this machine is reached, and only what requirements.txt names can be imported
GUARD = """
import os, socket, sys
here = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", None, ""}
connect, look_up = socket.socket.connect, socket.getaddrinfo
def report(what):
    with open(os.environ["GUARD_LOG"], "a") as log:
        log.write(f"{what}\\n")
    raise OSError(f"not allowed: {what}")
def guarded(self, address):
    if isinstance(address, tuple) and address[0] not in here:
        report(address)
    return connect(self, address)
def looked_up(host, *rest, **options):
    if host not in here:
        report(host)
    return look_up(host, *rest, **options)
socket.socket.connect, socket.getaddrinfo = guarded, looked_up
absent = set(os.environ["GUARD_ABSENT"].split(","))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def not_installed_in(requirements: list[str]) -> set[str]:
    """Packages that can be imported here, but not if only these requirements are installed."""
    wanted = [re.split(r"[=<>~!\[; (]", line)[0] for line in requirements if not line.startswith("--")]
    present: set[str] = set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in present:
            continue
        present.add(name)
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        wanted += [re.split(r"[=<>~!\[; (]", line)[0] for line in needed if "extra ==" not in line]
    return {
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if all(re.sub(r"[-_.]+", "-", owner).lower() not in present for owner in owners)
    } - {"gan_core", "tabs", "ui", "sitecustomize"}


@pytest.mark.slow
def test_the_uploaded_tree_draws_without_network_and_gpu(hub: Hub, tmp_path: Path) -> None:
    """Uploaded by the command in a process of its own; then the Hub's files are started as in a Space."""
    variables = {**os.environ, **environment(hub, tmp_path / "hf"), "OMP_NUM_THREADS": "1"}
    code = "import sys\nfrom gan_core.cli import app\napp(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "publish-space", NAME], env=variables, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    files = hub.repositories["space", NAME].commits[-1].files
    for path, content in files.items():
        (tmp_path / "space" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "space" / path).write_bytes(content)
    absent = not_installed_in(files["requirements.txt"].decode().splitlines())
    assert {"streamlit", "plotly", "pytest"} <= absent
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    (tmp_path / "home").mkdir()
    surroundings = {
        "PYTHONPATH": str(tmp_path / "guard"), "GUARD_LOG": str(tmp_path / "reached"), "GUARD_ABSENT": ",".join(absent),
        "CUDA_VISIBLE_DEVICES": "", "SPACE_ID": NAME, "GRADIO_SERVER_NAME": "127.0.0.1",
    }  # fmt: skip
    with serving_from(tmp_path / "space", tmp_path / "home", **surroundings) as studio:
        client = Client(studio.url, verbose=False)
        scene = client.predict("?seed=4", api_name="/arrive")
        client.close()
    assert scene[0]["now"].startswith("data:image/")
    assert not (tmp_path / "reached").exists(), (tmp_path / "reached").read_text()
