"""Models from the Hub: one commit, checked, cached; and everything that can go wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.file_download as file_download
import pytest
import torch
from huggingface_hub import constants

import gan_core
from gan_core import paths
from gan_core.cli.subjects import subject_of
from gan_core.errors import BadCheckpoint, BadValue, HubError, StoreError, UnknownName
from gan_core.models import hub as remote
from gan_core.models import listing, loading, removing
from gan_core.models.card import CARD, SAMPLE, WEIGHTS, read_card, write_card
from gan_core.runs.store import RunStore
from tests.cli.commands import ok
from tests.hub_server import Hub, at

NAME = "ada/noise"
ADDRESS = f"hf://{NAME}"


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def asked(hub: Hub, name: str) -> list[str]:
    """The requests for a file's content."""
    return [line for line in hub.asked if line.startswith("GET") and name in line]


def kept() -> list[Path]:
    """Contents in the cache, complete or not; without locks and notes."""
    return [file for file in (paths.home() / "hub").rglob("blobs/*") if file.is_file()]


@pytest.fixture
def on_hub(hub: Hub, model: Path) -> Hub:
    hub.add(NAME, files(model))
    return hub


def test_a_model_of_the_hub_is_the_model_that_was_put_there(on_hub: Hub, model: Path) -> None:
    reported: list[tuple[float, str]] = []
    loaded = loading.load(ADDRESS, lambda share, what: reported.append((share, what)))
    assert torch.equal(loaded.sample(3), loading.load(str(model)).sample(3))
    assert listing.card(ADDRESS) == read_card(model)
    assert (1.0, f"{NAME}: {WEIGHTS}") in reported
    assert not asked(on_hub, SAMPLE)  # nor anything else that isn't needed
    assert gan_core.load(ADDRESS).sample(1).shape == (1, 1, 8, 8)
    assert len(asked(on_hub, f"resolve/main/{CARD}")) == 1
    assert len(asked(on_hub, WEIGHTS)) == 1


def test_a_card_is_shown_without_the_weights(on_hub: Hub) -> None:
    assert listing.card(ADDRESS).title == "Noise"
    assert not asked(on_hub, WEIGHTS)


def test_an_address_is_a_model_for_eval(on_hub: Hub) -> None:
    store = RunStore()
    found = subject_of(store, ADDRESS)
    sampler = found.sampler(store)
    store.close()
    assert found.data == "noise"
    assert sampler is not None
    assert torch.equal(sampler.sample(2), loading.load(ADDRESS).sample(2))


def test_revisions_are_branches_tags_and_commits(on_hub: Hub, model: Path) -> None:
    repository = on_hub.repositories["model", NAME]
    first = repository.commits[0]
    repository.tags["v1"] = first.id
    write_card(model, dataclasses.replace(read_card(model), title="Other"))
    second = repository.commit("Second", files(model))
    assert listing.card(ADDRESS).title == "Other"
    assert listing.card(f"{ADDRESS}@v1").title == "Noise"
    assert listing.folder_of(f"{ADDRESS}@{first.id}").name == first.id
    assert listing.folder_of(ADDRESS).name == second.id
    with pytest.raises(HubError, match=r"ada/noise on the Hub has no branch, tag or commit 'v2'"):
        loading.load(f"{ADDRESS}@v2")
    on_hub.asked.clear()
    listing.folder_of(f"{ADDRESS}@{first.id}")
    assert on_hub.asked == []  # a commit never changes


