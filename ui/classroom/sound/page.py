"""The page: sounds of a model or of the data as tiles, one in detail, interpolation, and the visitor's own."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from gan_core import data
from gan_core.data import recordings
from gan_core.data.user.archives import shown
from gan_core.errors import BadData
from gan_core.media import audio
from gan_core.models import listing
from gan_core.pictures.decoding import Unusable
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import encode, picture
from ui.classroom.shell.i18n import _
from ui.classroom.shell.run_titles import distinct_titles
from ui.classroom.shell.store import store
from ui.classroom.sound import tiles
from ui.core_texts import filled
from ui.texts import joined, number, paragraph, plain, titles

if TYPE_CHECKING:
    from gan_core.metrics.sounds import Heard
    from gan_core.models.sampler import Sampler

SET = "spoken_digits"
COUNT, STEPS, NEAREST = 12, 6, 3  # tiles; sounds on the way between two; real neighbours
REAL, MODEL, RUN = "real", "model:", "run:"  # values of the selector
ANY = -1  # all classes or speakers in turn
MOST_SEED = 2**31 - 1
LARGEST = 50  # MB of a recording
PIECES = 8  # maximum number of pieces of a long recording that are shown
NEWER = "sound-newer"  # session state: "sent" or "spoken", whichever came last


@dataclass(frozen=True, eq=False)
class Sounds:
    """Waves (N, L) with what each says and by whom, in words."""

    waves: np.ndarray
    rate: int
    labels: list[str]


def show() -> None:
    """Renders the page."""
    st.title(_("Sound"), anchor=False)
    st.markdown(
        _("A sound is a curve over time, and a picture of its frequencies: click a tile to hear it. Low frequencies "
          "are at the bottom, time runs to the right, and the waveform is above.")
    )  # fmt: skip
    with showing_errors():
        source = _source()
        if not has_recordings():
            st.info(
                paragraph(_("There are no real recordings to compare with."), filled(data.source(SET).needs)),
                icon=":material/download:",
            )
        if source is None:
            return
        _made(source)
        if source != REAL:
            _between(source)
        _own()


# --- source of sounds ----------------------------------------------------------------------------------------------


def has_recordings() -> bool:
    """Whether the real recordings are on this computer. The models need none."""
    return data.source(SET).available()


def _source() -> str | None:
    """Returns whose sounds are shown: real ones, a model's or a run's. None if there is nothing to choose from."""
    made = models() | _runs()
    options = ({REAL: _("Real recordings")} if has_recordings() else {}) | made
    if not made:
        st.info(
            _("No model of sounds is here yet. Train SpecGAN or WaveGAN: their runs appear in this list once they "
              "have a checkpoint."),
            icon=":material/model_training:",
        )  # fmt: skip
    if not options:
        return None
    first = 1 if has_recordings() and any(name.startswith(MODEL) for name in options) else 0
    return st.selectbox(_("Sounds of"), list(options), first, options.__getitem__, key="sound-source", width=520)


def models() -> dict[str, str]:
    """Returns the models on the shelf that generate sounds, with their titles."""
    cards, _damaged = listing.survey()
    models = {name: card for name, card in cards.items() if card.task == "audio"}
    return {f"{MODEL}{name}": title for name, title in titles(models).items()}


def _runs() -> dict[str, str]:
    found = [run for run in store().runs() if data.task_of(run.spec.data) == "audio" and store().checkpoints(run.id)]
    named = zip(found, distinct_titles(found), strict=True)
    return {f"{RUN}{run.id}": joined(_("Run"), title) for run, title in named}


def sampler_of(source: str) -> Sampler:
    """Returns the model or the newest checkpoint of the run; raises BadCheckpoint or UnknownName."""
    if source.startswith(MODEL):
        return _loaded(listing.card(source.removeprefix(MODEL)).sha256, source)
    checkpoints = store().checkpoints(source.removeprefix(RUN))
    return _loaded(checkpoints[-1].sha256 if checkpoints else "", source)


@st.cache_resource(show_spinner=False, max_entries=4)
def _loaded(sha256: str, _source: str) -> Sampler:
    from gan_core.models import loading

    if _source.startswith(MODEL):
        return loading.load(_source.removeprefix(MODEL))
    return loading.from_run(store(), _source.removeprefix(RUN))


@st.cache_resource(show_spinner=False)
def real() -> data.DataSet:
    """The recordings of the data set."""
    return data.load(SET)


def _made(source: str) -> None:
    """Shows twelve sounds, and the selected one in detail."""
    if source == REAL:
        found = _recorded(*_choice(real().class_names, _speakers()))
    else:
        with st.spinner(_("Loading the model …")):
            sampler = sampler_of(source)
        names, speakers = _names(sampler)
        said, by, seed = _choice(names, speakers)
        with st.spinner(_("Generating …")):
            found = generated(sampler, COUNT, seed, said, by)
    heard = _heard(found)
    chosen = tiles.draw(
        found.waves, found.rate, found.labels, f"sound-tiles-{source}", notes=heard_words(heard), chosen=0
    )
    if heard is not None:
        st.caption(
            _("✓ means that a classifier recognised this digit and speaker. Otherwise, what it heard is shown below.")
        )
    _detail(found, chosen or 0)


def _names(sampler: Sampler) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from gan_core.objectives.spoken import speaker_names

    return sampler.spec.class_names, speaker_names(sampler.spec) if sampler.recipe.conditions else ()


def _choice(names: tuple[str, ...], speakers: tuple[str, ...]) -> tuple[int, int, int]:
    """Returns class and speaker, ANY for all in turn, and the seed."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        said = _pick(_("Digit") if names == data.source(SET).class_names else _("Class"), names, "sound-said")
        by = _pick(_("Speaker"), speakers, "sound-by")
        seed = int(st.number_input(_("Seed"), 0, MOST_SEED, key="sound-seed", width=150))
        st.button(_("New sounds"), icon=":material/casino:", key="sound-dice", type="primary", on_click=_throw)
    return said, by, seed


