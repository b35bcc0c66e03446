"""The command line: in this process where possible, since each new one imports torch for seconds."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from gan_core.cli import app
from gan_core.cli.output import find_run
from gan_core.data.published import fetch, pneumonia, published
from gan_core.errors import UnknownName
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore
from tests.data.loopback import serving

KNOBS = ("batch_size=4", "latent_size=4", "generator_widths=8", "discriminator_widths=8")
TINY = [word for knob in KNOBS for word in ("--set", knob)]
MARKUP = "[red]<b>**x**</b>[/red] {brace} %s"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GANSCOPE_DATA", "GANSCOPE_MAX_RUNS", "GANSCOPE_QUOTA_GB"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store() -> Iterator[RunStore]:
    store = RunStore()
    yield store
    store.close()


def ganscope(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)


def ok(*arguments: str | Path) -> str:
    result = ganscope(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(code: int, *arguments: str | Path) -> str:
    """The message of a command that must fail: no traceback, nothing on stdout."""
    result = ganscope(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def make_run(store: RunStore, name: str = "", state: RunState = RunState.FINISHED, **spec: Any) -> str:
    run = store.create(RunSpec(**({"recipe": "mlp_gan", "data": "digits", "size": 8, "steps": 20} | spec)), name=name)
    token = store.claim(run.id)
    metrics = Metrics(np.arange(1, 11), {"generator/loss": np.linspace(1, 0.5, 10), "empty": np.full(10, np.nan)})
    store.log(run.id, token, metrics, images_seen=640, seconds=2.0, images_per_second=320)
    store.set_state(run.id, token, state)
    store.release(run.id, token)
    return run.id


# --- train, sample and all that follows from it --------------------------------------------------------------------


def test_train_ends_with_one_line_of_json_and_its_run_can_be_used(store: RunStore, tmp_path: Path) -> None:
    result = ganscope("train", "mlp_gan", "--steps", "12", "--seed", "3", "--name", MARKUP, *TINY, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    line = json.loads(result.stdout)
    assert (line["state"], line["steps"], line["name"]) == ("finished", 12, MARKUP)
    assert line["seconds"] > 0
    assert line["images_per_second"] == pytest.approx(48 / line["seconds"], rel=0.05)
    assert {"discriminator/loss", "generator/loss", "accuracy"} <= line["metrics"].keys()
    assert Path(line["checkpoint"]).is_file()
    run = store.get(line["run"])
    assert (run.spec.hparams["seed"], run.spec.size, run.step) == (3, 8, 12)

    picture = tmp_path / "grid.png"
    sampled = json.loads(ok("sample", run.id, "--n", "6", "--seed", "1", "-o", picture, "--width", "100", "--json"))
    assert (sampled["samples"], sampled["step"], sampled["file"]) == (6, 12, str(picture))
    first = Image.open(picture)
    assert first.width >= 100
    ok("sample", MARKUP, "--n", "6", "--seed", "1", "-o", tmp_path / "again.png", "--width", "100")
    assert first.tobytes() == Image.open(tmp_path / "again.png").tobytes()
    assert "knows no classes" in refused(2, "sample", "latest", "--label", "3", "-o", picture)
    assert ".png, .jpg, .webp" in refused(2, "sample", "latest", "-o", tmp_path / "grid.gif")

    film = tmp_path / "out.gif"
    made = json.loads(ok("export-history", run.id, "-o", film, "--seconds", "2", "--size", "80", "--json"))
    assert (made["file"], made["seconds"]) == (str(film), 2.0)
    with Image.open(film) as image:
        assert image.n_frames == made["frames"] == len(store.previews(run.id))

    # a fork starts from the checkpoint; more steps of the same are a fork as well
    assert "ganscope runs fork" in refused(1, "train", "--resume", run.id)
    forked = json.loads(ok("runs", "fork", run.id, "--steps", "16", "--set", "generator_rate=0.001", "--json"))
    assert (forked["parent"], forked["planned_steps"], forked["hparams"]["generator_rate"]) == (run.id, 16, 0.001)
    resumed = json.loads(ok("train", "--resume", forked["run"], "--json"))
    assert (resumed["run"], resumed["steps"], resumed["state"]) == (forked["run"], 16, "finished")
    shown = ok("runs", "show", forked["run"])
    assert f"forked from  {run.id}" in shown
    assert "generator_rate" in shown


def test_train_says_on_stderr_how_it_goes(store: RunStore) -> None:
    result = ganscope("train", "mlp_gan", "--steps", "5", *TINY)
    assert result.exit_code == 0, result.output
    run = store.runs()[0]
    assert f"{run.id} finished at step 5" in result.stdout
    assert str(store.checkpoints(run.id)[-1].path) in result.stdout
    assert f"{run.id} finished: 5/5 steps" in result.stderr


def test_train_takes_a_preset_and_what_is_given_besides(store: RunStore) -> None:
    presets = json.loads(ok("recipes", "show", "mlp_gan", "--json"))["presets"]
    preset = presets[0]
    name = ("--preset", preset["name"], "--data", preset["data"])
    line = json.loads(ok("train", "mlp_gan", *name, "--steps", "2", "--set", "generator_widths=16", "--json"))
    run = store.get(line["run"])
    assert (run.spec.preset, run.spec.steps, run.spec.size) == (preset["name"], 2, preset["size"])
    assert run.spec.hparams["generator_widths"] == [16]
    others = {name: value for name, value in preset["hparams"].items() if name != "generator_widths"}
    assert {name: run.spec.hparams[name] for name in others} == others


def test_train_on_a_folder_of_images(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for level in range(8):
        Image.new("L", (20, 20), level * 30).save(folder / f"{level}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    line = json.loads(ok("train", "mlp_gan", "--data", "my pictures", "--size", "8", "--steps", "1", *TINY, "--json"))
    assert store.get(line["run"]).spec.data == f"folder:{folder}"
    loaded = json.loads(ok("data", "load", "folder:my pictures", "--size", "16", "--json"))
    assert (loaded["images"], loaded["shape"], loaded["skipped"][0][0]) == (8, [1, 16, 16], "broken.png")


def test_a_loss_that_is_not_finite_fails_the_command(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_core.training.trainer import StepResult, Trainer

    whole_step = Trainer.train_step

    def broken_step(trainer: Trainer, only: str | None = None) -> StepResult:
        result = whole_step(trainer, only)
        if trainer.step == 3:
            result.terms["generator/adversarial"] = result.terms["generator/adversarial"] * float("nan")
        return result

    monkeypatch.setattr(Trainer, "train_step", broken_step)
    result = ganscope("train", "mlp_gan", "--steps", "0", *TINY, "--json")
    assert result.exit_code == 1, result.output
    line = json.loads(result.stdout)
    assert "generator/adversarial became nan at step 3" in line["message"]


def test_a_failure_is_a_sentence_and_its_traceback_is_kept(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_core.training.trainer import Trainer

    def explode(*_: object) -> None:
        raise RuntimeError("boom {x}")

    monkeypatch.setattr(Trainer, "train_step", explode)
    result = ganscope("train", "mlp_gan", "--steps", "3", *TINY, "--json")
    assert result.exit_code == 1, result.output
    assert result.stderr == ""
    line = json.loads(result.stdout)
    assert (line["state"], line["message"]) == ("failed", "RuntimeError: boom {x}")
    assert "explode" in ok("runs", "show", line["run"], "--traceback")
    assert "boom" in ok("runs", "show", line["run"])


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["dcgna"], ["dcgna", "dcgan, cgan"]),
        (["mlp_gan", "--data", "digitz"], ["digitz", "Valid: digits"]),
        (["mlp_gan", "--data", "folder:/nowhere"], ["/nowhere"]),
        (["mlp_gan", "--set", "generator_rat=1"], ["generator_rat", "Valid: generator_rate"]),
        (["mlp_gan", "--set", "generator_rate=9"], ["generator_rate", "1e-06", "0.1", "9"]),
        (["mlp_gan", "--set", "batch_size=many"], ["batch_size", "whole number", "many"]),
        (["mlp_gan", "--set", "seed"], ["'seed'", "KNOB=VALUE"]),
        (["mlp_gan", "--preset", "digits"], ["preset", "digits", "digits_30s"]),
        (["dcgan", "--size", "17"], ["17", "Valid: 8, 16"]),
        (["mlp_gan", "--size", "4"], ["4", "8 to 256"]),
        (["mlp_gan", "--steps", "-1"], ["-1"]),
        (["mlp_gan", "--device", "toaster"], ["toaster", "Valid: cpu"]),
        (["cgan", "--data", "avatars", "--size", "32"], ["labels"]),
        ([], ["dcgan", "--resume"]),
        (["--resume", "nobody"], ["nobody"]),
        (["mlp_gan", "--resume", "x", "--seed", "1"], ["RECIPE, --seed"]),
        (["mlp_gan", "--frobnicate"], ["--frobnicate"]),
    ],
)
def test_bad_input_is_named_with_what_is_valid(store: RunStore, arguments: list[str], names: list[str]) -> None:
    message = " ".join(refused(2, "train", *arguments).split())
    for name in names:
        assert name in message
    assert store.runs() == []


def test_a_store_that_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANSCOPE_HOME", str(tmp_path / "file"))
    assert "GANSCOPE_HOME" in refused(1, "runs")


# --- one real process ----------------------------------------------------------------------------------------------


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing happened")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for another process")
def test_interrupted_it_stops_with_a_checkpoint_and_prints_only_json(store: RunStore) -> None:
    command = [sys.executable, "-m", "gan_core", "train", "mlp_gan", "--steps", "0", *TINY, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}) as process:
        try:
            run = wait_for(lambda: next((run for run in store.runs() if run.step > 5), None))
            # another process steers it through the store
            ok("runs", "edit", run.id, "--set", "generator_rate=0.001")
            ok("runs", "pause", run.id)
            wait_for(lambda: store.get(run.id).state is RunState.PAUSED)
            at = store.get(run.id).step
            ok("runs", "step", run.id, "--count", "3")
            wait_for(lambda: store.get(run.id).step == at + 3)
            ok("runs", "resume", run.id)
            wait_for(lambda: store.get(run.id).step > at + 10)
            assert f"{run.id} (running)" in refused(1, "runs", "delete", run.id, "--yes")
            assert "Fork" in refused(2, "runs", "edit", run.id, "--set", "seed=9")
            process.send_signal(signal.SIGINT)
            output, messages = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert output.count(b"\n") == 1
    line = json.loads(output)
    assert (line["run"], line["state"]) == (run.id, "stopped")
    assert Path(line["checkpoint"]).is_file()
    assert f"{line['steps']:09d}" in line["checkpoint"]
    assert b"Traceback" not in messages
    assert [event.payload["changes"] for event in store.events(run.id) if event.kind == "edit"] == [
        {"generator_rate": 0.001}
    ]
    assert "ganscope train --resume" in refused(1, "runs", "resume", run.id)


# --- looking and keeping -------------------------------------------------------------------------------------------


def test_recipes_are_listed_with_their_knobs() -> None:
    assert "1511.06434" in ok("recipes")
    listed = json.loads(ok("recipes", "list", "--json"))
    assert {"mlp_gan", "dcgan", "cgan"} <= {recipe["name"] for recipe in listed}
    shown = json.loads(ok("recipes", "show", "dcgan", "--json"))
    rate = shown["knobs"]["generator_rate"]
    assert (rate["low"], rate["high"], rate["change"], rate["type"]) == (1e-6, 0.1, "live", "float")
    text = ok("recipes", "show", "mlp_gan")
    assert "1e-06 to 0.1" in text
    assert "Preset digits_30s" in text
    assert "non_saturating | minimax" in text
    assert "Valid: dcgan" in refused(2, "recipes", "show", "dcgann")


def test_data_sets_are_listed() -> None:
    assert "avatars" in ok("data")
    digits = json.loads(ok("data", "show", "digits", "--json"))
    assert (digits["images"], digits["size"], digits["available"]) == (1797, 8, True)
    assert "BSD-3-Clause" in ok("data", "show", "digits")
    assert json.loads(ok("data", "load", "digits", "--json"))["shape"] == [1, 8, 8]
    assert "1,797 images of 1 x 16 x 16" in ok("data", "load", "digits", "--size", "16")
    assert "from 8 to 256" in refused(2, "data", "load", "digits", "--size", "3")
    assert "Valid: digits" in refused(2, "data", "load", "digitz")


def test_data_sets_are_got_from_their_sources(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny copy of PneumoniaMNIST's two sources, served by this machine."""
    copies = {}
    for index, file in enumerate((pneumonia.ILL, pneumonia.NORMAL)):
        arrays = {f"{part}_images": np.full((4, 28, 28), index, np.uint8) for part in ("train", "val", "test")}
        arrays |= {f"{part}_labels": np.array([[0], [1], [0], [1]], np.uint8) for part in ("train", "val", "test")}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        copies[file] = packed.getvalue()
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in copies.items()}
    monkeypatch.setitem(published._items, "pneumonia", replace(published.get("pneumonia"), first=sums))
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    place = home / "data" / "PneumoniaMNIST"

    assert "ganscope data get pneumonia" in refused(2, "data", "load", "pneumonia")
    offered = {item["name"]: item for item in json.loads(ok("data", "get", "--json"))}
    assert set(offered) == {"emoji", "tinyhero", "pneumonia", "bccd", "bsds500"}
    assert not offered["pneumonia"]["available"]
    assert "6.0 MB" in ok("data", "get")

    with serving() as server:
        monkeypatch.setenv("GANSCOPE_GITHUB_RAW", server.address)
        text = refused(2, "data", "get", "pneumonia")
        assert text.index("CC BY 4.0") < text.index("HTTP 404")  # the licence comes before the download
        assert not place.exists()
        server.files = {file.name: content for file, content in copies.items()}
        result = ganscope("data", "get", "pneumonia", "--json")
        assert result.exit_code == 0, result.output
        line = json.loads(result.stdout)
        assert (line["name"], line["folder"], line["fresh"], line["exact"]) == ("pneumonia", str(place), True, False)
        assert f"from github.com/{pneumonia.NORMAL.origin.repository} at 5df79ab2ac7b" in result.stderr
    assert "was already in" in ok("data", "get", "pneumonia")  # the server is gone
    assert json.loads(ok("data", "load", "pneumonia", "--json"))["shape"] == [1, 28, 28]
    assert json.loads(ok("data", "get", "digits", "--json"))["fresh"] is False
    assert "Valid: digits" in refused(2, "data", "get", "digitz")


