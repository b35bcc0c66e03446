"""The list of uploads: the task of each, and what deleting removes."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image

from gan_core import data, paths
from gan_core.data.user import uploads
from gan_core.data.user.folders import store_upload
from gan_core.errors import BadData


def zipped(colour: int, folder: str = "") -> io.BytesIO:
    picture, file = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 0, 0)).save(picture, "PNG")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{folder}one.png"), picture.getvalue())  # at a fixed time: the same bytes
    file.seek(0)
    return file


def test_an_upload_is_listed_for_what_it_was_uploaded_for() -> None:
    cats = store_upload("my cats.zip", zipped(1))
    store_upload("maps.zip", zipped(2, "trainA/"), "unpaired")
    [images], [maps] = uploads.uploads("images"), uploads.uploads("unpaired")
    assert images.reference("images") == cats
    assert images.title == "my_cats"
    assert images.bytes == len(zipped(1).getvalue())
    assert maps.reference("unpaired").startswith("unpaired-upload:maps-")
    assert len(uploads.uploads()) == 2
    store_upload("my cats.zip", zipped(1), "paired")
    assert uploads.uploads("paired") == uploads.uploads("images")


def test_errors_name_an_upload_as_its_owner_does() -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    empty.seek(0)
    reference = store_upload("my cats.zip", empty)
    with pytest.raises(BadData, match=r"There are no files in my_cats\.zip\."):
        data.load(reference, 8)


def test_an_old_upload_without_a_task_counts_as_images() -> None:
    store_upload("old.zip", zipped(1), "paired")
    [noted] = (paths.home() / "uploads").glob("*.tasks")
    noted.unlink()
    assert [one.tasks for one in uploads.uploads()] == [("images",)]
    noted.write_bytes(b"\xff\xfe nonsense")
    assert [one.tasks for one in uploads.uploads()] == [("images",)]


def test_deleting_removes_everything_and_other_names_are_refused() -> None:
    store_upload("cats.zip", zipped(1))
    [one] = uploads.uploads()
    uploads.delete(one.file)
    assert not list((paths.home() / "uploads").iterdir())
    secret = paths.home() / "secret-0123456789ab.zip"
    secret.write_bytes(b"")
    for name in (one.file, "../secret-0123456789ab.zip", str(secret), "x.tasks", ""):
        with pytest.raises(BadData, match="no upload named"):
            uploads.delete(name)
    assert secret.exists()


def test_a_reference_is_to_its_own_file_however_it_is_fitted() -> None:
    file = "cats-0123456789ab.zip"
    assert uploads.refers_to(f"upload:{file}", file)
    assert uploads.refers_to(f"paired-upload+pad:{file}", file)
    assert not uploads.refers_to(f"folder:/somewhere/{file}", file)
    assert not uploads.refers_to("digits", file)