def _pick(label: str, names: tuple[str, ...], key: str) -> int:
    if len(names) < 2:
        return ANY
    options = [ANY, *range(len(names))]
    found: int = st.selectbox(
        label, options, format_func=lambda place: _("all in turn") if place == ANY else names[place], key=key, width=170
    )
    return found


def _throw() -> None:
    st.session_state["sound-seed"] = random.randrange(10_000)


def _recorded(said: int, by: int, seed: int) -> Sounds:
    """Matching recordings, chosen by the seed."""
    heard = real()
    labels, voices = heard.arrays["label"], heard.arrays["attributes"][:, 0]
    fitting = np.flatnonzero(((said == ANY) | (labels == said)) & ((by == ANY) | (voices == by)))
    places = np.random.default_rng(seed).permutation(fitting)[:COUNT]
    places = places[np.argsort(labels[places], kind="stable")]
    return Sounds(heard.arrays["wave"][places], heard.rate, [_description(place) for place in places])


def _description(place: int) -> str:
    """Describes what a recording says, and who speaks."""
    heard = real()
    return f"{heard.class_names[heard.arrays['label'][place]]} {_speakers()[heard.arrays['attributes'][place, 0]]}"


def _speakers() -> tuple[str, ...]:
    return real().attributes["speaker"]


def generated(sampler: Sampler, count: int, seed: int, said: int = ANY, by: int = ANY) -> Sounds:
    """Sounds of a model, by the seed."""
    names, speakers = _names(sampler)
    latents, conditions = sampler.latents(count, seed, asked(names, speakers, said, by))
    waves = sampler.draw(latents, conditions).numpy()
    labels = [str(number + 1) for number in range(count)]
    if conditions is not None and conditions.ndim == 2:
        rows = conditions.numpy()
        labels = [_label(row, names, speakers) for row in rows]
    return Sounds(waves, sampler.spec.rate, labels)


