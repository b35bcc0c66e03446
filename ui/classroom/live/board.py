"""The live view of a run as one component (`board.js`): state, samples, advice and curves.

Sends one message per poll, whatever is shown: each Streamlit element costs the server about a millisecond per poll,
which slows down the trainer in the same process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import streamlit as st

from gan_core.data import size_of, task_of
from gan_core.doctor.bands import Bands
from gan_core.doctor.finding import Finding
from gan_core.doctor.stopping import Plateau
from gan_core.hparams import TrainingHParams
from gan_core.media import medium_of
from gan_core.runs.store import Run, RunState
from ui.classroom.live import panels, remedies
from ui.classroom.live.advice import advice, translates
from ui.classroom.live.curves import payload
from ui.classroom.live.feed import Feed, Picture
from ui.classroom.shell import access
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store
from ui.classroom.shell.style import read
from ui.metric_names import metric_name
from ui.texts import data_title, duration, is_points, number, paragraph, run_message, sentence, state_word

POLL = 1.25  # minimum seconds between a render and the browser's next poll
LATER = "later"  # sent by the browser when it doesn't want curves now


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ganscope_board",
        html=read("live/board.html"),
        css=read("live/charts.css", "live/board.css"),
        js=read("live/charts.js", "live/board.js"),
    )


def draw(
    watched: Feed, look_for: str, real: Picture | None, *, large: bool = False, files: Sequence[str] = (), key: str
) -> None:
    """Renders the current state of the run. `look_for`: the preset's sentence; `files`: show only these charts,
    if `large` only the first of them.

    While the run is active, the browser fires the trigger `poll` POLL seconds after it has rendered, or later when
    answers are slow. A hidden tab doesn't poll.
    """
    message = encoded(watched, look_for, real, large=large, files=files, held=_held(key))
    _component()(
        data=message, key=key, on_poll_change=lambda: None, on_remedy_change=lambda: _named(watched, key),
        on_back_change=lambda: _back(watched, key),
    )  # fmt: skip


def _named(watched: Feed, key: str) -> None:
    """Handles a click on a remedy button."""
    name = st.session_state.get(key, {}).get("remedy")
    if isinstance(name, str):
        remedies.ask(watched.id, name)


def _back(watched: Feed, key: str) -> None:
    """Handles a click on "Back to before it broke"."""
    kind = st.session_state.get(key, {}).get("back")
    step = remedies.checkpoint_before(watched, kind) if isinstance(kind, str) else None
    if step is not None:
        remedies.ask_back(watched.id, step)


def _held(key: str) -> Mapping[str, Any]:
    """Returns what the polling browser already has, as versions by name; empty when the page is rendered from
    scratch.
    """
    asked = st.session_state.get(key, {}).get("poll")
    return asked if isinstance(asked, Mapping) else {}


def encoded(
    watched: Feed,
    look_for: str,
    real: Picture | None,
    *,
    large: bool = False,
    files: Sequence[str] = (),
    held: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """Returns the bytes that `draw` sends; leaves out pictures and curves that are in `held`."""
    run = watched.run()
    settings = panels.settings_of(watched)
    samples = watched.picture()
    alt = _("Samples of the generator at step {step}").format(step=number(run.step))
    blobs: list[bytes] = []
    header: dict[str, Any] = {}
    if held.get("curves") not in (LATER, watched.version):
        header, floats = watched.curves(large, files)
        blobs.append(floats)
    content = {
        "every": POLL if run.is_active else 0,
        "answers": held.get("question"),  # an answer equal to the last one would not reach the component
        "version": watched.version,
        "large": large,
        "state": {"name": run.state.value, "word": state_word(run.state)},
        "step": number(run.step),
        "planned": f"/ {number(run.spec.steps)}" if run.spec.steps else "",
        "share": min(1.0, run.step / run.spec.steps) if run.spec.steps else 0.0,
        "facts": _facts(watched, run),
        "notice": notice(run),
        "advice": advice(run, look_for)[: 1 if large else None],
        "remedies": [] if large else remedies.buttons(settings, panels.remedies_of(run)),
        "findings": _findings(watched, run, settings),
        "locked": access.why_locked() or "",
        "samples": _blob(samples, blobs, held, "samples", alt),
        "pool": None if large else _blob(watched.pool(), blobs, held, "pool", _("Past outputs in the replay pool")),
        "real": None if large else _blob(real, blobs, held, "real", _("Real images of the data set")),
        "pixelated": run.spec.size < 48 and not size_of(run.spec.data),
        "words": _words(run, large, watched.bands) | _pool_words(watched),
    }
    return payload(header | {"board": content}, *blobs)


def _blob(
    picture: Picture | None, blobs: list[bytes], held: Mapping[str, Any], name: str, alt: str
) -> dict[str, Any] | None:
    """Describes a picture; appends its content to `blobs` unless the browser already has it."""
    if picture is None:
        return None
    described: dict[str, Any] = {"type": picture.type, "version": picture.version, "alt": alt}
    if held.get(name) == picture.version:
        return described
    described |= {"offset": sum(map(len, blobs)), "bytes": len(picture.content)}
    blobs.append(picture.content)
    return described


def _facts(watched: Feed, run: Run) -> Sequence[tuple[str, str]]:
    speed = _("Points per second") if is_points(run.spec.data) else _("Images per second")
    if medium_of(task_of(run.spec.data)):
        speed = _("Samples per second")
    facts = [(speed, number(run.images_per_second) if run.step else "–")]
    if precision := _precision(watched):
        facts.append((_("Numeric precision"), precision))
    if processes := _processes(watched, run):
        facts.append((_("Processes"), processes))
    if run.is_active:
        return [*facts, (_("Time left"), time_left(watched, run))]
    return [*facts, (_("Trained for"), duration(run.seconds))]


def _precision(watched: Feed) -> str:
    """The precision in which the run computes, if it isn't fp32 or was chosen by a trial; else ""."""
    started = _started(watched)
    low = str(started.get("precision", ""))
    if ratio := started.get("bf16_speedup"):
        return _("{precision} (bf16: {ratio}x)").format(precision=low or "fp32", ratio=f"{ratio:.2f}")
    return low


