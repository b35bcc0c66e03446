"""Classes of the user's images: their names, their order, pictures without one, parts, and StyleGAN's labels."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.data import DataSet, cache, load
from gan_core.data.batches import Batches
from gan_core.data.channels import in_channels
from gan_core.data.user import labels
from gan_core.data.user.labels import labelled, matched, natural, splits
from gan_core.errors import BadData
from tests.conftest import images


def put(root: Path, *names: str, colour: bool = True) -> Path:
    """A picture at each relative path: its red value identifies it."""
    for place, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (place, 90, 0) if colour else (place,) * 3).save(root / name)
    return root


def zipped(root: Path) -> Path:
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(root.rglob("*.*")):
            packed.write(file, str(file.relative_to(root)))
    return path


def of_each(data: DataSet) -> dict[int, str]:
    """The class of each picture by its red value."""
    found = zip(data.arrays["real"][:, 0, 0, 0].tolist(), data.arrays["label"].tolist(), strict=True)
    return {red: data.class_names[label] for red, label in found}


def test_numbers_sort_as_numbers() -> None:
    names = ["12", "2", "a10", "a9", "1", "b", "a9b", "02", "10", "Ä", "", "9" * 5000, "1" + "0" * 5000]
    expected = ["", "1", "02", "2", "10", "12", "9" * 5000, "1" + "0" * 5000, "a9", "a9b", "a10", "b", "Ä"]
    for seed in range(5):
        shuffled = random.Random(seed).sample(names, len(names))
        assert sorted(shuffled, key=natural) == expected


@pytest.mark.parametrize("packed", [False, True])
def test_class_folders_1_to_12(packed: bool, tmp_path: Path) -> None:
    root = put(tmp_path / "set", *(f"{number}/x.png" for number in range(1, 13)))
    data = load(f"zip:{zipped(root)}" if packed else f"folder:{root}", 16)
    assert data.class_names == tuple(map(str, range(1, 13)))
    assert of_each(data) == {number - 1: str(number) for number in range(1, 13)}
    assert data.spec.class_names == data.class_names


@pytest.mark.parametrize("limit", [cache.SMALL, 0])
def test_a_few_pictures_beside_class_folders_are_left_out(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SMALL", limit)  # in memory, and on the disk
    put(tmp_path / "set", "pets/cat/1.png", "pets/cat/2.png", "pets/dog/3.png", "pets/4.png", "5.png")
    (tmp_path / "set" / "readme.txt").write_text("pets")
    data = load(f"folder:{tmp_path / 'set'}", 16)
    assert of_each(data) == {0: "cat", 1: "cat", 2: "dog"}
    skipped = dict(data.skipped)
    assert skipped.keys() == {"5.png", "pets/4.png", "readme.txt"}
    assert skipped["5.png"] == "beside the class folders cat, dog: move it into one of them, or elsewhere"


def test_a_grey_set_with_one_stray_picture_in_colour_is_grey(tmp_path: Path) -> None:
    root = put(tmp_path / "set", "cat/1.png", "dog/2.png", colour=False)
    Image.new("RGB", (16, 16), "red").save(root / "stray.png")
    assert load(f"folder:{root}", 16).spec.shape == (1, 16, 16)


def test_many_pictures_beside_folders_are_not_strays(tmp_path: Path) -> None:
    root = put(tmp_path / "set", "old/1.png", "new/2.png", "3.png", "4.png")
    data = load(f"folder:{root}", 16)
    assert (len(data), data.class_names, data.skipped) == (4, (), ())
    assert data.notes == (
        "The folders new, old aren't read as classes: 2 of 4 images lie beside them. Move each into the folder of its "
        "class.",
    )


@pytest.mark.parametrize("around", ["", "pets/"])
def test_train_and_val_are_parts(around: str, tmp_path: Path) -> None:
    names = [f"{around}{part}/{kind}/{n}.png" for part in ("train", "val") for kind in ("cat", "dog") for n in "12"]
    root = put(tmp_path / "set", *names, f"{around}test/dog/1.png", "cover.png")
    (root / around / "readme.txt").write_text("pets")
    for reference in (f"folder:{root}", f"zip:{zipped(root)}"):
        data, unseen = load(reference, 16), load(f"test:{reference}", 16)
        assert of_each(data) == {0: "cat", 1: "cat", 2: "dog", 3: "dog"}
        assert of_each(unseen) == {4: "cat", 5: "cat", 6: "dog", 7: "dog", 8: "dog"}
        assert data.notes == ("Learnt from: train. Kept apart to measure on: test, val.",)
        assert (unseen.name, unseen.notes) == (f"test:{reference}", ())
        np.testing.assert_array_equal(load(f"train:{reference}", 16).arrays["real"], data.arrays["real"])


def test_parts_agree_on_what_a_label_means(tmp_path: Path) -> None:
    """The test part alone would number its classes otherwise."""
    root = put(
        tmp_path / "set", "train/ant/1.png", "train/cat/2.png", "train/dog/3.png", "test/cat/4.png", "test/dog/5.png"
    )
    data = load(f"test:folder:{root}", 16)
    assert data.class_names == ("ant", "cat", "dog")
    assert of_each(data) == {3: "cat", 4: "dog"}
    put(root, "test/bee/1.png")
    with pytest.raises(BadData, match="has the classes bee, cat, dog, and the networks have learnt ant, cat, dog"):
        load(f"test:folder:{root}", 16)


def test_parts_without_classes_and_parts_of_a_set_without_such_folders(tmp_path: Path) -> None:
    root = put(tmp_path / "parts", "train/1.png", "train/2.png", "valid/3.png")
    assert (len(load(f"folder:{root}", 16)), load(f"folder:{root}", 16).class_names) == (2, ())
    assert len(load(f"test:folder:{root}", 16)) == 1
    whole = put(tmp_path / "whole", *(f"{kind}/{n:02}.png" for kind in ("cat", "dog") for n in range(10)))
    assert of_each(load(f"test:folder:{whole}", 16)) == {9: "cat", 19: "dog"}
    assert len(load(f"train:folder:{whole}", 16)) == 18


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train/cat/1.png", "train/dog/1.png"], []),
        (["train/1.png", "cats/1.png"], []),
        (["train/1.png", "val/1.png", "notes/a.txt"], ["train/", "val/"]),
        (["x/Train/1.png", "x/TEST/1.png"], ["x/TEST/", "x/Train/"]),
        (["1.png"], []),
        ([], []),
    ],
)
def test_what_is_a_layout_of_parts(names: list[str], expected: list[str]) -> None:
    assert list(splits(names)) == expected


def given(root: Path, content: object, folder: str = "") -> DataSet:
    (root / folder / "dataset.json").write_text(content if isinstance(content, str) else json.dumps(content))
    one, other = load(f"folder:{root}", 16), load(f"zip:{zipped(root)}", 16)
    assert (one.class_names, one.skipped, one.notes) == (other.class_names, other.skipped, other.notes)
    return one


FILES = ("00000/a.png", "00000/b.png", "00001/c.png", "00001/d.png")  # there, folders aren't classes


def test_stylegans_labels(tmp_path: Path) -> None:
    root = put(tmp_path / "set", *FILES)
    data = given(root, {"labels": [[name, number] for name, number in zip(FILES, (11, 2, 2, 11), strict=True)]})
    assert data.class_names == ("2", "11")
    assert of_each(data) == {0: "11", 1: "2", 2: "2", 3: "11"}
    assert (data.skipped, data.notes) == ((), ("The classes are those of dataset.json.",))
    one_hot = given(root, {"labels": [[name, [0.0, 1.0] if name[-5] in "ab" else [1, 0]] for name in FILES]})
    assert of_each(one_hot) == {0: "1", 1: "1", 2: "0", 3: "0"}
    windows = given(root, {"labels": {name.replace("/", "\\"): "cat" if name[-5] == "a" else "dog" for name in FILES}})
    assert of_each(windows) == {0: "cat", 1: "dog", 2: "dog", 3: "dog"}


def test_stylegans_labels_in_a_folder_around_all(tmp_path: Path) -> None:
    root = put(tmp_path / "set", *(f"mine/{name}" for name in FILES))
    data = given(root, {"labels": [[name, int(name[-5] == "a")] for name in FILES]}, "mine")
    assert of_each(data) == {0: "1", 1: "0", 2: "0", 3: "0"}


@pytest.mark.parametrize("content", [{"labels": None}, {"labels": []}, {"labels": [[name, None] for name in FILES]}])
def test_stylegans_labels_may_be_none(content: object, tmp_path: Path) -> None:
    data = given(put(tmp_path / "set", *FILES), content)
    assert (len(data), data.class_names, data.skipped) == (4, (), ())
    assert data.notes == ("dataset.json holds no labels.",)


def test_a_file_without_a_label_among_labelled_ones_is_left_out(tmp_path: Path) -> None:
    root = put(tmp_path / "set", *FILES)
    data = given(root, {"labels": [["00000/a.png", 1], ["00000/b.png", 0], ["00001/c.png", None], ["00001/d.png", 1]]})
    assert of_each(data) == {0: "1", 1: "0", 3: "1"}
    assert data.skipped == (("00001/c.png", "dataset.json gives it no class"),)
    few = given(root, {"labels": [["00000/a.png", 1], ["00000/b.png", 0]]})
    assert (len(few), few.class_names) == (4, ())
    assert few.notes == ("The classes of dataset.json aren't used: 2 of 4 images have none there.",)


@pytest.mark.parametrize("label", [1.5, [0.2, 0.8], [1, 1], [], {"a": 1}, True, " ", float("nan")])
def test_labels_that_are_not_classes(label: object, tmp_path: Path) -> None:
    data = given(put(tmp_path / "set", *FILES), {"labels": [[name, label] for name in FILES]})
    assert (len(data), data.class_names) == (4, ())
    assert data.notes == ("The labels of dataset.json aren't used: that of 00000/a.png is not a class.",)


@pytest.mark.parametrize(
    "content", ["{", "[1]", '{"images": []}', '{"labels": 3}', '{"labels": [1, 2]}', "", "[" * 9999]
)
def test_another_file_of_that_name_is_left_out(content: str, tmp_path: Path) -> None:
    data = given(put(tmp_path / "set", *FILES), content)
    assert data.class_names == ("00000", "00001")
    ((name, reason),) = data.skipped
    assert name == "dataset.json"
    assert reason.startswith("not StyleGAN's file of labels (")


@pytest.mark.parametrize("before", ["./", ".\\", ".//"])
def test_zips_whose_names_begin_with_a_dot(before: str, tmp_path: Path) -> None:
    """As packed by `bsdtar -a -cf x.zip .` and by Java's tools."""

    def dotted(root: Path) -> Path:
        with zipfile.ZipFile(zipped(root)) as given, zipfile.ZipFile(tmp_path / "dotted.zip", "w") as packed:
            packed.writestr("./", b"")
            for name in given.namelist():
                packed.writestr(before + name, given.read(name))
        return tmp_path / "dotted.zip"

    path = dotted(put(tmp_path / "parts", "train/a/1.png", "train/b/2.png", "test/a/3.png"))
    assert (len(load(f"zip:{path}", 16)), len(load(f"test:zip:{path}", 16))) == (2, 1)
    root = put(tmp_path / "set", *FILES)
    (root / "dataset.json").write_text(json.dumps({"labels": [[name, int(name[-5] == "a")] for name in FILES]}))
    data = load(f"zip:{dotted(root)}", 16)
    assert of_each(data) == {0: "1", 1: "0", 2: "0", 3: "0"}
    assert data.notes == ("The classes are those of dataset.json.",)