def _label(row: np.ndarray, names: tuple[str, ...], speakers: tuple[str, ...]) -> str:
    said = names[int(row[: len(names)].argmax())] if names else ""
    by = speakers[int(row[len(names) :].argmax())] if speakers else ""
    return f"{said} {by}".strip()


def asked(names: tuple[str, ...], speakers: tuple[str, ...], said: int, by: int) -> str | None:
    """Returns the request to a sampler; None for all in turn."""
    words = [*([names[said]] if said != ANY else []), *([speakers[by]] if by != ANY else [])]
    return " ".join(words) or None


def _heard(found: Sounds) -> Heard | None:
    """What the installed judge recognises; None if there is none, or if it doesn't know sounds of this kind."""
    from gan_core.metrics.sounds import hear, judge_name

    name = judge_name()
    if not name:
        return None
    try:
        return hear(_judge(listing.card(name).sha256), found.waves, found.rate)
    except BadData:  # sounds of another length
        return None


@st.cache_resource(show_spinner=False, max_entries=1)
def _judge(sha256: str):  # type: ignore[no-untyped-def]
    from gan_core.metrics.sounds import judge

    return judge()


def heard_words(heard: Heard | None) -> list[str]:
    """What was recognised in each sound, for the tiles."""
    if heard is None:
        return []
    known = data.source("spoken_digits_pictures").attributes
    return [
        " ".join(known[question][answer] for question, answer in zip(heard.questions, answers, strict=True))
        for answers in heard.answers
    ]


def _detail(found: Sounds, place: int) -> None:
    """Shows one sound large, with its download and the nearest real recordings."""
    wave, label = found.waves[place], found.labels[place]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(f"**{plain(label)}**")
        content = audio.wav(wave, found.rate)
        picture(encode_picture(wave), alt=_("Spectrogram of {name}").format(name=label))
        st.audio(content, format="audio/wav")
        st.download_button(
            _("Download (WAV)"), content, f"ganscope-{label.replace(' ', '-')}.wav", "audio/wav",
            icon=":material/download:", key="sound-download", on_click="ignore",
        )  # fmt: skip
    if not has_recordings():
        return
    with right:
        st.markdown(f"**{_('Nearest real recordings')}**")
        if found.waves.shape[1] == real().spec.size and found.rate == real().rate:
            _neighbours(wave, "sound-nearest")
            st.caption(
                _("By their spectrograms, among all {count} recordings. A copy of one of them would look and sound "
                  "the same.").format(count=number(len(real())))
            )  # fmt: skip
        else:
            st.caption(_("The recordings of the data set have another length, so none can be compared."))


def _neighbours(wave: np.ndarray, key: str) -> None:
    from gan_core.metrics.sounds import nearest

    heard = real()
    places = nearest(wave, _described(), NEAREST, heard.rate)
    tiles.draw(heard.arrays["wave"][places], heard.rate, [_description(one) for one in places], key)


@st.cache_resource(show_spinner=False)
def _described() -> np.ndarray:
    from gan_core.metrics.sounds import described

    return described(real().arrays["wave"], real().rate)


def encode_picture(wave: np.ndarray) -> bytes:
    """Waveform above spectrogram as PNG, enlarged."""
    from PIL import Image

    small = Image.fromarray(audio.picture(wave))
    return encode(small.resize((small.width * 4, small.height * 4), Image.Resampling.NEAREST))


# --- between two sounds -------------------------------------------------------------------------------------------