def _started(watched: Feed) -> Mapping[str, Any]:
    """What was recorded when the run last began or resumed."""
    return next((event.payload for event in reversed(watched.events) if event.kind == "started"), {})


def _processes(watched: Feed, run: Run) -> str:
    """How many processes train the run, and the share of the time in which they communicate; "" for one."""
    count = len(_started(watched).get("ranks", ()))
    if not count:
        return ""
    share = watched.newest("share/communication")
    if share is None:
        return number(count)
    return _("{count} ({percent} % communication)").format(count=count, percent=round(100 * share))


def time_left(watched: Feed, run: Run) -> str:
    """Returns the remaining time in words."""
    if not run.spec.steps:
        return "∞"
    seconds = watched.seconds_left()
    return "–" if seconds is None else duration(seconds)


def notice(run: Run) -> str:
    """Returns the message for the run's state."""
    if run.state is RunState.QUEUED and not run.message:
        waiting = store().queue()
        place = waiting.index(run.id) + 1 if run.id in waiting else 1
        return _("Waiting: number {place} in the queue. Training starts when the runs ahead end or pause.").format(
            place=place
        )
    if run.state is RunState.FAILED:
        return paragraph(_("This run failed."), run_message(run))
    if run.state is RunState.INTERRUPTED:
        return _(
            "The program that trained this run ended unexpectedly. Click Resume to continue from the last checkpoint."
        )
    return run_message(run)


def _findings(watched: Feed, run: Run, settings: TrainingHParams | None) -> list[dict[str, Any]]:
    if run.step == 0:
        return []
    found = [
        {
            "kind": finding.kind,
            "level": finding.level,
            "what": sentence(finding.what, finding.values),
            "since": _since(watched, finding),
            "cause": _(finding.cause),
            "remedy": _(finding.remedy),
            "remedies": remedies.buttons(settings, finding.remedies),
            "back": _way_back(watched, run, finding),
        }
        for finding in watched.findings()
    ]
    reached = None if any(finding["level"] == "bad" for finding in found) else watched.plateau()
    return found + ([_plateau(reached, is_points(run.spec.data))] if reached else [])


