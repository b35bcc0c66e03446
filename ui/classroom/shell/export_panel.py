"""Export of a model or a run from its page: format and precision, the difference from PyTorch, the file."""

from __future__ import annotations

import io
import re
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from gan_core.errors import percent
from gan_core.exporting.apart import export_apart
from gan_core.exporting.runtime import require_packages
from gan_core.exporting.wanted import PRECISIONS, Wanted, Written
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.texts import bytes_size, plain

FORMATS = {"onnx": N_("ONNX"), "pt2": N_("PyTorch program (torch.export)"), "py": N_("PyTorch code (.py)")}
ABOUT = {
    "onnx": N_("Runs in onnxruntime, in browsers and in many other programs, without PyTorch."),
    "pt2": N_("Loads with torch.export.load, without GANscope."),
    "py": N_("One readable file with the networks, and their weights beside it. Needs only PyTorch and safetensors."),
}
PRECISION_WORDS = {
    "fp32": N_("Single (32 bits)"), "fp16": N_("Half (16 bits): half the size"),
    "int8": N_("8 bits: about a quarter of the size"),
}  # fmt: skip

_turn = threading.Lock()  # an export occupies one core for seconds: one at a time


@dataclass(frozen=True)
class Subject:
    """What is exported: a model by its folder, or a run by its id. `version` changes with its weights."""

    name: str
    version: str
    title: str  # of the file, without ending
    run: bool = False


@dataclass(frozen=True)
class Exported:
    """A file for the visitor, and facts about it."""

    file: str
    content: bytes
    written: Written


def button(subject: Subject, disabled: bool = False, help: str | None = None) -> None:
    """Renders the button, which asks for a format and shows what was exported."""
    locked = access.why_locked()
    ask = st.popover(
        _("Export"), icon=":material/output:", key="export", on_change="rerun",
        disabled=disabled or not access.may_steer(),
        help=locked or help or _("Writes the model in a form that other programs read."),
    )  # fmt: skip
    if ask.open:
        with ask, showing_errors():
            _panel(subject)


def _panel(subject: Subject) -> None:
    kind: str = st.selectbox(_("Format"), list(FORMATS), format_func=lambda one: _(FORMATS[one]), key="export-format")
    st.caption(_(ABOUT[kind]))
    wanted = Wanted()
    if kind == "onnx":
        require_packages()
        chosen: str = st.selectbox(
            _("Numeric precision"), PRECISIONS, format_func=lambda one: _(PRECISION_WORDS[one]), key="export-precision",
            help=_("Lower precision makes the file smaller; whether it is faster depends on the processor. The export "
                   "is refused if the outputs change too much."),
        )  # fmt: skip
        wanted = Wanted(precision=chosen)
    if st.button(_("Export"), type="primary", icon=":material/output:", key="export-now", width="stretch"):
        st.session_state.pop("exported", None)
        with st.spinner(_("Exporting, and comparing the outputs with PyTorch's …")):
            st.session_state["exported"] = (subject, kind, wanted, exported(subject, kind, wanted))
    kept = st.session_state.get("exported")
    if kept and kept[:3] == (subject, kind, wanted):
        _result(kept[3])


def _result(made: Exported) -> None:
    written = made.written
    if written.inputs:
        st.markdown(
            _("Largest difference from PyTorch at batches of 1, 3 and 8: **{difference}**").format(
                difference=plain(f"{written.difference:.1e}")
            )
        )
        ports = {**written.inputs, **written.outputs}
        st.caption(" · ".join(plain(f"{name}: {kind}") for name, kind in ports.items()))
    if written.psnr is not None:
        st.markdown(_("PSNR to single precision: **{psnr} dB**").format(psnr=plain(f"{written.psnr:.1f}")))
    if written.equal is not None:
        st.markdown(_("Equal to single precision: **{share}** of the outputs").format(share=percent(written.equal)))
    st.download_button(
        _("Download {file} ({size})").format(file=plain(made.file), size=bytes_size(len(made.content))), made.content,
        made.file, "application/octet-stream", icon=":material/download:", key="export-download", on_click="ignore",
        width="stretch",
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=8)
def exported(subject: Subject, kind: str, wanted: Wanted) -> Exported:
    """Returns the file; code comes as a zip with its weights. Raises NotAllowed, and what `export_apart` raises."""
    access.require_steering()
    stem = re.sub(r"\W+", "_", subject.title) if kind == "py" else subject.title
    stem += "" if wanted.precision == "fp32" else f".{wanted.precision}"
    with _turn, tempfile.TemporaryDirectory() as folder:
        written = export_apart(subject.name, Path(folder) / f"{stem}.{kind}", wanted, subject.run)
        if len(written.files) == 1:
            return Exported(written.files[0].name, written.files[0].read_bytes(), written)
        return Exported(f"{stem}.zip", _zipped(written.files), written)


def _zipped(files: tuple[Path, ...]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return content.getvalue()