@st.fragment
def _between(source: str) -> None:
    """Interpolates between two sounds: latents are rotated, words and speakers are mixed."""
    st.subheader(_("Between two sounds"), anchor=False)
    with showing_errors():
        sampler = sampler_of(source)
        names, speakers = _names(sampler)
        ends = []
        for column, word, key, seed in zip(st.columns(2), (_("From"), _("To")), ("one", "other"), (0, 1), strict=True):
            with column, st.container(horizontal=True, vertical_alignment="bottom"):
                st.markdown(f"**{word}**", width="content")
                said = _end(names, f"between-said-{key}", _("Digit"), seed)
                by = _end(speakers, f"between-by-{key}", _("Speaker"), seed)
                number = int(st.number_input(_("Seed"), 0, MOST_SEED, seed, key=f"between-seed-{key}", width=120))
                ends.append((number, asked(names, speakers, said, by)))
        found = way(sampler, ends[0], ends[1], STEPS)
        tiles.draw(found.waves, found.rate, found.labels, f"sound-between-{source}", notes=heard_words(_heard(found)))


def _end(names: tuple[str, ...], key: str, label: str, first: int) -> int:
    if len(names) < 2:
        return ANY
    places = range(len(names))
    found: int = st.selectbox(label, places, min(first, len(names) - 1), names.__getitem__, key=key, width=130)
    return found


def way(sampler: Sampler, one: tuple[int, str | None], other: tuple[int, str | None], steps: int) -> Sounds:
    """`steps` sounds from one end to the other, each a seed and a word."""
    import torch

    from gan_core.latent.interpolation import slerp

    ends = [sampler.latents(1, seed, label) for seed, label in (one, other)]
    shares = torch.linspace(0, 1, steps)
    latents = slerp(ends[0][0].expand(steps, -1), ends[1][0].expand(steps, -1), shares)
    first, last = ends[0][1], ends[1][1]
    mixed = None
    if first is not None and last is not None:
        mixed = first.lerp(last, shares[:, None]) if first.is_floating_point() else first.expand(steps)
    waves = sampler.draw(latents, mixed).numpy()
    return Sounds(waves, sampler.spec.rate, [f"{round(100 * float(share))} %" for share in shares])


# --- the visitor's own -----------------------------------------------------------------------------------------------


@st.fragment
def _own() -> None:
    """A visitor's recording: what is recognised in it, and its nearest real recordings."""
    st.subheader(_("Your own recording"), anchor=False)
    with showing_errors():
        sent = st.file_uploader(
            _("Sound file"), type=["wav", "flac", "ogg", "mp3"], key="sound-own", max_upload_size=LARGEST,
            help=_("It is read on this computer and not kept. Other formats than WAV need the package soundfile."),
            on_change=_came, args=("sent",),
        )  # fmt: skip
        spoken = st.audio_input(_("Or record one"), key="sound-recorded", sample_rate=8000,
                                on_change=_came, args=("spoken",))  # fmt: skip
        given = (spoken or sent) if st.session_state.get(NEWER) == "spoken" else (sent or spoken)
        if given is None:
            return
        found, clipped = own(given.getvalue(), given.name)
        if clipped:
            st.caption(":material/info: " + _("This recording is clipped: it was too loud for the microphone."))
        heard = _heard(found)
        chosen = tiles.draw(
            found.waves, found.rate, found.labels, "sound-own-tiles", notes=heard_words(heard), chosen=0
        )
        if heard is not None:
            st.caption(_("The classifier takes any sound for a digit of one of six speakers."))
        if has_recordings():
            st.markdown(f"**{_('Nearest real recordings')}**")
            _neighbours(found.waves[chosen or 0], "sound-own-nearest")


def _came(which: str) -> None:
    st.session_state[NEWER] = which


def own(content: bytes, name: str) -> tuple[Sounds, bool]:
    """A visitor's recording as sounds of one second, and whether it is clipped; raises BadData with the reason."""
    try:
        read = recordings.decode(content)
    except Unusable as error:
        raise BadData("'{name}' can't be used: {reason}.", name=shown(name)[:80], reason=error) from error
    pieces = read.pieces()[:PIECES]
    seconds = recordings.LENGTH / recordings.RATE
    return Sounds(pieces, recordings.RATE, [f"{place * seconds:.0f} s" for place in range(len(pieces))]), read.clipped