def test_labels_of_other_files_are_not_said_to_be_used(tmp_path: Path) -> None:
    data = given(put(tmp_path / "set", *FILES), {"labels": [["other/1.png", 0], ["other/2.png", 1]]})
    assert data.class_names == ()
    assert data.notes == ("The classes of dataset.json aren't used: it gives none to any of these images.",)


def test_labels_are_matched_by_name() -> None:
    data = DataSet("set", {"real": images(4), "label": np.array([0, 1, 1, 0])}, ("ant", "bee"))
    assert matched(data, ()) is data
    assert matched(data, ("ant", "bee")) is data
    turned = matched(data, ("bee", "cat", "ant"))
    assert turned.class_names == ("bee", "cat", "ant")
    assert turned.arrays["label"].tolist() == [2, 0, 0, 2]
    assert turned.notes == ("No images are left of the classes cat.",)
    with pytest.raises(BadData, match="'set' has the classes ant, bee, and the networks have learnt ant, wasp"):
        matched(data, ("ant", "wasp"))


def test_labels_of_few_images() -> None:
    assert labelled([]).labels is None
    assert labels.labelled(["a/1", "b/2"]).labels is not None


def test_channels_follow_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grey picture in three channels and back is the same; colours are converted as by Pillow."""
    grey = DataSet("grey", {"real": images(5), "label": np.arange(5)}, tuple("abcde"))
    wide = in_channels(grey, 3)
    assert wide.spec.shape == (3, 8, 8)
    np.testing.assert_array_equal(wide.arrays["real"], grey.arrays["real"].repeat(3, 1))
    assert in_channels(grey, 1) is grey
    np.testing.assert_array_equal(in_channels(wide, 1).arrays["real"], grey.arrays["real"])
    colour = DataSet("colour", {"source": images(5, channels=3), "target": images(5, channels=3, seed=1)})
    lost = in_channels(colour, 1)
    assert lost.notes == ("In colour, but made grey: the network takes one channel.",)
    for name, array in lost.arrays.items():
        for made, image in zip(array, colour.arrays[name], strict=True):
            expected = np.asarray(Image.fromarray(image.transpose(1, 2, 0)).convert("L"))
            np.testing.assert_array_equal(made[0], expected)

    monkeypatch.setattr(cache, "SMALL", 100)
    put(tmp_path / "large", *(f"{number}.png" for number in range(4)), colour=False)
    mapped = in_channels(load(f"folder:{tmp_path / 'large'}", 16), 3)
    assert isinstance(mapped.arrays["real"], np.memmap)  # a view of the file on disk
    batch = Batches(mapped, 0, torch.device("cpu")).first(4)["real"]
    assert batch.shape == (4, 3, 16, 16)
    assert ((batch[:, :, 0, 0] + 1) * 127.5).round().tolist() == [[number] * 3 for number in range(4)]


def test_a_set_that_has_lost_images_can_still_be_drawn_from() -> None:
    """When a run is resumed after pictures were deleted, its position can be beyond the remaining ones."""
    before = Batches(DataSet("set", {"real": images(20)}), 0, torch.device("cpu"))
    before.next(15)
    after = Batches(DataSet("set", {"real": images(8)}), 0, torch.device("cpu"))
    after.load_state_dict(before.state_dict())
    assert after.next(6)["real"].shape == (6, 1, 8, 8)
