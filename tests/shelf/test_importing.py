"""Generators trained elsewhere become models of the user's shelf, and bad files leave nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gan_core.checkpoint import read_checkpoint
from gan_core.errors import BadCheckpoint, BadData, BadValue, UnknownName
from gan_core.models import listing, loading
from gan_core.models.push import page
from gan_core.runs.store import RunStore
from gan_core.shelf.importing import Provenance, import_generators
from gan_core.training import continuing
from tests.cli.commands import ok, refused
from tests.models.test_foreign import Unet, blurred, moved, patch, resnet


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(resnet(4, 2), tmp_path / "horse2zebra.pth")


def saved(network: nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path


def nothing_left(home: Path) -> bool:
    return not (home / "models").exists() or not list((home / "models").iterdir())


def test_one_direction_becomes_a_model(tmp_path: Path, home: Path) -> None:
    theirs = moved(resnet(4, 2))
    card = import_generators(
        [saved(theirs, tmp_path / "horse2zebra.pth")], "zebras", Provenance("Zebras", "CC BY 4.0"), 64
    )
    assert (card.name, card.title, card.recipe, card.size, card.licence) == ("zebras", "Zebras", "cut", 64, "CC BY 4.0")
    assert (card.data, card.steps, card.parameters.keys()) == ("horse2zebra", 0, {"generator"})
    assert "horse2zebra.pth (sha256" in card.cost
    assert card.origin == "Horses and zebras. Photos of wild horses, and of zebras."
    assert "zebras" in listing.names()
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        expected = theirs(images.clone())
    torch.testing.assert_close(loading.load("zebras").translate(images), expected, atol=1e-5, rtol=1e-5)
    with Image.open(home / "models" / "zebras" / "sample.png") as sheet:
        assert sheet.size == (8 * 65 - 1, 2 * 65 - 1)  # four photos as both domains, each next to its translation


def test_cuts_own_files_become_a_cut_that_blurs(tmp_path: Path, home: Path) -> None:
    theirs = blurred(2, 2)
    card = import_generators([saved(theirs, tmp_path / "cut.pth")], "blurred", size=32)
    assert (card.recipe, card.hparams["blur"]) == ("cut", "both")
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        expected = theirs(images)
    torch.testing.assert_close(loading.load("blurred").translate(images), expected, atol=1e-5, rtol=1e-5)
    run = continuing.begin(RunStore(), home / "models" / "blurred", steps=1, data_name="digits_coloured_unpaired")
    assert run.spec.hparams["blur"] == "both"
    with pytest.raises(BadCheckpoint, match="without anti-aliasing"):
        import_generators([tmp_path / "cut.pth"] * 2, "x", size=32)
    torch.save(blurred(2, 2).state_dict() | {"model.2.weight": torch.ones(2)}, tmp_path / "batch.pth")
    with pytest.raises(BadCheckpoint, match="with batch norm or dropout"):
        import_generators([tmp_path / "batch.pth"], "x", size=32)


def test_both_directions_become_a_cyclegan(tmp_path: Path) -> None:
    forth, back = (moved(resnet(4, 2)) for _ in range(2))
    card = import_generators([saved(forth, tmp_path / "ab.pth"), saved(back, tmp_path / "ba.pth")], "both", size=32)
    assert (card.recipe, card.data, card.task) == ("cyclegan", "", "unpaired")
    assert (card.origin, card.licence) == ("not stated in the file", "not stated in the file")
    sampler, images = loading.load("both"), torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        expected = {"a_to_b": forth(images.clone()), "b_to_a": back(images.clone())}
    assert not torch.allclose(expected["a_to_b"], expected["b_to_a"])
    for direction, pictures in expected.items():
        torch.testing.assert_close(sampler.translate(images, direction), pictures, atol=1e-5, rtol=1e-5)


def test_a_u_net_becomes_pix2pix(tmp_path: Path, home: Path) -> None:
    theirs = moved(Unet(4, 7))
    card = import_generators([saved(theirs, tmp_path / "facades.pth")], "plans")
    assert (card.recipe, card.size, card.data) == ("pix2pix", 128, "")  # `facades` isn't a set of pairs here
    images = torch.rand(1, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        expected = theirs(images.clone())
    torch.testing.assert_close(loading.load("plans").translate(images), expected, atol=1e-5, rtol=1e-5)
    with Image.open(home / "models" / "plans" / "sample.png") as sheet:
        truth = np.asarray(sheet.convert("RGB"))[:128, 2 * 129 : 2 * 129 + 128]  # the third of source, output, target
    assert np.abs(truth.astype(int) - 128).max() <= 1  # grey, because it isn't known


def test_training_continues_from_the_imported_model(file: Path, home: Path) -> None:
    import_generators([file], "zebras", Provenance(data="digits_coloured_unpaired"), 32)
    folder = home / "models" / "zebras"
    assert set(continuing.missing_networks(folder)) == {"discriminator", "heads"}
    store = RunStore()
    with pytest.raises(BadValue, match="Set the number of steps"):
        continuing.begin(store, folder)
    run = continuing.begin(store, folder, steps=1)
    checkpoint = store.checkpoints(run.id)[-1]
    assert read_checkpoint(checkpoint.path)["average_updates"] == continuing.OLD  # it keeps its weights
    assert (run.spec.recipe, run.spec.data, run.spec.size) == ("cut", "digits_coloured_unpaired", 32)


def test_a_file_of_the_reverse_direction_is_not_taken_for_the_forward_one(file: Path, home: Path) -> None:
    card = import_generators([file], "horses", Provenance(data="horse2zebra", backwards=True), 32)
    assert (card.data, card.origin) == ("", "Horses and zebras. Photos of wild horses, and of zebras.")
    import_generators([file], "zebras", size=32)
    assert json.loads(ok("models", "show", "zebras", "--json"))["data"] == "horse2zebra"
    ok("import", file, "--name", "again", "--data", "horse2zebra", "--backwards", "--size", "32")
    assert json.loads(ok("models", "show", "again", "--json"))["data"] == ""


def test_the_page_on_the_hub_states_nothing_unknown(file: Path, home: Path) -> None:
    other = file.rename(file.with_name("latest_net_G.pth"))
    text = page(import_generators([other], "some", size=32), "ada/some", with_samples=True)
    assert "datasets" not in text
    assert "0 steps" not in text
    assert "| training | trained elsewhere; read from latest_net_G.pth" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "is not a valid model name"), ("../x", "is not a valid model name"), ("a/b", "is not a valid model name"),
     (".x", "is not a valid model name"), ("x" * 65, "is not a valid model name")],
)  # fmt: skip
def test_unavailable_names(file: Path, home: Path, name: str, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        import_generators([file], name, size=32)
    assert nothing_left(home)


def test_a_model_is_never_replaced(file: Path) -> None:
    import_generators([file], "zebras", size=32)
    with pytest.raises(BadValue, match="A model named zebras already exists"):
        import_generators([file], "zebras", size=32)


def test_files_that_make_no_model(tmp_path: Path, home: Path, file: Path) -> None:
    cut = tmp_path / "cut.pth"
    cut.write_bytes(file.read_bytes()[:2000])
    judge = saved(patch(3, 4), tmp_path / "judge.pth")
    other = saved(resnet(4, 3), tmp_path / "other.pth")
    unet = saved(Unet(4, 7), tmp_path / "unet.pth")
    for files, said in (
        ([cut], "can't be read as weights"),
        ([tmp_path / "none.pth"], "can't be read as weights"),
        ([judge], "of an unknown generator"),
        ([file, other], "hold different networks"),
        ([unet, unet], "Two files must hold ResNet generators"),
    ):
        with pytest.raises(BadCheckpoint, match=said):
            import_generators(files, "x")
    with pytest.raises(BadValue, match="Give one file for one direction"):
        import_generators([file] * 3, "x")
    with pytest.raises(BadValue, match=r"doesn't take images of 50 pixels\. Valid: 32, 64"):
        import_generators([file], "x", size=50)
    with pytest.raises(BadValue, match=r"Valid: 128\."):
        import_generators([unet], "x", size=256)
    with pytest.raises(BadData, match="needs"):
        import_generators([unet], "x", Provenance(data="facades"))
    with pytest.raises(UnknownName, match="horse2zebra"):
        import_generators([file], "x", Provenance(data="horse2zebar"))
    assert nothing_left(home)


def test_weights_of_strange_shapes(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x.pth"

    def changed(**tensors: object) -> Path:
        torch.save(resnet(4, 2).state_dict() | tensors, path)
        return path

    two = {"model.1.weight": torch.zeros(4, 2, 7, 7), "model.19.weight": torch.zeros(2, 4, 7, 7)}
    assert "model.19.weight" in resnet(4, 2).state_dict()
    with pytest.raises(BadCheckpoint, match="with 2 channels"):
        import_generators([changed(**two)], "x", size=32)
    with pytest.raises(
        BadCheckpoint, match=r"can't be read as weights|doesn't hold the state dict"
    ):  # as PyTorch reads it
        import_generators([changed(sparse=torch.eye(3).to_sparse())], "x", size=32)
    torch.save({0: torch.zeros(1)}, path)
    with pytest.raises(BadCheckpoint, match="doesn't hold the state dict"):
        import_generators([path], "x", size=32)
    with pytest.raises(BadCheckpoint, match="need images of 512 pixels; at most 256"):
        import_generators([saved(Unet(2, 9), path)], "x")
    grey = {"model.1.weight": torch.zeros(4, 1, 7, 7), "model.19.weight": torch.zeros(1, 4, 7, 7),
            "model.19.bias": torch.zeros(1)}  # fmt: skip
    with pytest.raises(BadData, match="with 1 channels, but those of digits_coloured_unpaired have 3"):
        import_generators([changed(**grey)], "x", Provenance(data="digits_coloured_unpaired"), 32)
    assert nothing_left(home)
    assert import_generators([changed(**grey)], "grey", size=32).fields["a"] == (1, 32, 32)


def test_on_the_command_line(file: Path, tmp_path: Path, home: Path) -> None:
    output = ok("import", file, "--name", "zebras", "--size", "32", "--title", "Zebras")
    assert "zebras: CUT, 32 px" in output
    picture = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(picture)
    ok("translate", "zebras", picture, "-o", tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as made:
        assert made.size == (32, 32)
    assert json.loads(ok("models", "show", "zebras", "--json"))["title"] == "Zebras"
    assert "already" in refused(2, "import", file, "--name", "zebras")
    assert "can't be read as weights" in refused(1, "import", picture, "--name", "other")