def test_runs_are_named_noted_and_pinned(store: RunStore) -> None:
    assert "No runs yet" in ok("runs")
    id, other = make_run(store), make_run(store, "other")
    ok("runs", "rename", id, MARKUP)
    ok("runs", "note", MARKUP, "line\nline")
    ok("runs", "pin", id, "other")
    ok("runs", "unpin", "other")
    listed = ok("runs", "list")
    assert MARKUP in listed
    assert other in listed
    records = {record["run"]: record for record in json.loads(ok("runs", "list", "--json"))}
    assert (records[id]["name"], records[id]["note"], records[id]["pinned"]) == (MARKUP, "line\nline", True)
    assert not records[other]["pinned"]
    shown = json.loads(ok("runs", "show", id, "--json"))
    assert shown["metrics"] == {"generator/loss": 0.5}
    assert MARKUP in ok("runs", "show", id)


def test_deleting_asks_first(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [make_run(store, str(number)) for number in range(4)]
    store.set_pinned(ids[0], True)
    assert "--yes" in refused(2, "runs", "delete", ids[1])
    assert "--yes" in refused(2, "runs", "delete-unpinned", "--json")
    assert len(store.runs()) == 4
    assert json.loads(ok("runs", "delete", ids[1], "--yes", "--json")) == {"deleted": [ids[1]]}
    assert json.loads(ok("runs", "delete-unpinned", "--yes", "--json"))["deleted"] == [ids[3], ids[2]]
    assert [run.id for run in store.runs()] == [ids[0]]


def test_a_run_is_found_by_id_beginning_name_and_latest(store: RunStore) -> None:
    first, second = make_run(store, "one"), make_run(store, "two")
    assert find_run(store, first).id == first
    assert find_run(store, "one").id == first
    assert find_run(store, "latest").id == second
    store.rename(second, "one")
    with pytest.raises(UnknownName, match=second):
        find_run(store, "one")
    with pytest.raises(UnknownName):
        find_run(store, first[:4])
    with pytest.raises(UnknownName):
        find_run(store, "")


def test_export_says_what_is_missing(store: RunStore, tmp_path: Path) -> None:
    make_run(store, "bare")
    assert "bare has kept no previews" in refused(2, "export-history", "bare", "-o", tmp_path / "out.gif")
    assert ".gif, .mp4" in refused(2, "export-history", "bare", "-o", tmp_path / "out.avi")
    assert not list(tmp_path.glob("*.gif"))


def test_quick_verbs_do_not_import_torch() -> None:
    code = (
        "import sys; from gan_core.cli import app\n"
        "for words in (['--help'], ['runs'], ['data']):\n"
        "    app(words, standalone_mode=False)\n"
        "sys.exit(bool({'torch', 'streamlit', 'plotly'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_model_is_made_listed_shown_and_drawn_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gan_core import pretrain
    from gan_core.models import listing
    from gan_core.plans import Plan

    changes = {"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4, "latent_size": 4}
    plan = Plan("mlp_gan", "digits", 8, 5, 0.1, 0.0, "Tiny digits", "All.", changes)
    monkeypatch.setitem(pretrain.plans, "mlp_gan.tiny", plan)
    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "pretrained")
    ok("pretrain", "mlp_gan.tiny", "--cost", "a blink")
    assert "Tiny digits" in ok("models")
    assert json.loads(ok("models", "list", "--json"))[0]["name"] == "mlp_gan.tiny"
    assert "a blink" in ok("models", "show", "mlp_gan.tiny")
    picture = tmp_path / "grid.png"
    ok("sample", "mlp_gan.tiny", "-n", "4", "-o", picture)
    with Image.open(picture) as image:
        assert image.width >= 512
    assert "mlp_gan.tiny" in refused(2, "models", "show", "mlp_gan.tin")
    assert "Valid" in refused(2, "pretrain", "no.model")
