"""Sentences composed from attributes, in English and Chinese. `reading.read` finds exactly their meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN
from gan_core.data.avatars.sentences.words import (
    ALONE,
    BACKGROUNDS,
    EYE_COLOURS,
    HAIR_COLOURS,
    HAIR_STYLES,
    NONE,
    NOUNS,
    SHIRT_COLOURS,
    SKINS,
    Meaning,
)

MOST_NAMED = 5  # attributes that a composed sentence names, hair's style and colour counted as two


def _by_value(described: Mapping[str, Meaning], attribute: str) -> dict[tuple[str, bool], list[str]]:
    """Value and whether it is Chinese -> the words before a noun that mean it."""
    made: dict[tuple[str, bool], list[str]] = {}
    for word, meaning in described.items():
        for value in meaning.get(attribute, ()):
            if set(meaning) == {attribute}:
                made.setdefault((value, not word.isascii()), []).append(word)
    return made


def _nouns_of(attribute: str) -> dict[tuple[str, bool], list[str]]:
    """Value and whether it is Chinese -> the nouns, some with a word before them, that mean it."""
    made: dict[tuple[str, bool], list[str]] = {}
    for noun, described in NOUNS.items():
        for word, meaning in described.items():
            if set(meaning) == {attribute} and (not word or word.isascii() == noun.isascii()):
                for value in meaning[attribute]:
                    both = noun if not word else f"{word} {noun}" if noun.isascii() else f"{word}{noun}"
                    made.setdefault((value, not noun.isascii()), []).append(both)
    return made


_COLOURS = {
    "hair_colour": _by_value(HAIR_COLOURS, "hair_colour"), "shirt": _by_value(SHIRT_COLOURS, "shirt"),
    "eye_colour": _by_value(EYE_COLOURS, "eye_colour"), "skin": _by_value(SKINS, "skin"),
    "background": _by_value(BACKGROUNDS, "background"),
}  # fmt: skip
_NAMES = {name: _nouns_of(name) for name in ("glasses", "hat", "beard", "earrings", "cheeks", "eyes")}
_STYLES = _by_value(HAIR_STYLES, "hair")
_WHOLE_STYLES = {
    key: [word for word in words if word not in HAIR_STYLES and " " not in word]
    for key, words in _nouns_of("hair").items()
}
_CLOTHES: Mapping[tuple[str, bool], tuple[str, ...]] = {  # {} is replaced by a colour
    ("t-shirt", False): ("{} t-shirt",), ("v-neck", False): ("{} v-neck",), ("collar", False): ("{} collared shirt",),
    ("hoodie", False): ("{} hoodie",), ("stripes", False): ("{} striped top", "{} striped shirt"),
    ("t-shirt", True): ("{}T恤",), ("v-neck", True): ("{}V领衫",), ("collar", True): ("{}衬衫",),
    ("hoodie", True): ("{}连帽衫",), ("stripes", True): ("{}条纹上衣",),
}  # fmt: skip
_ALONE_OF = {
    (name, value, not word.isascii()): word
    for word, meaning in ALONE.items()
    for name, values in meaning.items()
    for value in values
}
NAMEABLE = (
    "hair", "hair_colour", "eye_colour", "skin", "glasses", "hat", "beard", "earrings", "cheeks", "eyes", "mouth",
    "clothes", "shirt", "background",
)  # fmt: skip
_WEIGHTS = np.array([3, 4, 2, 2, 4, 3, 2, 2, 1, 1, 2, 1, 2, 3], float)
_MOUTHS, _EYES = ("smile", "laugh", "smirk", "surprised", "frown"), ("lashes", "wink")


def compose(
    values: np.ndarray, visible: np.ndarray, random: np.random.Generator, chinese: bool, wanted: Sequence[str] = ()
) -> str:
    """A sentence that names some of the attributes (K,) that are visible (K,), those `wanted` first."""
    look = {one.name: one.values[value] for one, value in zip(ATTRIBUTES, values.tolist(), strict=True)}
    able = [name for name in NAMEABLE if visible[COLUMN[name]] and _can_name(name, look[name])]
    count = int(random.integers(1, MOST_NAMED + 1))
    # the smallest of exponential random numbers with these rates: weighted drawing without replacement
    waits = random.exponential(size=len(NAMEABLE)) / _WEIGHTS
    drawn = sorted(able, key=lambda name: waits[NAMEABLE.index(name)])[:count]
    first = [name for name in wanted if name in able]
    names = [*first, *(name for name in drawn if name not in first)][: max(count, len(first))]
    return (_chinese if chinese else _english)(look, names, random)


def _can_name(name: str, value: str) -> bool:
    if name == "mouth":
        return value in _MOUTHS
    if name == "eyes":
        return value in _EYES
    return not (name == "cheeks" and value == "soft")


@dataclass
class _Parts:
    """The content of a sentence by part of speech."""

    alone: list[str]
    has: list[str]
    wears: list[str]
    lacks: list[str]
    behind: str = ""


def _parts(look: Mapping[str, str], names: Sequence[str], random: np.random.Generator, chinese: bool) -> _Parts:
    parts = _Parts([], [], [], [])

    def pick(options: Sequence[str]) -> str:
        return options[int(random.integers(len(options)))]

    def colour(name: str) -> str:
        return pick(_COLOURS[name][look[name], chinese]) if name in names else ""

    if "hair" in names and look["hair"] == "bald":
        parts.alone.append(_ALONE_OF["hair", "bald", chinese])
        if "hair_colour" in names:
            parts.has.append(_hair("", colour("hair_colour"), chinese, pick))
    elif "hair" in names or "hair_colour" in names:
        parts.has.append(_hair(look["hair"] if "hair" in names else "", colour("hair_colour"), chinese, pick))
    if "clothes" in names or "shirt" in names:
        forms = (
            _CLOTHES[look["clothes"], chinese]
            if "clothes" in names
            else ("{}上衣",)
            if chinese
            else ("{} top", "{} shirt")
        )
        parts.wears.append(" ".join(pick(forms).format(colour("shirt")).split()))
    for name, noun in (("eye_colour", ("eyes", "眼睛")), ("skin", ("skin", "皮肤"))):
        if name in names and (look[name], chinese) in _COLOURS[name]:
            parts.has.append(f"{colour(name)}{noun[1]}" if chinese else f"{colour(name)} {noun[0]}")
    for name in ("glasses", "hat", "earrings", "beard"):
        if name in names:
            kind = parts.has if name == "beard" else parts.wears
            if look[name] == NONE:
                parts.lacks.append(_denied(name, chinese))
            else:
                kind.append(pick(_NAMES[name][look[name], chinese]))
    for name in ("cheeks", "eyes"):
        if name in names:
            word = _ALONE_OF.get((name, look[name], chinese), "")
            described = _NAMES[name].get((look[name], chinese), [])
            if described:
                parts.has.append(pick(described))
            else:
                parts.alone.append(word)
    if "mouth" in names:
        parts.alone.append(_ALONE_OF["mouth", look["mouth"], chinese])
    if "background" in names:
        parts.behind = f"{colour('background')}背景" if chinese else f"{colour('background')} background"
    return parts


def _hair(style: str, colour: str, chinese: bool, choose: Callable[[Sequence[str]], str]) -> str:
    whole = _WHOLE_STYLES.get((style, chinese), [])
    if chinese:
        return f"{colour}{choose(whole) if style else '头发'}"
    if style and (style, False) not in _STYLES:
        return f"{colour} {choose(whole)}".strip()
    described = [word for word in (choose(_STYLES[style, False]) if style else "", colour) if word]
    return " ".join([*described, "hair"])


def _denied(name: str, chinese: bool) -> str:
    english = {"glasses": "glasses", "hat": "hat", "earrings": "earrings", "beard": "beard"}
    return {"glasses": "眼镜", "hat": "帽子", "earrings": "耳环", "beard": "胡子"}[name] if chinese else english[name]


def _subject(look: Mapping[str, str], random: np.random.Generator, chinese: bool) -> str:
    words: tuple[str, ...]
    if look["beard"] != NONE:
        words = ("男人", "人") if chinese else ("man", "guy", "person")
    elif look["eyes"] == "lashes":
        words = ("女人", "女孩", "人") if chinese else ("woman", "lady", "girl", "person")
    else:
        words = ("人", "女人", "男人", "女孩", "男孩") if chinese else ("person", "woman", "man", "girl", "boy")
    return words[int(random.integers(len(words)))]


def _english(look: Mapping[str, str], names: Sequence[str], random: np.random.Generator) -> str:
    parts = _parts(look, names, random, False)
    subject = _subject(look, random, False)
    for list_of in (parts.has, parts.wears):
        random.shuffle(list_of)
    form = int(random.integers(3))
    if form == 2:  # a list
        said = [*parts.alone, *parts.has, *parts.wears, *(f"no {what}" for what in parts.lacks)]
        random.shuffle(said)
        return f"{subject}, " + ", ".join([*said, *([parts.behind] if parts.behind else [])])
    clauses = []
    alone = " ".join(parts.alone)
    if form == 0:
        beginning = f"a {alone} {subject}" if alone else f"a {subject}"
        if parts.has:
            clauses.append("with " + " and ".join(map(_one, parts.has)))
        if parts.wears:
            clauses.append("wearing " + " and ".join(map(_one, parts.wears)))
        clauses += ["without " + " or ".join(map(_one, parts.lacks))] if parts.lacks else []
    else:
        beginning = f"the {alone} {subject}" if alone else f"the {subject}"
        if parts.has:
            clauses.append("has " + " and ".join(map(_one, parts.has)))
        if parts.wears:
            clauses.append(("and " if parts.has else "") + "wears " + " and ".join(map(_one, parts.wears)))
        clauses += [("with no ") + " and no ".join(parts.lacks)] if parts.lacks else []
    if parts.behind:
        clauses.append(f"{('in front of', 'on')[int(random.integers(2))]} a {parts.behind}")
    return " ".join([beginning, *clauses])


_MANY = ("hair", "eyes", "skin", "glasses", "sunglasses", "spectacles", "flowers", "stubble", "earrings", "hoops",
         "studs", "freckles", "cheeks", "lashes", "eyelashes", "puffs")  # fmt: skip


def _one(what: str) -> str:
    if what.rpartition(" ")[2] in _MANY:
        return what
    return f"an {what}" if what[0] in "aeio" else f"a {what}"


def _chinese(look: Mapping[str, str], names: Sequence[str], random: np.random.Generator) -> str:
    parts = _parts(look, names, random, True)
    subject = _subject(look, random, True)
    said = [_worn(what) for what in parts.wears] + [
        f"有{what}" if random.random() < 0.4 else what for what in parts.has
    ]
    said += [f"没有{what}" if what == "胡子" or random.random() < 0.4 else f"不戴{what}" for what in parts.lacks]
    random.shuffle(said)
    alone = "".join(f"{word}的" for word in parts.alone)
    said += [parts.behind] if parts.behind else []
    return "，".join([f"{('一个', '一位')[int(random.integers(2))]}{alone}{subject}", *said])


def _worn(what: str) -> str:
    clothes = what.endswith(("T恤", "衫", "上衣"))
    return f"穿着{what}" if clothes else f"戴着{what}"
