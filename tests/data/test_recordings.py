"""Sound files of users: every file becomes sounds of one second, or is refused with a reason."""

from __future__ import annotations

import builtins
import io
import sys
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core import data
from gan_core.data import recordings
from gan_core.data.recordings import LENGTH, PEAK, RATE, decode
from gan_core.data.user import folders
from gan_core.errors import BadData
from gan_core.pictures.decoding import Unusable

soundfile = pytest.importorskip("soundfile")


def tone(seconds: float, rate: int = RATE, hertz: float = 440, loud: float = 0.4) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def packed(sound: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_U8"), ("WAV", "FLOAT"), ("WAV", "PCM_32"), ("FLAC", "PCM_16"),
     ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")],
)  # fmt: skip
def test_every_kind_of_file_gives_the_same_sound(kind: str, subtype: str) -> None:
    """48 kHz in stereo, one channel silent: at 8 kHz, 440 Hz stay 440 Hz, and sounds above 4 kHz aren't aliased."""
    both = tone(1, 48_000) + 0.2 * tone(1, 48_000, hertz=7000, loud=1)
    found = decode(packed(np.stack([both, 0 * both], 1), 48_000, kind, subtype))
    assert abs(len(found.wave) - RATE) <= 800  # MP3 adds silence at the ends
    assert np.abs(found.wave).max() == pytest.approx(PEAK, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(found.wave, RATE))
    assert spectrum.argmax() == pytest.approx(440, abs=3)
    assert spectrum[990:1010].max() < 0.02 * spectrum.max()  # 8,000 - 7,000 Hz
    assert not found.clipped


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"])
def test_coded_wav_files_of_telephones_are_read(subtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(tone(0.5), subtype=subtype)
    plain = decode(packed(tone(0.5))).wave
    assert np.abs(decode(content).wave[: len(plain)] - plain).mean() < 0.05
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(Unusable, match="this kind of WAV can't be read without the package soundfile"):
        decode(content)


@pytest.mark.parametrize("endian", ["BIG", "RF64"])
def test_wav_files_that_begin_otherwise_are_read_without_soundfile(
    endian: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {"format": "RF64"} if endian == "RF64" else {"format": "WAV", "endian": endian}
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(0.5), RATE, subtype="PCM_16", **kind)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    np.testing.assert_array_equal(decode(buffer.getvalue()).wave, decode(packed(tone(0.5))).wave)


def test_ten_minutes_become_pieces_without_the_silent_ones() -> None:
    sound = tone(600, 16_000)
    sound[16_000 * 60 : 16_000 * 180] = 0
    pieces = decode(packed(sound, 16_000)).pieces()
    assert pieces.shape[1] == LENGTH
    assert len(pieces) == pytest.approx(480 * RATE / LENGTH, abs=2)


def test_late_or_short_sounds_are_kept() -> None:
    late = np.zeros(int(2.4 * RATE), np.float32)
    late[-RATE // 4 :] = tone(0.25)
    (piece,) = decode(packed(late)).pieces()
    assert np.abs(piece).max() > 0.9
    click = np.zeros(3 * RATE, np.float32)
    click[RATE] = 1.0  # too short to be loud on average
    (piece,) = decode(packed(click)).pieces()
    assert np.abs(piece).max() > 0.9


def test_a_short_recording_is_padded() -> None:
    pieces = decode(packed(tone(0.2))).pieces()
    assert pieces.shape == (1, LENGTH)
    assert not pieces[0, 1600:].any()


def test_a_clipped_recording_is_used_and_reported() -> None:
    assert decode(packed(np.clip(5 * tone(1), -1, 1))).clipped


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (packed(tone(0)), "0 s"),
        (packed(0 * tone(1)), "silent"),
        (packed(np.stack([tone(1), -tone(1)], 1)), "cancel"),
        (packed(tone(0.1))[:30], "damaged|no sound"),
        (packed(tone(0.5), kind="OGG", subtype="VORBIS")[:60], "not a sound file"),
        (b"RIFF" + bytes(200), "damaged"),
        (b"\x89PNG not a sound", "accepted are WAV, FLAC, OGG and MP3"),
        (packed(np.array([0.1, np.nan, 0.2]), subtype="FLOAT"), "NaN"),
        (packed(tone(1), 500), "its rate is 500 Hz"),
    ],
    ids=["nothing", "no time", "silence", "phases cancel", "cut", "cut OGG", "cut header", "PNG", "NaN", "low rate"],
)
def test_unusable_recordings_are_refused_with_a_reason(content: bytes, message: str) -> None:
    with pytest.raises(Unusable, match=message):
        decode(content)


def test_an_hour_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_SECONDS", 2)
    for kind in ("WAV", "FLAC"):
        with pytest.raises(Unusable, match="longer than"):
            decode(packed(tone(4), kind=kind))


def test_without_soundfile_wav_files_are_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    true_import = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "soundfile":
            raise ImportError(name)
        return true_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    wav, flac = packed(tone(0.5)), packed(tone(0.5), kind="FLAC")
    assert len(decode(wav).wave) == RATE // 2
    with pytest.raises(Unusable, match=r"pip install 'ganscope\[sound\]'"):
        decode(flac)


def test_a_folder_of_recordings_is_a_data_set(tmp_path: Path) -> None:
    for name, seconds in (("high/a.wav", 0.5), ("high/b.flac", 3), ("low/c.mp3", 0.5)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        kind = Path(name).suffix[1:].upper()
        subtype = "MPEG_LAYER_III" if kind == "MP3" else "PCM_16"
        (tmp_path / name).write_bytes(packed(tone(seconds, 48_000), 48_000, kind, subtype))
    (tmp_path / "low" / "notes.txt").write_text("not a sound")
    loaded = data.load(f"sounds:{tmp_path}")
    assert loaded.class_names == ("high", "low")
    assert loaded.arrays["wave"].shape == (5, LENGTH)  # 0.5 s, 3 s as three pieces, 0.5 s
    assert loaded.arrays["label"].tolist() == [0, 0, 0, 0, 1]
    assert [name for name, _ in loaded.skipped] == ["low/notes.txt"]
    assert (loaded.spec.task, loaded.spec.rate, data.task_of(f"sounds:{tmp_path}")) == ("audio", RATE, "audio")
    assert data.size_of(f"sounds:{tmp_path}") == LENGTH


def test_a_zip_is_uploaded_and_one_without_sounds_is_reported() -> None:
    def upload(name: str, content: bytes) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(name, content)
        buffer.seek(0)
        return folders.store_upload("voices.zip", buffer, "audio")

    loaded = data.load(upload("one.wav", packed(tone(1))))
    assert loaded.class_names == ("sound",)
    assert len(loaded) == 1
    with pytest.raises(BadData, match=r"No recording in .* can be used.*picture\.png"):
        data.load(upload("picture.png", b"\x89PNG"))


def test_a_file_of_pythons_own_writer_is_read() -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((tone(0.3) * 32767).astype("<i2").tobytes())
    assert len(decode(buffer.getvalue()).wave) == 2400