def test_a_loaded_model_loads_offline(on_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    before = loading.load(ADDRESS).sample(2)
    at(monkeypatch, "http://127.0.0.1:9")  # where no server listens
    assert torch.equal(loading.load(ADDRESS).sample(2), before)
    with pytest.raises(HubError, match="can't be reached"):
        loading.load("hf://ada/other")
    with pytest.raises(HubError, match="can't be reached"):
        loading.load(f"{ADDRESS}@v1")


def test_a_hub_that_is_down_does_not_hide_what_is_here(on_hub: Hub) -> None:
    before = loading.load(ADDRESS).sample(2)
    on_hub.refuse["GET /api"] = (503, "", "Down for a while")
    assert torch.equal(loading.load(ADDRESS).sample(2), before)
    with pytest.raises(HubError, match=r"returned status 503 for ada/other\. Down for a while"):
        loading.load("hf://ada/other")


def test_offline_by_choice(on_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        loading.load(ADDRESS)
    assert on_hub.asked == []


def test_missing_and_restricted_repositories(on_hub: Hub, monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    with pytest.raises(HubError, match="ada/nois doesn't exist on the Hub, or it is private"):
        loading.load("hf://ada/nois")
    on_hub.add("ada/secret", files(model), private=True)
    loading.load("hf://ada/secret")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="ada/secret doesn't exist on the Hub, or it is private and your token"):
        loading.load("hf://ada/secret")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="rejected your token"):
        loading.load(ADDRESS)
    on_hub.refuse["GET /api/models/ada/noise"] = (403, "GatedRepo", "Ask for access")
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    with pytest.raises(HubError, match="request access"):
        loading.load(ADDRESS)


def test_repositories_without_a_model_of_ours(hub: Hub) -> None:
    hub.add(NAME, {"config.json": b"{}", "model.safetensors": b"..."})
    with pytest.raises(BadCheckpoint, match=rf"No model in {ADDRESS}: card\.toml is missing"):
        loading.load(ADDRESS)
    assert not asked(hub, "model.safetensors")


@pytest.mark.parametrize(
    "name",
    ["hf://", "hf://ada", "hf://ada/", "hf://datasets/ada/noise", "hf://ada/noise/card.toml", "hf://ada/noise@",
     "hf://../noise", "hf://ada/noise@../../x", "hf://ada/no ise", "hf://ada/noise@a..b"],
)  # fmt: skip
def test_invalid_addresses(hub: Hub, name: str) -> None:
    with pytest.raises(BadValue, match=r"is not a model address\. Valid: hf://owner/name"):
        loading.load(name)
    assert hub.asked == []


def test_a_cut_download_resumes_where_it_stopped(on_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500)  # bytes, else 10 MiB: less than one restarts
    on_hub.cut[WEIGHTS] = [1000]
    assert loading.load(ADDRESS).sample(1).shape == (1, 1, 8, 8)
    assert [line.endswith("Range") for line in asked(on_hub, WEIGHTS)] == [False, True]


def test_a_download_that_stays_cut_leaves_nothing_half(on_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    on_hub.cut[WEIGHTS] = [1000] + [0] * 6
    with pytest.raises(HubError, match=r"ada/noise from the Hub was interrupted\. Nothing was kept"):
        loading.load(ADDRESS)
    assert len(kept()) == 1  # the card
    assert not list((paths.home() / "hub").rglob("*.incomplete"))
    assert not list((paths.home() / "hub").rglob(WEIGHTS))
    assert loading.load(ADDRESS).sample(1).shape == (1, 1, 8, 8)  # a second call restarts


def test_weights_that_are_shorter_than_announced(on_hub: Hub, model: Path) -> None:
    """A proxy that drops the end silently."""
    content = (model / WEIGHTS).read_bytes()
    loading.load(ADDRESS)
    other = on_hub.add("ada/short", files(model))
    on_hub.shortened[WEIGHTS] = [100]
    with pytest.raises(HubError, match="was interrupted"):
        loading.load("hf://ada/short")
    assert other.commits[0].files[WEIGHTS] == content
    assert loading.load("hf://ada/short").sample(1).shape == (1, 1, 8, 8)


def test_weights_with_a_wrong_hash_are_deleted_and_fetched_again(on_hub: Hub, model: Path) -> None:
    content = bytearray((model / WEIGHTS).read_bytes())
    content[-1] ^= 1
    repository = on_hub.add(NAME, files(model) | {WEIGHTS: bytes(content)})
    with pytest.raises(BadCheckpoint, match="modified or truncated"):
        loading.load(ADDRESS)
    assert len(kept()) == 1  # the card
    repository.commit("Mended", files(model))
    assert loading.load(ADDRESS).sample(1).shape == (1, 1, 8, 8)


def without_a_field(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace('licence = "CC0"\n', ""))


def of_a_newer_format(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace("format = 1", "format = 2"))


def of_other_kinds(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace("steps = ", 'steps = "many"  # '))


def pickled(model: Path) -> None:
    content = pickle.dumps({"average": {}})
    (model / WEIGHTS).write_bytes(content)
    write_card(model, dataclasses.replace(read_card(model), sha256=hashlib.sha256(content).hexdigest()))


@pytest.mark.parametrize(
    ("damage", "said", "fetched"),
    [
        (without_a_field, rf"The model card in {ADDRESS} lacks licence", False),
        (of_a_newer_format, rf"The model {ADDRESS} has format 2, written by a newer version of GANscope", False),
        (of_other_kinds, rf"The model card in {ADDRESS} can't be read: steps", False),
        (pickled, "never pickles", True),
    ],
)
def test_a_damaged_model_is_refused(
    hub: Hub, model: Path, damage: Callable[[Path], None], said: str, fetched: bool
) -> None:
    damage(model)
    hub.add(NAME, files(model))
    with pytest.raises(BadCheckpoint, match=said):
        loading.load(ADDRESS)
    assert bool(asked(hub, WEIGHTS)) is fetched  # with an unusable card, weights aren't downloaded


def test_a_downloaded_model_is_removed_and_can_be_downloaded_again(on_hub: Hub, model: Path) -> None:
    assert removing.removable() == list(listing.folders(own=True))
    with pytest.raises(UnknownName, match=f"There is no model named '{ADDRESS}'"):
        removing.remove([ADDRESS])
    loading.load(ADDRESS)
    assert remote.downloaded() == [ADDRESS]
    size = sum(file.stat().st_size for file in kept())
    assert removing.remove([ADDRESS]) == size > 0
    assert (kept(), remote.downloaded()) == ([], [])
    loading.load(ADDRESS)
    assert len(asked(on_hub, WEIGHTS)) == 2


def test_downloaded_models_are_listed_without_asking_the_hub(on_hub: Hub) -> None:
    loading.load(ADDRESS)
    on_hub.asked.clear()
    assert ADDRESS in ok("models", "list")
    facts = {one["model"]: one for one in json.loads(ok("models", "list", "--json"))}
    assert on_hub.asked == []
    assert facts[ADDRESS]["sha256"] == listing.card(ADDRESS).sha256
    (remote.folders()[ADDRESS] / WEIGHTS).unlink()
    assert not remote.folders()  # only its card is left


def test_a_page_in_the_hubs_place_is_no_hub(on_hub: Hub) -> None:
    on_hub.strange = True
    with pytest.raises(HubError, match=r"The server at http://127\.0\.0\.1:\d+ is not a Hugging Face Hub"):
        loading.load(ADDRESS)


@pytest.fixture
def small_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder on a file system of 32 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mount isn't permitted")
    monkeypatch.setenv("GANSCOPE_HOME", str(folder))
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.filterwarnings("ignore:Not enough free disk space")
def test_a_full_disk_keeps_nothing_half(on_hub: Hub, model: Path, small_home: Path) -> None:
    big = bytes(64_000)
    write_card(model, dataclasses.replace(read_card(model), sha256=hashlib.sha256(big).hexdigest()))
    on_hub.add(NAME, files(model) | {WEIGHTS: big})
    with pytest.raises(StoreError, match="full"):
        remote.folder(ADDRESS)
    assert not list(small_home.rglob("*.incomplete"))
    assert not list(small_home.rglob(WEIGHTS))