def _since(watched: Feed, finding: Finding) -> str:
    step = watched.since(finding.kind)
    return "" if step is None else _("since step {step}").format(step=number(step))


def _way_back(watched: Feed, run: Run, finding: Finding) -> dict[str, str] | None:
    """Describes the button that returns to the checkpoint before an alarm; None where there is none."""
    if not run.is_active or finding.level != "bad" or finding.kind == "not_finite":
        return None
    step = remedies.checkpoint_before(watched, finding.kind)
    if step is None:
        return None
    return {
        "kind": finding.kind,
        "label": _("Back to before the failure"),
        "tip": _("Returns to the checkpoint at step {step}.").format(step=number(step)),
    }


def _plateau(reached: Plateau, points: bool) -> dict[str, Any]:
    return {
        "kind": "plateau",
        "level": "early",
        "what": _("No longer improving since step {step}: you can stop.").format(step=number(reached.step)),
        "since": "",
        "cause": _(
            "{metric} was {value:.3g} ± {interval:.2g} there, and no later value improves on it by more "
            "than this interval."
        ).format(metric=metric_name(reached.name, points), value=reached.value, interval=2 * reached.error),
        "remedy": _("Keep training only if the samples still look better to you."),
        "remedies": [],
        "back": None,
    }


def _samples_note(run: Run) -> str:
    if compared := panels.compared_in(run):
        kinds = " · ".join(_(kind) for kind in compared)
        if not translates(run):
            return _("Above: samples from fixed latents. Below, side by side: {kinds}.").format(kinds=kinds)
        return _("Side by side: {kinds}. These images are not used for training.").format(kinds=kinds)
    if translates(run):  # for as long as the recipes aren't loaded
        return _("Always the same inputs: each row shows how their outputs change during training.")
    if is_points(run.spec.data):
        return _("Purple: samples from fixed latents. Grey: real points.")
    return _("Fixed latents: each place in the grid shows the same sample throughout training.")


def _pool_words(watched: Feed) -> dict[str, str]:
    """Describes fill level and age of the replay pool; empty for runs without one."""
    described = [watched.newest(f"pool_{name}") for name in ("filled", "age", "oldest")]
    size = int(watched.hparams.get("pool_size", 0))
    if None in described or not size:
        return {"pool": "", "poolNote": ""}
    filled, age, oldest = (number(round(value or 0)) for value in described)
    return {
        "pool": _("Replay pool: {filled} of {size} images").format(filled=filled, size=number(size)),
        "poolNote": _(
            "Past outputs, oldest first: b above, a below. Once the pool is full, every other new output is "
            "replaced by one of these when the discriminators see it. Mean age {age} steps, oldest {oldest}."
        ).format(age=age, oldest=oldest),
    }


def curves_note(bands: Bands | None) -> str:
    """Says how the curves are to be read."""
    words = _(
        "Thick lines: mean of the last 100 steps. Thin lines: single steps. Purple marks: edits and other events; "
        "hover over one to read it. Click a legend entry to hide its curve."
    )
    return paragraph(words, _band_words(bands))


def _band_words(bands: Bands | None) -> str:
    if bands is None:
        return ""
    if bands.own:
        words = _("Shaded: the 10th to 90th percentile of your {count} healthy runs of this recipe and data.")
    else:
        words = _("Shaded: the 10th to 90th percentile of {count} healthy reference runs of this recipe and data.")
    return words.format(count=bands.runs)


def _words(run: Run, large: bool, bands: Bands | None) -> dict[str, str]:
    return {
        "samples": _("Samples"),
        "samplesNote": _samples_note(run),
        "noSamples": _("The first samples appear when training starts."),
        "real": _("Real images"),
        "realNote": _("From {data}.").format(data=data_title(run.spec.data)),
        "advice": _("What to look for"),
        "remedies": _("Suggested remedies:"),
        "curves": "" if large else _("Curves"),
        "curvesNote": "" if large else curves_note(bands),
    }
