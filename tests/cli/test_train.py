"""`ganscope train`: runs that end, fail, are refused and are interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gan_core.checkpoint import read_checkpoint
from gan_core.cli.training import planned
from gan_core.models import listing
from gan_core.runs.store import RunState, RunStore
from gan_core.training.watching import losses
from tests.cli.commands import MARKUP, TINY, ganscope, ok, refused
from tests.made_models import make_model, make_seer


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
    assert (sampled["samples"], sampled["steps"], sampled["file"]) == (6, 12, str(picture))
    first = Image.open(picture)
    assert first.width >= 100
    ok("sample", MARKUP, "--n", "6", "--seed", "1", "-o", tmp_path / "again.png", "--width", "100")
    assert first.tobytes() == Image.open(tmp_path / "again.png").tobytes()
    assert "is unconditional" in refused(2, "sample", "latest", "--class", "3", "-o", picture)
    assert ".png, .jpg, .webp" in refused(2, "sample", "latest", "-o", tmp_path / "grid.gif")

    film = tmp_path / "out.gif"
    made = json.loads(ok("export-history", run.id, "-o", film, "--seconds", "2", "--size", "80", "--json"))
    assert (made["file"], made["seconds"]) == (str(film), 2.0)
    with Image.open(film) as image:
        assert image.n_frames == made["frames"] == len(store.previews(run.id))

    # more steps of the same run, or a fork from its checkpoint
    assert f"ganscope train --resume {run.id} --steps 24" in refused(1, "train", "--resume", run.id)
    forked = json.loads(ok("runs", "fork", run.id, "--steps", "16", "--set", "generator_rate=0.001", "--json"))
    assert (forked["parent"], forked["planned_steps"], forked["hparams"]["generator_rate"]) == (run.id, 16, 0.001)
    resumed = json.loads(ok("train", "--resume", forked["run"], "--json"))
    assert (resumed["run"], resumed["steps"], resumed["state"]) == (forked["run"], 16, "finished")
    shown = ok("runs", "show", forked["run"])
    assert f"forked from  {run.id}" in shown
    assert "generator_rate" in shown


def test_a_finished_run_continues_with_a_rate(store: RunStore) -> None:
    decay = ("--set", "schedule=linear", "--set", "decay_steps=10")
    line = json.loads(ok("train", "mlp_gan", "--steps", "10", *decay, *TINY, "--json"))
    assert "already" in refused(2, "train", "--resume", line["run"], "--steps", "10")
    assert "--preset can't be given" in refused(2, "train", "--resume", line["run"], "--steps", "20", "--preset", "x")
    advice = refused(
        2, "train", "--resume", line["run"], "--steps", "20", "--set", "generator_rate=0.001", "--seed", "3"
    )
    assert "--seed, --set can't be given" in advice
    words = ["--set", "generator_rate=0.001", "--set", "seed=3", "--steps", "20"]
    assert " ".join(["ganscope runs fork", line["run"], *words]) in " ".join(advice.split())
    longer = json.loads(ok("train", "--resume", line["run"], "--steps", "20", "--json"))
    assert (longer["run"], longer["steps"], longer["state"]) == (line["run"], 20, "finished")
    assert longer["metrics"]["rate/generator"] > 0
    rates = store.metrics(line["run"]).columns["rate/generator"]
    assert rates[10] == rates[0]
    assert (rates > 0).all()
    forked = json.loads(ok("runs", "fork", line["run"], "--steps", "40", "--json"))
    ok("train", "--resume", forked["run"], "--json")
    assert (store.metrics(forked["run"]).columns["rate/generator"] > 0).all()


def test_a_presets_schedule_lasts_as_long_as_the_run(store: RunStore) -> None:
    for steps, settings, expected in ((9000, None, 9000), (9000, ["decay_steps=4000"], 4000), (None, None, 5000)):
        spec = planned("points", None, None, steps, None, "ring8", settings)
        assert spec.hparams["decay_steps"] == expected
    for steps, settings, expected in (
        (9000, None, 9000), (500, None, 500), (None, None, 5000), (0, None, 5000),
        (500, ["instance_noise_steps=70"], 70), (500, ["decay_steps=400"], 500),
    ):  # fmt: skip
        spec = planned("points", None, None, steps, None, "ring8", settings)
        assert spec.hparams["instance_noise_steps"] == expected


def test_broken_values_are_distinguished_from_missing_ones(store: RunStore) -> None:
    wild = [f"--set={knob}" for knob in ("loss=wasserstein", "optimizer=sgd", "generator_rate=0.1",
                                         "discriminator_rate=0.1")]  # fmt: skip
    result = ganscope("train", "mlp_gan", "--steps", "0", *wild, *TINY, "--json")
    assert result.exit_code == 1, result.output
    line = json.loads(result.stdout)
    broken = {name for name, value in line["metrics"].items() if isinstance(value, str)}
    assert {line["metrics"][name] for name in broken} <= {"NaN", "Infinity", "-Infinity"}
    assert broken & {"discriminator/loss", "generator/loss", "gradient_norm/discriminator", "gradient_norm/generator"}
    assert "penalty/loss" not in line["metrics"]
    # the squares in a gradient's norm overflow at 2e19, so the run may stop for the norm while its losses are finite
    assert bool(re.search("nan|inf", losses(store, line["run"], 0))) == any(name.endswith("/loss") for name in broken)
    shown = ok("runs", "show", line["run"])
    assert any(word in shown for word in ("NaN", "Infinity"))


def test_train_reports_its_progress_on_stderr(store: RunStore) -> None:
    result = ganscope("train", "mlp_gan", "--steps", "5", *TINY)
    assert result.exit_code == 0, result.output
    run = store.runs()[0]
    assert f"{run.id} finished at step 5" in result.stdout
    assert str(store.checkpoints(run.id)[-1].path) in result.stdout
    assert f"{run.id} finished: 5/5 steps" in result.stderr


def test_train_takes_a_preset_and_further_options(store: RunStore) -> None:
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
    assert "“generator/adversarial” became nan at step 3" in line["message"]


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
        (["mlp_gan", "--size", "4"], ["4", "8 to 1024"]),
        (["mlp_gan", "--steps", "-1"], ["-1"]),
        (["mlp_gan", "--device", "toaster"], ["toaster", "Valid: cpu"]),
        (["mlp_gan", "--precision", "fp8"], ["fp8", "Valid: fp32, bf16, fp16, auto"]),
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


def test_an_unusable_store_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_model_to_borrow_from_brings_its_settings_and_one_that_cannot_lend_is_refused(
    store: RunStore, home: Path
) -> None:
    make_seer("features.mine", channels=1)
    make_model("mlp_gan.mine")
    small = ["channels=4", "max_channels=8", "mapping_layers=2", "batch_size=4", "discriminator_channels=4"]
    options = ["--data", "digits", "--size", "8", "--steps", "1"] + [word for one in small for word in ("--set", one)]
    line = json.loads(ok("train", "projected_gan", *options, "--set", "judge=features.mine", "--json"))
    hparams = store.get(line["run"]).spec.hparams
    assert (hparams["judge_channels"], hparams["judge_max_channels"]) == (4, 8)
    said = refused(2, "train", "projected_gan", *options, "--set", "judge=mlp_gan.mine")
    assert "can't use mlp_gan.mine with images of shape 1 x 8 x 8. Valid for judge: features.mine" in said
    make_seer("features.colours", channels=3)  # grey images are given three channels
    line = json.loads(ok("train", "projected_gan", *options, "--set", "judge=features.colours", "--json"))
    assert read_checkpoint(Path(line["checkpoint"]))["spec"]["fields"] == {"real": [3, 8, 8]}
    listing.standing("features.colours").rename(home / "away")
    words = ("--data", "avatars", *options[2:], "--set", "judge=features.mine")
    assert "can't use features.mine with images of shape 3 x 8 x 8" in refused(2, "train", "projected_gan", *words)
    assert "nosuch" in refused(2, "train", "projected_gan", *options, "--set", "judge=nosuch")
    assert "Valid for generator: -" in refused(
        2, "train", "encoder", "--data", "digits", "--set", "generator=mlp_gan.mine"
    )
    said = refused(2, "train", "projected_gan", *options, "--set", "judge=features.mine", "--set", "judge_channels=16")
    assert "features.mine requires these settings: judge_channels=4, judge_max_channels=8" in said
    assert len(store.runs()) == 2


def test_own_pairs_are_learnt_from_by_kind_and_by_path_alone(store: RunStore, tmp_path: Path) -> None:
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
        for number in range(4):
            Image.new("RGB", (32, 16), (60 * number, 99, 0)).save(tmp_path / side / f"{number}.png")
    small = [word for knob in ("channels=4", "discriminator_channels=4", "blocks=1") for word in ("--set", knob)]
    tiny = ["--size", "16", "--steps", "1", "--json", *small]
    for recipe, data, known in (
        ("pix2pix", f"paired+pad:{tmp_path}", f"paired+pad:{tmp_path}"),
        ("pix2pix", str(tmp_path), f"paired:{tmp_path}"),
        ("cyclegan", str(tmp_path), f"unpaired:{tmp_path}"),
    ):
        line = json.loads(ok("train", recipe, "--data", data, *tiny))
        assert line["state"] == "finished"
        assert store.get(line["run"]).spec.data == known
    assert "Valid: crop, stretch, pad" in refused(2, "train", "pix2pix", "--data", f"paired+zoom:{tmp_path}", *tiny)
    assert "needs pairs of images" in refused(2, "train", "pix2pix", "--data", f"folder:{tmp_path}", *tiny)
