"""Pushing to the Hub: one commit that loads again; and refusals, for which nothing is sent."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from typer.testing import CliRunner, Result

from gan_core.cli import app
from gan_core.errors import HubError
from gan_core.models import loading
from gan_core.models.card import CARD, SAMPLE, WEIGHTS, read_card, write_card
from gan_core.models.push import licence, page, push
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from tests.hub_server import Hub, at, environment
from tests.made_models import make_model

# how huggingface_hub 2.4 hands a file over to httpx2 on the LFS path
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
NAME = "ada/noise"


def ganscope(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(code: int, *arguments: str | Path) -> str:
    """The message of a command that must fail: no traceback, nothing on stdout."""
    result = ganscope(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    return result.stderr


def test_a_pushed_model_is_one_commit_that_loads_again(hub: Hub, model: Path) -> None:
    result = ganscope("push", model, NAME)
    assert result.exit_code == 0, result.output
    commits = hub.repositories["model", NAME].commits
    assert f"is at {hub.address}/{NAME} (public, commit {commits[-1].id[:12]})" in result.stdout
    assert [commit.summary for commit in commits] == ["initial commit", "Noise (cgan.noise)"]
    assert commits[-1].files.keys() == {".gitattributes", CARD, WEIGHTS, SAMPLE, "README.md"}
    assert torch.equal(loading.load(f"hf://{NAME}").sample(3), loading.load(str(model)).sample(3))


def test_the_page_says_what_the_card_says(hub: Hub, model: Path) -> None:
    write_card(model, dataclasses.replace(read_card(model), metrics={"fid_digits_5k": 12.345}, origin="a | b"))
    push(model, NAME)
    shown = ModelCard(hub.repositories["model", NAME].commits[-1].files["README.md"].decode())
    assert shown.data.to_dict() == {
        "license": "cc0-1.0", "library_name": "gan_core", "tags": ["cgan", "gan", "ganscope", "images"],
        "datasets": ["noise"], "pipeline_tag": "unconditional-image-generation",
    }  # fmt: skip
    for said in (
        "# Noise", "![Samples of seed 0, not chosen](sample.png)", r"| learnt from | a \| b |", "| licence | CC0 |",
        "**Limits.** It knows nothing.", "| fid_digits_5k | 12.35 |", 'gan_core.load("hf://ada/noise")',
        "model.sample(16, seed=0)",
    ):  # fmt: skip
        assert said in shown.text, said


def test_the_page_of_a_translator_says_what_it_does(tmp_path: Path) -> None:
    for name, data, shown, used in (
        ("pix2pix.x", "digits_coloured", "Side by side: source, output, target, not chosen", "model.translate(images)"),
        ("srgan.x", "digits", "Side by side: small, bicubic, output, truth, not chosen", "model.upscale(image)"),
        ("context_encoder.x", "digits", "Side by side: given, filled, truth, not chosen", "model.fill(images, holes)"),
    ):
        text = page(make_model(name, data, tmp_path / name), NAME, with_samples=True)
        assert f"![{shown}](sample.png)" in text
        assert used in text
        assert "model.sample" not in text
        assert "pipeline_tag: image-to-image" in text


def test_a_second_push_of_the_same_adds_no_commit(hub: Hub, model: Path) -> None:
    first = push(model, NAME)
    assert push(model, NAME) == first
    assert len(hub.repositories["model", NAME].commits) == 2
    write_card(model, dataclasses.replace(read_card(model), title="Other"))
    assert push(model, NAME).commit != first.commit
    assert sum(line.startswith("PUT /lfs/") for line in hub.asked) == 2  # weights and samples, once


def test_private_is_private(hub: Hub, model: Path) -> None:
    result = ganscope("push", model, NAME, "--private", "--json")
    assert json.loads(result.stdout)["private"] is True
    assert hub.repositories["model", NAME].private


def test_a_public_repository_is_not_taken_for_private(hub: Hub, model: Path) -> None:
    hub.add(NAME, {})
    assert "ada/noise already exists and is public, so nothing was uploaded" in refused(
        1, "push", model, NAME, "--private"
    )
    assert len(hub.repositories["model", NAME].commits) == 1


def test_without_a_token(hub: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert "requires a Hub token with write access: set HF_TOKEN" in refused(1, "push", model, NAME)
    assert hub.asked == []


def test_a_login_is_used_where_there_is_no_variable(
    hub: Hub, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text("hf_ada")
    assert push(model, NAME).commit


def test_a_token_that_is_wrong_or_may_not_write(hub: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no write access to bob/noise. You don't have the rights" in refused(1, "push", model, "bob/noise")
    hub.add("bob/noise", {})
    assert "no write access to bob/noise. You don't have write" in refused(1, "push", model, "bob/noise")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "rejected your token" in refused(1, "push", model, NAME)
    assert hub.stored == {}


def test_offline(hub: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "http://127.0.0.1:9")  # where no server listens
    assert "The Hub can't be reached" in refused(1, "push", model, NAME)


@pytest.mark.parametrize(
    ("beginning", "answer", "said"),
    [
        ("PUT /lfs/", (400, "", "No room left"), "returned status 400 for ada/noise. No room left"),
        ("PUT /lfs/", (403, "", "Signature expired"), "Signature expired"),
        (
            "POST /api/models/ada/noise/commit",
            (412, "", "Changed meanwhile"),
            "status 412 for ada/noise. Changed",
        ),
        (
            "POST /api/validate-yaml",
            (400, "", "license is wrong"),
            "status 400 for ada/noise. license is wrong",
        ),
    ],
)
def test_an_upload_that_breaks_commits_nothing(
    hub: Hub, model: Path, beginning: str, answer: tuple[int, str, str], said: str
) -> None:
    hub.refuse[beginning] = answer
    assert said in refused(1, "push", model, NAME)
    assert [commit.summary for commit in hub.repositories["model", NAME].commits] == ["initial commit"]
    del hub.refuse[beginning]
    assert push(model, NAME).commit


def test_a_page_in_the_hubs_place(hub: Hub, model: Path) -> None:
    hub.strange = True
    with pytest.raises(HubError, match="is not a Hugging Face Hub"):
        push(model, NAME)


@pytest.mark.parametrize(
    "name", ["noise", "ada/noise/x", "hf://ada/noise", "ada/noise@v1", "datasets/ada/noise", "a b/c"]
)
def test_invalid_repositories(hub: Hub, model: Path, name: str) -> None:
    assert f"'{name}' is not a Hub repository. Valid: owner/name." in refused(2, "push", model, name)
    assert hub.asked == []


def test_only_models_are_pushed(hub: Hub, model: Path, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    model.rename(home / "models" / "cgan.noise")
    assert "no model named 'cgan.nose'. Valid: cgan.noise" in refused(2, "push", "cgan.nose", NAME)
    store = RunStore()
    store.create(RunSpec(recipe="mlp_gan", data="digits", size=8, steps=20), name="monday")
    store.close()
    assert "monday is a run, and only models can be pushed" in refused(2, "push", "monday", NAME)
    assert "hf://ada/noise is already on the Hub" in refused(2, "push", "hf://ada/noise", NAME)
    assert ganscope("push", "cgan.noise", NAME).exit_code == 0


def test_models_that_cannot_be_loaded_are_not_pushed(hub: Hub, model: Path) -> None:
    content = pickle.dumps({"average": {}})
    (model / WEIGHTS).write_bytes(content)
    assert "modified or truncated" in refused(1, "push", model, NAME)
    write_card(model, dataclasses.replace(read_card(model), sha256=hashlib.sha256(content).hexdigest()))
    assert "never pickles" in refused(1, "push", model, NAME)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("text", "id", "name"),
    [
        ("CC0", "cc0-1.0", None),
        ("CC BY 4.0 (MedMNIST v2)", "cc-by-4.0", None),
        ("MIT (Zalando SE)", "mit", None),
        ("CC BY-SA 3.0 or GPL-3.0 (artists)", "other", "cc-by-sa-3.0-or-gpl-3.0"),
        ("CC BY 4.0 (MedMNIST v2); not for diagnosis", "other", "cc-by-4.0-medmnist-v2-not-for-diagnosis"),
        ("drawn by GANscope; free to use", "other", "drawn-by-ganscope-free-to-use"),
    ],
)
def test_licences_as_the_hub_names_them(text: str, id: str, name: str | None) -> None:
    assert licence(text) == {"license": id} | ({"license_name": name} if name else {})


def test_commands_of_the_readme(hub: Hub, model: Path, tmp_path: Path) -> None:
    """In a process of its own, where huggingface_hub reads its variables itself."""
    variables = {**os.environ, **environment(hub, tmp_path / "hf"), "OMP_NUM_THREADS": "1"}
    code = (
        "import sys\nfrom gan_core.cli import app\nfor line in sys.argv[1:]: app(line.split(), standalone_mode=False)"
    )
    picture = tmp_path / "noise.png"
    lines = [
        f"push {model} {NAME} --private", f"models show hf://{NAME}", f"sample hf://{NAME} -n 4 -o {picture}",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, *lines], env=variables, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    commit = hub.repositories["model", NAME].commits[-1]
    assert f"(private, commit {commit.id[:12]})" in done.stdout
    assert "licence       CC0" in done.stdout
    assert f"4 samples of hf://{NAME} at {commit.id[:12]}" in done.stdout
    assert picture.is_file()


def test_the_page_states_the_shape_of_pictures_alone(tmp_path: Path) -> None:
    for name, data, pictures in (("dcgan.x", "digits", True), ("points.x", "ring8", False)):
        text = page(make_model(name, data, tmp_path / name), NAME, with_samples=True)
        assert "samples = model.sample(16, seed=0)" in text
        assert ("(16, C, H, W)" in text) is pictures
