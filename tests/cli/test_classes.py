"""Classes by name, from the folders through runs, forks and models to the samples."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_core.checkpoint import read_checkpoint, write_checkpoint
from gan_core.errors import BadValue
from gan_core.runs.store import RunState, RunStore
from gan_core.training import continuing
from gan_core.training.session import Session
from tests.cli.commands import ganscope, ok, refused
from tests.made_models import make_model

SMALL = ("latent_size=4", "channels=4", "max_channels=8", "batch_size=4", "embedding=3", "attention_size=0")
SETTINGS = [word for knob in SMALL for word in ("--set", knob)]


def folders(root: Path, *names: str) -> Path:
    """Class folders with 4 pictures each, in colour."""
    for shade, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for number in range(4):
            colour = (20 * shade, 255 - 20 * shade, 60 * number)
            Image.new("RGB", (8, 8), colour).save(root / name / f"{number}.png")
    return root


def trained(root: Path, *more: str) -> str:
    words = ("train", "biggan", "--data", f"folder:{root}", "--size", "8", "--steps", "1", *SETTINGS, *more, "--json")
    run: str = json.loads(ok(*words))["run"]
    return run


def spec_of(store: RunStore, run: str) -> Any:
    return read_checkpoint(store.checkpoints(run)[-1].path)["spec"]


def drawn(tmp_path: Path, model: str, wanted: str) -> bytes:
    ok("sample", model, "-n", "4", "--class", wanted, "-o", tmp_path / "x.png")
    return (tmp_path / "x.png").read_bytes()


def test_a_film_of_one_class_or_a_blend(tmp_path: Path) -> None:
    make_model("cgan.digits")
    first = {}
    for wanted in ("0", "0:1", "8", "0:0.5,8:0.5", None):
        options = ("--class", wanted) if wanted else ()
        ok("interpolate", "cgan.digits", "-o", tmp_path / "x.zip", "-n", "2", "--seconds", "0.5", "--rate", "4",
           "--size", "32", *options)  # fmt: skip
        with zipfile.ZipFile(tmp_path / "x.zip") as film:
            first[wanted] = film.read(min(film.namelist()))
    assert first["0"] == first["0:1"] == first[None]  # all in turn begin with the first
    assert len(set(first.values())) == 3
    assert "There is no class 'cat'" in refused(2, "interpolate", "cgan.digits", "-o", "x.zip", "--class", "cat")
    make_model("mlp_gan.digits")
    assert "is unconditional" in refused(2, "interpolate", "mlp_gan.digits", "-o", "x.zip", "--class", "1")
    assert "nor a blend" in refused(2, "sample", "cgan.digits", "-o", "x.png", "--class", "3:0.5,8")


def test_folders_called_by_numbers(store: RunStore, tmp_path: Path) -> None:
    names = tuple(str(number) for number in range(1, 13))
    run = trained(folders(tmp_path / "set", *names))
    assert tuple(spec_of(store, run)["class_names"]) == names
    assert json.loads(ok("runs", "show", run, "--json"))["classes"] == list(names)
    assert "classes      1, 2, 3, 4" in ok("runs", "show", run)
    pictures = {name: drawn(tmp_path, run, name) for name in names}
    assert len(set(pictures.values())) == 12
    assert drawn(tmp_path, run, "012") == pictures["12"]
    assert drawn(tmp_path, run, "10:1") == pictures["10"]
    for wanted in ("0", "13", "cat", "1.0"):
        message = refused(2, "sample", run, "--class", wanted, "-o", tmp_path / "no.png")
        assert f"There is no class '{wanted}'. Valid: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12." in message


def test_folders_called_by_words(store: RunStore, tmp_path: Path) -> None:
    run = trained(folders(tmp_path / "set", "cat", "Dog", "a, b: c"))
    assert drawn(tmp_path, run, "cat") == drawn(tmp_path, run, "2")
    assert drawn(tmp_path, run, "dog") == drawn(tmp_path, run, "Dog") == drawn(tmp_path, run, "0")
    assert drawn(tmp_path, run, "a, b: c") == drawn(tmp_path, run, "1")
    assert drawn(tmp_path, run, "cat:0.5, dog:0.5") == drawn(tmp_path, run, "0:1,2:1")
    assert "Valid: Dog, a, b: c, cat" in refused(2, "sample", run, "--class", "3", "-o", tmp_path / "no.png")
    assert "'cat:half' is neither a class, such as Dog" in refused(
        2, "sample", run, "--class", "cat:half", "-o", tmp_path / "no.png"
    )


def test_the_library_takes_names_too(store: RunStore, tmp_path: Path) -> None:
    from gan_core.models import loading

    sampler = loading.from_run(store, trained(folders(tmp_path / "set", "3", "7")))
    assert (sampler.sample(2, label="7") == sampler.sample(2, label=1)).all()
    assert (sampler.sample(2, label={"3": 1, "7": 3}) == sampler.sample(2, label={0: 1, 1: 3})).all()
    seed, label = np.array([5, 1])  # NumPy's whole numbers
    assert (sampler.sample(2, seed, label) == sampler.sample(2, 5, 1)).all()
    wrong: Any
    for wrong in (0.5, [0, 1]):
        with pytest.raises(BadValue, match=r"There is no class .* Valid: 3, 7"):
            sampler.sample(2, label=wrong)


def test_a_card_and_a_run_of_a_known_set_know_the_names(store: RunStore, tmp_path: Path) -> None:
    make_model("cgan.mine")
    assert "classes" in ok("models", "show", "cgan.mine")
    assert drawn(tmp_path, "cgan.mine", "7")
    run = store.get(continuing.begin(store, tmp_path / "home" / "models" / "cgan.mine", steps=1).id)
    checkpoint = store.checkpoints(run.id)[-1]
    state = read_checkpoint(checkpoint.path)
    del state["spec"]["class_names"]  # as before names were stored
    write_checkpoint(checkpoint.path, state)
    with store._database.write() as connection:
        connection.execute("UPDATE checkpoints SET sha256 = ''")
    assert "Valid: 0, 1, 2, 3" in refused(2, "sample", run.id, "--class", "ten", "-o", tmp_path / "no.png")


def test_which_classes_were_found_is_always_reported(store: RunStore, tmp_path: Path) -> None:
    root = folders(tmp_path / "set", "cat", "dog")
    Image.new("RGB", (8, 8)).save(root / "stray.png")
    output = ok("data", "load", f"folder:{root}", "--size", "8")
    assert "2 classes: cat, dog" in output
    assert "skipped stray.png: beside the class folders cat, dog" in output
    assert "no classes" in ok("data", "load", f"folder:{root / 'cat'}", "--size", "8")
    assert "10 classes: 0, 1, 2" in ok("data", "load", "digits")
    result = ganscope("train", "biggan", "--data", f"folder:{root}", "--size", "8", "--steps", "1", *SETTINGS)
    assert result.exit_code == 0, result.output
    assert f"folder:{root}: 8 items, 2 classes: cat, dog" in result.stderr
    assert "1 files can't be used; see `ganscope data load" in result.stderr
    assert "2 classes: cat, dog" in result.stdout
    assert json.loads(ok("train", "biggan", "--data", f"folder:{root}", "--size", "8", "--steps", "1", *SETTINGS,
                         "--json"))["classes"] == ["cat", "dog"]  # fmt: skip


def labels_of(store: RunStore, run: str) -> tuple[tuple[str, ...], list[int]]:
    """The classes as numbered by a run that continues, and its labels in the order of the files."""
    session = Session(store, run).start()
    assert session.join(60)
    assert store.get(run).state is RunState.FINISHED, store.get(run).sentence
    labels = session.trainer.batches._arrays["label"]
    return session.trainer.spec.class_names, np.asarray(labels).tolist()


def test_a_fork_matches_folders_that_have_changed_by_name(store: RunStore, tmp_path: Path) -> None:
    """A missing folder must not shift the others: each keeps the number that the networks have learnt."""
    root = folders(tmp_path / "set", "ant", "bee", "cat")
    run = trained(root)
    shutil.rmtree(root / "ant")
    fork = json.loads(ok("runs", "fork", run, "--steps", "2", "--json"))["run"]
    assert labels_of(store, fork) == (("ant", "bee", "cat"), [1] * 4 + [2] * 4)
    result = ok("train", "--resume", json.loads(ok("runs", "fork", run, "--steps", "2", "--json"))["run"])
    assert "No images are left of the classes ant." in result
    assert "3 classes: ant, bee, cat" in result


def changed(root: Path) -> None:
    (root / "ant").rename(root / "wasp")


def test_other_classes_are_refused_with_both_lists(store: RunStore, tmp_path: Path) -> None:
    root = folders(tmp_path / "set", "ant", "bee", "cat")
    run = trained(root)
    forked, stopped = (json.loads(ok("runs", "fork", run, "--steps", "9", "--json"))["run"] for _ in range(2))
    token = store.claim(stopped)
    store.set_state(stopped, token, RunState.STOPPED)
    store.release(stopped, token)
    changed(root)
    both = f"'folder:{root}' has the classes bee, cat, wasp, and the networks have learnt ant, bee, cat."
    for id in (forked, stopped):
        assert both in json.loads(ganscope("train", "--resume", id, "--json").stdout)["message"]
    (root / "wasp").rename(root / "ant")
    assert json.loads(ok("train", "--resume", forked, "--json"))["state"] == "finished"
    folders(tmp_path / "more", "ant", "bee", "cat", "dog")
    make_model("biggan.mine")
    message = refused(2, "train", "--from", "biggan.mine", "--data", f"folder:{tmp_path / 'more'}", "--steps", "1")
    assert "has the classes ant, bee, cat, dog, and the networks have learnt 0, 1, 2" in message


def test_a_new_class_for_a_network_that_learns_no_classes(store: RunStore, tmp_path: Path) -> None:
    root = folders(tmp_path / "set", "ant", "bee")
    knobs = ("latent_size=4", "generator_widths=8", "discriminator_widths=8", "batch_size=4")
    words = [word for knob in knobs for word in ("--set", knob)]
    run = json.loads(ok("train", "mlp_gan", "--data", root, "--size", "8", "--steps", "1", *words, "--json"))["run"]
    folders(root, "wasp")
    fork = json.loads(ok("runs", "fork", run, "--steps", "2", "--json"))["run"]
    assert json.loads(ok("train", "--resume", fork, "--json"))["classes"] == ["ant", "bee", "wasp"]


def test_a_checkpoint_from_before_names_were_kept(store: RunStore, tmp_path: Path) -> None:
    """Folders were sorted as text then: 10 came before 9."""
    run = trained(folders(tmp_path / "set", "9", "10"))
    checkpoint = store.checkpoints(run)[-1]
    state = read_checkpoint(checkpoint.path)
    del state["spec"]["class_names"]
    write_checkpoint(checkpoint.path, state)
    with store._database.write() as connection:
        connection.execute("UPDATE checkpoints SET sha256 = ''")
    fork = json.loads(ok("runs", "fork", run, "--steps", "2", "--json"))["run"]
    assert labels_of(store, fork) == (("10", "9"), [0] * 4 + [1] * 4)


@pytest.mark.parametrize("saved_as", ["L", "RGB"])
def test_grey_pictures_train_nets_of_colours(saved_as: str, store: RunStore, tmp_path: Path) -> None:
    """Whatever their mode: when a colour network is trained further, they get its number of channels."""
    root = folders(tmp_path / "set", "ant", "bee")
    run = trained(root)
    for place, path in enumerate(sorted(root.rglob("*.png"))):
        Image.new("L", (8, 8), 20 * place).convert(saved_as).save(path)
    fork = json.loads(ok("runs", "fork", run, "--steps", "2", "--json"))["run"]
    assert json.loads(ok("train", "--resume", fork, "--json"))["state"] == "finished"
    assert spec_of(store, fork)["fields"] == {"real": [3, 8, 8]}
    fresh = trained(root)
    assert spec_of(store, fresh)["fields"] == {"real": [1, 8, 8]}
