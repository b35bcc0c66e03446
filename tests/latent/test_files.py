"""Files of directions and edits: read back unchanged, refused if damaged or of another model."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gan_core.errors import BadCheckpoint, BadValue, StoreError
from gan_core.latent.edits import Edit, edited
from gan_core.latent.explorer import Explorer
from gan_core.latent.files import Work, read_directions, read_work, write_directions, write_work
from gan_core.latent.ganspace import pca
from tests.latent.models import explorer


@pytest.fixture(scope="module")
def model() -> Explorer:
    return explorer("stylegan2")


@pytest.fixture
def path(model: Explorer, tmp_path: Path) -> Path:
    path = tmp_path / "directions.safetensors"
    write_directions(path, model, pca(model, 3))
    return path


def test_directions_come_back_equal(model: Explorer, path: Path) -> None:
    for ours, theirs in zip(pca(model, 3), read_directions(path, model), strict=True):
        assert torch.equal(ours.vector, theirs.vector)
        assert replace(ours, vector=theirs.vector) == theirs


def test_edits_come_back_with_their_start(model: Explorer, tmp_path: Path) -> None:
    first, second, _ = pca(model, 3)
    edits = (Edit(first, 1.5, (0, 2)), Edit(replace(second, layers=(1, 3)), -2.0))
    for start in (model.sample(1, 4), model.mean(), None):
        write_work(tmp_path / "work.safetensors", model, Work("Grösser", edits, start))
        work = read_work(tmp_path / "work.safetensors", model)
        assert (work.name, len(work.edits)) == ("Grösser", 2)
        assert [edit.layers for edit in work.edits] == [(0, 2), None]
        assert work.edits[1].direction.layers == (1, 3)
        assert (work.start is None) == (start is None)
        if start is not None and work.start is not None:
            pictures = [model.draw(edited(model, s, e)) for s, e in ((start, edits), (work.start, work.edits))]
            assert torch.equal(*pictures)


@pytest.mark.parametrize(
    "other", [lambda: explorer("stylegan2", seed=7), lambda: explorer("stylegan"), lambda: explorer("stylegan2", 32),
              lambda: explorer("dcgan"), lambda: explorer("stylegan2", w_size=6)],
)  # fmt: skip
def test_a_file_of_another_model_is_refused(path: Path, other: Callable[[], Explorer]) -> None:
    with pytest.raises(BadCheckpoint, match="belongs to another model: it was made for stylegan2"):
        read_directions(path, other())


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"directions": []}))


def rewritten(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, object]], None]) -> None:
    with safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    content = json.loads(metadata["content"])
    change(tensors, content)
    save_file(tensors, path, metadata={"format": metadata["format"], "content": json.dumps(content)})


def without_a_vector(path: Path) -> None:
    rewritten(path, lambda tensors, content: tensors.__delitem__("1"))


def of_another_shape(path: Path) -> None:
    rewritten(path, lambda tensors, content: tensors.update({"1": torch.zeros(5)}))


def not_finite(path: Path) -> None:
    rewritten(path, lambda tensors, content: tensors.update({"1": torch.full((4,), torch.inf)}))


def without_content(path: Path) -> None:
    save_file({}, path, metadata={"format": "ganscope.directions.1"})


def of_another_format(path: Path) -> None:
    save_file({}, path, metadata={"format": "ganscope.checkpoint.1"})


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [(cut_short, "can't be read"), (pickled, "can't be read"), (without_a_vector, "can't be read"),
     (of_another_shape, r"has shape \(5,\)"), (not_finite, "not finite"), (without_content, "can't be read"),
     (of_another_format, "has the format 'ganscope.checkpoint.1'"), (gone, "is missing")],
)  # fmt: skip
def test_damage_is_reported(model: Explorer, path: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(path)
    with pytest.raises((BadCheckpoint, BadValue), match=said):
        read_directions(path, model)


def test_what_does_not_fit_is_not_written(model: Explorer, tmp_path: Path) -> None:
    one, other, _ = pca(model, 3)
    with pytest.raises(BadValue, match="Two directions are named PCA 1"):
        write_directions(tmp_path / "x.safetensors", model, [one, other.renamed("PCA 1")])
    with pytest.raises(BadValue, match="has shape"):
        write_directions(tmp_path / "x.safetensors", model, [replace(one, vector=torch.zeros(9))])
    with pytest.raises(BadValue, match="strength must be"):
        write_work(tmp_path / "x.safetensors", model, Work("x", (Edit(one, 99.0),)))
    with pytest.raises(StoreError):
        write_directions(tmp_path / "missing" / "x.safetensors", model, [one])
    assert list(tmp_path.iterdir()) == []
