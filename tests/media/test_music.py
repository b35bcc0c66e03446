"""Music as a medium: correct MIDI, sound at the right pitch, piano rolls."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.data import voices as counted
from gan_core.data.base import DataSpec
from gan_core.data.voices import HIGHEST
from gan_core.errors import BadValue
from gan_core.media import medium_of, music

SPEC = DataSpec({"voices": (4, 32)})


def passage() -> np.ndarray:
    voices = np.repeat(np.array([[72], [67], [64], [48]]), 32, 1)
    voices[0, 16:] = 74
    voices[3, 28:] = -1  # ends with a rest
    return voices


def events(track: bytes) -> list[tuple[int, int, tuple[int, ...]]]:
    """The events of a track: ticks since the beginning, status, data bytes."""
    found, place, now = [], 0, 0
    while place < len(track):
        ticks = 0
        while True:
            byte = track[place]
            place += 1
            ticks = ticks << 7 | byte & 0x7F
            if byte < 0x80:
                break
        now += ticks
        status = track[place]
        length = 2 + track[place + 2] if status == 0xFF else 1 if status >> 4 == 0xC else 2
        found.append((now, status, tuple(track[place + 1 : place + 1 + length])))
        place += 1 + length
    return found


def test_midi_holds_each_voice_as_a_track() -> None:
    content = music.midi(passage())
    assert content[:4] == b"MThd"
    assert struct.unpack(">IHHH", content[4:14]) == (6, 1, 5, music.TICKS)
    tracks, place = [], 14
    while place < len(content):
        assert content[place : place + 4] == b"MTrk"
        (length,) = struct.unpack(">I", content[place + 4 : place + 8])
        tracks.append(events(content[place + 8 : place + 8 + length]))
        place += 8 + length
    assert place == len(content)
    assert tracks[0][0] == (0, 0xFF, (0x51, 3, *round(music.BEAT * 1e6).to_bytes(3, "big")))
    bar = 4 * music.TICKS
    soprano = [one for one in tracks[1] if one[1] in (0x90, 0x80)]
    assert soprano == [(0, 0x90, (72, 80)), (bar, 0x80, (72, 0)), (bar, 0x90, (74, 80)), (2 * bar, 0x80, (74, 0))]
    assert all(track[-1][1:] == (0xFF, (0x2F, 0)) for track in tracks)
    assert {track[-1][0] for track in tracks[1:]} == {2 * bar}  # a final rest also has a length
    with pytest.raises(BadValue, match="between 0 and 127, not 200"):
        music.midi(passage() + 128)


def test_a_note_sounds_at_its_pitch() -> None:
    voice = np.full((1, 32), 69)  # a' = 440 Hz
    heard = music.sound(voice)
    assert np.abs(heard).max() <= 1
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * music.RATE / len(heard) == pytest.approx(440, abs=1)
    assert np.abs(music.sound(np.full((1, 32), -1))).max() == 0
    assert abs(heard[0]) < 0.01  # no click
    assert abs(heard[-1]) < 0.01


def test_rolls_and_files(tmp_path: Path) -> None:
    voices = passage()[None]
    drawn = music.pictures(voices, SPEC)[0]
    top = (HIGHEST + 1 - 72) * music.HEIGHT
    assert tuple(drawn[top, 1]) == music.INKS[0]
    assert drawn.shape[1] == 32 * music.CELL
    music.write(np.concatenate([voices, voices]), SPEC, tmp_path / "two.mid")
    assert (tmp_path / "two.mid").read_bytes()[:4] == b"MThd"
    music.write(voices, SPEC, tmp_path / "one.wav")
    with wave.open(str(tmp_path / "one.wav")) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(8 * music.BEAT, abs=0.1)
    medium = medium_of("music")
    assert medium is not None
    assert medium.suffixes == (".mid", ".wav")
    assert medium.pieces(voices, SPEC)[0].kind == "sound"
    seen = music.describe(np.concatenate([voices, voices + 12, voices + 1]), SPEC)
    assert np.abs(seen[0] - seen[1]).sum() < np.abs(seen[0] - seen[2]).sum()  # an octave is closer than a semitone


def test_chorales_are_in_one_key_and_split_by_pieces() -> None:
    if not data.source("chorales").available():
        pytest.skip("GANSCOPE_DATA holds no chorales")
    train, test = data.load("chorales"), data.load("test:chorales")
    assert len(train) == data.source("chorales").items
    assert train.spec == data.source("chorales").spec(32)
    assert counted.in_key(train.arrays["voices"]) > 0.9
    assert counted.in_key(test.arrays["voices"]) > 0.9
    assert counted.crossings(test.arrays["voices"]) < 0.05
    assert counted.parallels(test.arrays["voices"]) < 0.1
