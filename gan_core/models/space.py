"""Publishes the Studio as a Space on the Hugging Face Hub, in one commit.

    publish("owner/name")

The Space gets the code, the models of `pretrained/`, docs/space/README.md as its page, and requirements without those
of the classroom.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from gan_core.errors import BadValue, HubError
from gan_core.models import hub, listing
from gan_core.models.card import CARD, read_card
from gan_core.models.push import PAGE, Pushed, check_name, require_token, uploading
from gan_core.paths import ROOT
from gan_core.version import __version__

ENTRY = "gradio_app.py"
FRONT = Path("docs") / "space" / "README.md"
REQUIREMENTS = "requirements.txt"
FOLDERS = ("gan_core", "tabs", "ui", "pretrained")
CLASSROOM = Path("ui") / "classroom"  # used only by the app
KINDS = {".css", ".html", ".js", ".json", ".po", ".png", ".py", ".safetensors", ".svg", ".toml"}
UNUSED = ("plotly", "spandrel", "streamlit")  # needed only by the app, or for files that a public Studio never reads
CPU = "--extra-index-url https://download.pytorch.org/whl/cpu"  # PyTorch without the 5 GB for GPUs
OURS = "gan_core/__init__.py"  # identifies a Space of GANscope
FRESH = {".gitattributes", ".gitignore", PAGE}  # files that the Hub itself puts into a new Space


def publish(repository: str, private: bool = False) -> Pushed:
    """Makes `owner/name` a Space that runs the Studio: all of it or nothing. Files that are no longer needed are
    deleted.

    A Space with other content is left unchanged. The token is HF_TOKEN, or that of `hf auth login`. Raises BadValue,
    BadCheckpoint or HubError.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    check_name(repository)
    files = contents()
    api = HfApi()
    with hub.explained(repository), uploading(repository):
        require_token()
        api.create_repo(repository, repo_type="space", space_sdk="gradio", private=private or None, exist_ok=True)
        found = api.space_info(repository, timeout=hub.WAIT)
        present = {one.rfilename for one in found.siblings or ()}
        _check_ours(repository, present)
        if private and not found.private:
            raise HubError("{repository} already exists and is public, so nothing was uploaded.", repository=repository)
        adds = [CommitOperationAdd(path, content) for path, content in files.items()]
        gone = [CommitOperationDelete(path) for path in sorted(present - files.keys() - FRESH)]
        words = f"GANscope {__version__}"
        made = api.create_commit(repository, [*adds, *gone], commit_message=words, repo_type="space")
    return Pushed(f"{api.endpoint}/spaces/{repository}", made.oid, bool(found.private))


def contents() -> dict[str, Path | bytes]:
    """All files of the Space by their path there; raises BadValue, or BadCheckpoint if a model is incomplete."""
    if not all((ROOT / name).exists() for name in (ENTRY, FRONT, REQUIREMENTS, *FOLDERS)):
        raise BadValue(
            "A Space is built from the GANscope repository, and {folder} has no {entry}. Clone GANscope and run the "
            "command there.",
            entry=ENTRY,
            folder=ROOT,
        )
    for card in sorted((ROOT / "pretrained").glob(f"*/{CARD}")):
        listing.check_weights(card.parent, read_card(card.parent))
    files: dict[str, Path | bytes] = {path.relative_to(ROOT).as_posix(): path for path in _code_and_models()}
    pinned = (ROOT / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    return files | {PAGE: ROOT / FRONT, REQUIREMENTS: "\n".join(requirements(pinned)).encode() + b"\n"}


def requirements(pinned: Collection[str]) -> list[str]:
    """The lines of a Space's requirements.txt, from the project's own."""
    return [CPU, *(line for line in pinned if re.split(r"[=<>~\[ ]", line)[0] not in UNUSED)]


def _code_and_models() -> Iterator[Path]:
    yield from (ROOT / name for name in (ENTRY, "LICENSE"))
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            place = path.relative_to(ROOT)
            left_out = any(part.startswith(".") for part in place.parts) or place.is_relative_to(CLASSROOM)
            if path.suffix in KINDS and path.is_file() and not left_out:
                yield path


def _check_ours(repository: str, present: Collection[str]) -> None:
    """Raises HubError for a Space with other content: its files would be deleted."""
    if OURS not in present and set(present) - FRESH:
        raise HubError(
            "{repository} is a Space with other content, so nothing was uploaded. Choose another name.",
            repository=repository,
        )
