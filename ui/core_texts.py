"""Translates sentences that the library has already filled in, such as reasons for skipped files.

The library stores them in English, with numbers and names inside. Each is matched by its template.
"""

from __future__ import annotations

import re
import string
from functools import cache

from ui.languages import N_, _

TEMPLATES = (
    # why a user's file isn't used
    N_("empty"),
    N_("not a file"),
    N_("it is empty"),
    N_("it is silent"),
    N_("it is silent below 4 kHz"),
    N_("its channels cancel each other"),
    N_("it holds no sound: its length is 0 s"),
    N_("it holds values that are NaN or infinite"),
    N_("its rate is {rate} Hz; possible are {low} to {high}"),
    N_("longer than {minutes} minutes"),
    N_("larger than {size} MiB"),
    N_("not a sound file that can be read; accepted are {formats}"),
    N_("damaged ({reason})"),
    N_("this kind of WAV can't be read without the package soundfile: pip install 'ganscope[sound]'"),
    N_("a link to a folder"),
    N_("a link that leads out of the folder"),
    N_("can't be opened ({reason})"),
    N_("can't be listed ({reason})"),
    N_("damaged in the archive ({reason})"),
    N_("broken or cut off ({reason})"),
    N_("not an image of an accepted format ({formats})"),
    N_("larger than {size} MB"),
    N_("more than {count} megapixels"),
    N_("{width}x{height} pixels, smaller than {least}"),
    N_("floating-point pixels, whose range isn't known; save it with 8 or 16 bits"),
    N_("signed pixels with negative values; save it with 8 or 16 bits without sign"),
    N_("32-bit pixels, whose range isn't known; save it with 8 or 16 bits"),
    N_("beside the class folders {names}: move it into one of them, or elsewhere"),
    N_("not StyleGAN's file of labels ({reason})"),
    N_("{file} gives it no class"),
    N_("it has no partner in {folder}"),
    N_("'{name}' can't be used: {reason}."),
    N_("'{name}' has {size} pixels and its partner {other}: the two can't match pixel by pixel."),
    N_("'{name}' has {width}x{height} pixels, so it doesn't hold two pictures side by side."),
    # how used files were processed
    N_("Learnt from: {first}. Kept apart to measure on: {second}."),
    N_(
        "The folders {names} aren't read as classes: {alone} of {count} images lie beside them. Move each into the "
        "folder of its class."
    ),
    N_("The classes are those of {file}."),
    N_("The classes of {file} aren't used: {alone} of {count} images have none there."),
    N_("The classes of {file} aren't used: it gives none to any of these images."),
    N_("The labels of {file} aren't used: that of {path} is not a class."),
    N_("{file} holds no labels."),
    N_("No images are left of the classes {names}."),
    N_("In colour, but made grey: the network takes one channel."),
    N_("Animated files: {count}. Only the first frame of each is used."),
    N_("Files of 16 bits a channel: {count}. They use {depth} bits, so the level {white} is taken as white."),
    N_("Shards: {count}, streamed. The first {first} images are shown and measured against."),
    # shapes of layers that differ
    N_("missing"),
    N_("of shape {shape}"),
    N_("The image has levels up to {peak}, but {depth} bits hold at most {white}"),
    # why a whole archive is refused
    N_("it has no name"),
    N_("its name leads out of the archive"),
    N_("it is a link"),
    N_("it is encrypted"),
    N_("it is packed in a way other than stored or deflated"),
    N_("it is larger than the archive says"),
    N_("it is larger than {size} MB when unpacked"),
    N_("it unpacks to more than {ratio} times its size"),
    N_("the archive exceeds {size} GiB when unpacked up to this entry"),
    # how to get a missing data set
    N_("Set GANSCOPE_DATA to a folder that holds {pattern}."),
    N_("Run `{command}`. Or: {other}"),
    N_("Downloaded at first use ({size} MB on disk). Or: {other}"),
    # progress
    N_("Downloading {title} ({done} of {size} MB)"),
    N_("Unpacking {title}"),
)


def filled(text: str) -> str:
    """Returns the sentence in the visitor's language; unchanged if no template matches."""
    if (known := _(text)) != text:
        return known
    for template, pattern in _patterns():
        if match := pattern.fullmatch(text):
            values = {name: filled(value) for name, value in match.groupdict().items()}
            return _(template).format(**values)
    return text


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((template, re.compile(_pattern(template), re.DOTALL)) for template in TEMPLATES)


def _pattern(template: str) -> str:
    parts = string.Formatter().parse(template)
    return "".join(re.escape(before) + (f"(?P<{name}>.+)" if name else "") for before, name, *_rest in parts)
