"""Export from a model's or a run's page, without a browser; the export itself is tested in tests/exporting."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from gan_core.errors import ExportError
from gan_core.exporting.wanted import Wanted, Written
from tests.app.pages import sound
from ui.classroom.shell import export_panel

PANEL = """
from ui.classroom.shell import export_panel
from ui.classroom.shell.errors import showing_errors
with showing_errors():
    export_panel._panel(export_panel.Subject("cgan.x", "1", "cgan.x"))
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Wanted, bool]]:
    """Records the exports that the panel requests; int8 is refused, all others are a few bytes."""
    st.cache_data.clear()
    calls: list[tuple[str, str, Wanted, bool]] = []

    def export(name: str, path: Path, wanted: Wanted, run: bool) -> Written:
        calls.append((name, path.name, wanted, run))
        if wanted.precision == "int8":
            raise ExportError("In {precision} too little is kept.", precision="int8")
        files = (path, path.with_suffix(".safetensors")) if path.suffix == ".py" else (path,)
        for file in files:
            file.write_bytes(b"content")
        half = wanted.precision == "fp16"
        ports = {} if path.suffix == ".py" else {"z": 'float ["batch", 4]'}
        return Written(files, 7, 2e-6, 41.5 if half else None, ports, {})

    monkeypatch.setattr(export_panel, "export_apart", export)
    return calls


def texts(test: AppTest) -> str:
    return "\n".join(one.value for kind in (test.markdown, test.caption, test.error) for one in kind).replace("\\", "")


def test_an_export_says_how_close_it_is_and_can_be_downloaded(asked: list[tuple[str, str, Wanted, bool]]) -> None:
    test = sound(AppTest.from_string(PANEL, default_timeout=60).run())
    assert not test.get("download_button")
    sound(test.button(key="export-now").click().run())
    assert "Largest difference from PyTorch at batches of 1, 3 and 8: **2.0e-06**" in texts(test)
    assert 'z: float ["batch", 4]' in texts(test)
    assert len(test.get("download_button")) == 1
    sound(test.selectbox(key="export-precision").set_value("fp16").run())
    assert not test.get("download_button")  # of another precision
    sound(test.button(key="export-now").click().run())
    assert "PSNR to single precision: **41.5 dB**" in texts(test)
    assert [(file, wanted.precision) for _name, file, wanted, _run in asked] == [
        ("cgan.x.onnx", "fp32"), ("cgan.x.fp16.onnx", "fp16"),
    ]  # fmt: skip


def test_a_refusal_is_a_sentence_and_code_has_no_precision(asked: list[tuple[str, str, Wanted, bool]]) -> None:
    test = sound(AppTest.from_string(PANEL, default_timeout=60).run())
    sound(test.selectbox(key="export-precision").set_value("int8").run())
    sound(test.button(key="export-now").click().run())
    assert "In int8 too little is kept." in texts(test)
    assert not test.get("download_button")
    sound(test.selectbox(key="export-format").set_value("py").run())
    assert [one.key for one in test.selectbox] == ["export-format"]
    sound(test.button(key="export-now").click().run())
    assert "PyTorch at batches" not in texts(test)
    assert asked[-1] == ("cgan.x", "cgan_x.py", Wanted(), False)
    made = export_panel.exported(export_panel.Subject("cgan.x", "2", "cgan.x", run=True), "py", Wanted())
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert sorted(archive.namelist()) == ["cgan_x.py", "cgan_x.safetensors"]
    assert made.file == "cgan_x.zip"


def test_onlookers_do_not_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "open sesame")
    test = sound(AppTest.from_string(PANEL, default_timeout=60).run())
    sound(test.button(key="export-now").click().run())
    assert "passphrase" in texts(test)
    code = PANEL.replace("_panel(", "button(")
    (popover,) = sound(AppTest.from_string(code, default_timeout=60).run()).get("popover")
    assert popover.proto.popover.disabled
