"""Sentences about faces, in English and Chinese: composed from attributes, and parsed.

A sentence names some of the visible attributes: "a smiling woman with red hair and no glasses". It is a row of LENGTH
tokens, indices into VOCABULARY; END follows the last word, UNKNOWN replaces a word that isn't in the vocabulary.

`read` finds what a sentence names by its nouns: words before a noun describe it, and a word such as "without" negates
it. Composed sentences are parsed back to exactly their meaning. Some pairs of values (UNSEEN) are in no training
picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN
from gan_core.errors import BadValue

LENGTH = 32  # tokens of a sentence
END, UNKNOWN = 0, 1  # tokens
MOST_CHARACTERS = 400  # longest sentence that is parsed
MOST_NAMED = 5  # attributes that a composed sentence names, hair's style and colour counted as two

Meaning = dict[str, tuple[str, ...]]  # attribute -> the values that a sentence allows

NONE = "none"
RED, BROWN = ("copper",), ("dark brown", "chestnut")


def _each(words: Sequence[str], meaning: Mapping[str, Any]) -> dict[str, Any]:
    """Maps each of the words to the same meaning."""
    return dict.fromkeys(words, meaning)


# noun -> words before it -> their meaning; "" is the meaning of the noun itself
_HAIR_COLOURS: Mapping[str, Meaning] = {
    **_each(("black", "黑色", "黑"), {"hair_colour": ("black",)}),
    **_each(("dark-brown", "深棕色"), {"hair_colour": ("dark brown",)}),
    **_each(("chestnut", "栗色"), {"hair_colour": ("chestnut",)}),
    **_each(("brown", "棕色", "褐色"), {"hair_colour": BROWN}),
    **_each(("red", "ginger", "copper", "红色", "红"), {"hair_colour": RED}),
    **_each(("blonde", "blond", "golden", "金色", "金"), {"hair_colour": ("blonde",)}),
    **_each(("silver", "grey", "gray", "银色", "灰色"), {"hair_colour": ("silver",)}),
    **_each(("pink", "粉色"), {"hair_colour": ("pink",)}),
    **_each(("blue", "蓝色", "蓝"), {"hair_colour": ("blue",)}),
}
_HAIR_STYLES: Mapping[str, Meaning] = {
    **_each(("short", "cropped"), {"hair": ("crop",)}),
    "side-parted": {"hair": ("side part",)},
    "spiky": {"hair": ("spiky",)},
    "curly": {"hair": ("curly",)},
    "long": {"hair": ("long",)},
    "wavy": {"hair": ("wavy",)},
}
_SHIRT_COLOURS: Mapping[str, Meaning] = {
    **_each(("coral", "red", "珊瑚色", "红色"), {"shirt": ("coral",)}),
    **_each(("mustard", "yellow", "黄色"), {"shirt": ("mustard",)}),
    **_each(("sage", "灰绿色"), {"shirt": ("sage",)}),
    **_each(("teal", "青色"), {"shirt": ("teal",)}),
    **_each(("green", "绿色"), {"shirt": ("sage", "teal")}),
    **_each(("denim", "blue", "蓝色"), {"shirt": ("denim",)}),
    **_each(("plum", "purple", "紫色"), {"shirt": ("plum",)}),
    **_each(("cream", "white", "白色", "米色"), {"shirt": ("cream",)}),
    **_each(("charcoal", "black", "黑色"), {"shirt": ("charcoal",)}),
}
_EYE_COLOURS: Mapping[str, Meaning] = {
    **_each(("brown", "棕色", "褐色"), {"eye_colour": ("brown",)}),
    **_each(("hazel", "琥珀色"), {"eye_colour": ("hazel",)}),
    **_each(("green", "绿色"), {"eye_colour": ("green",)}),
    **_each(("blue", "蓝色", "蓝"), {"eye_colour": ("blue",)}),
    **_each(("grey", "gray", "灰色"), {"eye_colour": ("grey",)}),
}
_SKINS: Mapping[str, Meaning] = {
    **{value: {"skin": (value,)} for value in ATTRIBUTES[COLUMN["skin"]].values},
    **_each(("light", "pale", "白皙"), {"skin": ("porcelain", "fair", "peach")}),
    **_each(("tan", "小麦色"), {"skin": ("honey", "olive", "caramel")}),
    **_each(("dark", "深色"), {"skin": ("brown", "ebony")}),
}
_BACKGROUNDS: Mapping[str, Meaning] = {
    **_each(("sky-blue", "blue", "天蓝色", "蓝色"), {"background": ("sky",)}),
    **_each(("mint", "green", "薄荷色", "绿色"), {"background": ("mint",)}),
    **_each(("butter", "yellow", "黄色"), {"background": ("butter",)}),
    **_each(("peach", "orange", "橙色"), {"background": ("peach",)}),
    **_each(("rose", "pink", "粉色"), {"background": ("rose",)}),
    **_each(("lilac", "purple", "紫色"), {"background": ("lilac",)}),
    **_each(("sand", "beige", "米色"), {"background": ("sand",)}),
    **_each(("mist", "grey", "gray", "灰色"), {"background": ("mist",)}),
}


def _named(meaning: Meaning, described: Mapping[str, Meaning] | None = None) -> dict[str, Meaning]:
    return {"": meaning, **(described or {})}


_ANY_GLASSES, _ANY_HAT = ("round", "square"), ("beanie", "cap", "straw hat")
_FRAMES: Mapping[str, Meaning] = {
    **_each(("round", "圆框"), {"glasses": ("round",)}),
    **_each(("square", "方框"), {"glasses": ("square",)}),
}
NOUNS: Mapping[str, Mapping[str, Meaning]] = {
    **_each(("hair", "头发"), _named({}, {**_HAIR_COLOURS, **_HAIR_STYLES})),
    **{
        word: _named({"hair": (style,)}, _HAIR_COLOURS)
        for style, words in {
            "crop": ("短发",),
            "side part": ("侧分头",),
            "spiky": ("刺猬头",),
            "curly": ("卷发",),
            "afro": ("afro", "爆炸头"),
            "bun": ("bun", "丸子头"),
            "puffs": ("puffs", "双髻"),
            "bob": ("bob", "波波头"),
            "long": ("长发",),
            "wavy": ("波浪发",),
        }.items()
        for word in words
    },
    **_each(("eyes", "眼睛"), _named({}, _EYE_COLOURS)),
    **_each(("lashes", "eyelashes", "睫毛"), _named({"eyes": ("lashes",)}, {"long": {}, "长": {}})),
    **_each(("skin", "皮肤"), _named({}, _SKINS)),
    **_each(("glasses", "spectacles", "眼镜"), _named({"glasses": _ANY_GLASSES}, _FRAMES)),
    **_each(("sunglasses", "墨镜", "太阳镜"), _named({"glasses": ("sun",)})),
    **_each(("hat", "帽子"), _named({"hat": _ANY_HAT}, {"straw": {"hat": ("straw hat",)}})),
    **_each(("beanie", "毛线帽"), _named({"hat": ("beanie",)})),
    **_each(("cap", "鸭舌帽"), _named({"hat": ("cap",)})),
    "草帽": _named({"hat": ("straw hat",)}),
    **_each(("flowers", "头花"), _named({"hat": ("flowers",)})),
    **_each(("stubble", "胡茬"), _named({"beard": ("stubble",)})),
    **_each(("moustache", "mustache", "小胡子"), _named({"beard": ("moustache",)})),
    **_each(("goatee", "山羊胡"), _named({"beard": ("goatee",)})),
    "beard": _named({"beard": ("full", "goatee")}, {"full": {"beard": ("full",)}}),
    "络腮胡": _named({"beard": ("full",)}),
    "胡子": _named({"beard": ("full", "goatee", "moustache")}),
    **_each(
        ("earrings", "耳环"),
        _named({"earrings": ("studs", "hoops")}, {"hoop": {"earrings": ("hoops",)}, "stud": {"earrings": ("studs",)}}),
    ),
    **_each(("hoops", "大耳环"), _named({"earrings": ("hoops",)})),
    **_each(("studs", "耳钉"), _named({"earrings": ("studs",)})),
    **_each(("freckles", "雀斑"), _named({"cheeks": ("freckles",)})),
    **_each(("cheeks", "脸颊"), _named({}, _each(("rosy", "红润"), {"cheeks": ("rosy",)}))),
    **_each(("t-shirt", "t恤"), _named({"clothes": ("t-shirt",)}, _SHIRT_COLOURS)),
    **_each(("v-neck", "v领衫"), _named({"clothes": ("v-neck",)}, _SHIRT_COLOURS)),
    **_each(("hoodie", "连帽衫"), _named({"clothes": ("hoodie",)}, _SHIRT_COLOURS)),
    **_each(
        ("shirt", "top"),
        _named({}, {**_SHIRT_COLOURS, "collared": {"clothes": ("collar",)}, "striped": {"clothes": ("stripes",)}}),
    ),
    "衬衫": _named({"clothes": ("collar",)}, _SHIRT_COLOURS),
    "上衣": _named({}, {**_SHIRT_COLOURS, "条纹": {"clothes": ("stripes",)}}),
    **_each(("background", "背景"), _named({}, _BACKGROUNDS)),
}
# words with a meaning of their own
ALONE: Mapping[str, Meaning] = {
    **_each(("bald", "光头"), {"hair": ("bald",)}),
    **_each(("smiling", "微笑"), {"mouth": ("smile",)}),
    **_each(("laughing", "大笑"), {"mouth": ("laugh",)}),
    **_each(("smirking", "坏笑"), {"mouth": ("smirk",)}),
    **_each(("surprised", "惊讶"), {"mouth": ("surprised",)}),
    **_each(("frowning", "不高兴"), {"mouth": ("frown",)}),
    **_each(("winking", "眨眼"), {"eyes": ("wink",)}),
    **_each(("freckled",), {"cheeks": ("freckles",)}),
    **_each(("clean-shaven",), {"beard": (NONE,)}),
}
DENIED: Mapping[str, str] = {  # attribute -> its value when negated
    "glasses": NONE, "hat": NONE, "beard": NONE, "earrings": NONE, "cheeks": "soft"
}  # fmt: skip
NOT = ("without", "no", "not", "没有", "没", "不戴", "不留", "无")
# words that begin another part of the sentence, where descriptions and negation end
BREAKS = ("with", "and", "who", "has", "wears", "wearing", "on", "in", "，", "。", "、", "戴", "穿", "留", "有")
GLUE = (
    "a", "an", "the", "of", "is", "or", "front", "portrait", "picture", "face", "person", "someone", "woman", "man",
    "girl", "boy", "lady", "guy", "her", "his", "their", "一个", "一位", "一张", "的", "着", "和", "在", "人", "女人",
    "男人", "女孩", "男孩", "脸", "肖像", "这个", "前", "也",
)  # fmt: skip

UNSEEN: tuple[Mapping[str, str], ...] = (  # pairs that no training picture has
    {"hair_colour": "copper", "glasses": "round"},
    {"hair_colour": "silver", "glasses": "sun"},
    {"hair_colour": "blue", "hat": "straw hat"},
    {"hair_colour": "blonde", "hair": "afro"},
    {"hair_colour": "pink", "beard": "goatee"},
    {"beard": "full", "earrings": "hoops"},
    {"hat": "beanie", "shirt": "teal"},
)


def _vocabulary() -> tuple[str, ...]:
    described = [word for words in NOUNS.values() for word in words if word]
    return ("", "?", *dict.fromkeys((*GLUE, *NOT, *BREAKS, *ALONE, *NOUNS, *described)))


VOCABULARY = _vocabulary()
_RUNS = re.compile(r"t恤|v领衫|[a-z]+(?:-[a-z]+)*|[^\sa-z]+")
_STOPS = {
    ",": "，",
    ".": "。",
    ";": "，",
    ":": "，",
    "!": "。",
    "?": "。",
    "；": "，",
    "：": "，",
    "！": "。",
    "？": "。",
}


@dataclass(frozen=True)
class Word:
    """A word of a sentence as written, and its index in the vocabulary."""

    text: str
    token: int

    @property
    def known(self) -> bool:
        return self.token != UNKNOWN


def split(text: str, vocabulary: Sequence[str] = VOCABULARY) -> list[Word]:
    """Splits a sentence into words; without spaces, into the longest known words, else single characters.

    Raises BadValue for a sentence that is empty or longer than MOST_CHARACTERS.
    """
    if not text.strip():
        raise BadValue("Write a sentence, such as 'a woman with red hair and glasses'.")
    if len(text) > MOST_CHARACTERS:
        raise BadValue(
            "A sentence can have up to {most} characters, not {count}.", most=MOST_CHARACTERS, count=f"{len(text):,}"
        )
    places, longest = _places(tuple(vocabulary))
    found: list[Word] = []
    for run in _RUNS.findall(text.lower()):
        if run in places:
            found.append(Word(run, places[run]))
        elif run[0].isascii() and run[0].isalpha():
            parts = run.split("-")
            known = len(parts) > 1 and all(part in places for part in parts)
            found += [Word(part, places[part]) for part in parts] if known else [Word(run, UNKNOWN)]
        else:
            found += _segmented(run, places, longest)
    return _joined(found, places)


@lru_cache(maxsize=8)
def _places(vocabulary: tuple[str, ...]) -> tuple[Mapping[str, int], int]:
    """The index of each word, and the length of the longest word."""
    places = {word.lower(): place for place, word in enumerate(vocabulary) if place > UNKNOWN}
    return places, max((len(word) for word in places), default=1)


def _segmented(run: str, places: Mapping[str, int], longest: int) -> list[Word]:
    found, start = [], 0
    while start < len(run):
        for stop in range(min(len(run), start + longest), start, -1):
            piece = run[start:stop]
            piece = _STOPS.get(piece, piece)
            if piece in places or stop == start + 1:
                if piece in places or piece.isalnum():
                    found.append(Word(piece, places.get(piece, UNKNOWN)))
                start = stop
                break
    return found


def _joined(found: Sequence[Word], places: Mapping[str, int]) -> list[Word]:
    """Joins two words that are known with a hyphen: "dark brown"."""
    made: list[Word] = []
    for word in found:
        whole = f"{made[-1].text}-{word.text}" if made else ""
        if whole in places:
            made[-1] = Word(whole, places[whole])
        else:
            made.append(word)
    return made


def tokens(text: str, vocabulary: Sequence[str] = VOCABULARY, length: int = LENGTH) -> np.ndarray:
    """A sentence as int64 (length,), truncated if too long; raises BadValue if no word is known."""
    words = split(text, vocabulary)
    if not any(word.known and word.text not in _STOPS.values() for word in words):
        raise BadValue(
            "None of these words is known: {words}. Known are words such as {some}.",
            words=", ".join(word.text for word in words[:8])[:80] or text.strip()[:20],
            some=", ".join(_some(vocabulary)),
        )
    return row_of(words, length)


def _some(vocabulary: Sequence[str]) -> Sequence[str]:
    """Some known words, for a message."""
    faces = (
        "woman",
        "man",
        "red",
        "blonde",
        "hair",
        "glasses",
        "hat",
        "beard",
        "smiling",
        "女人",
        "红色",
        "头发",
        "眼镜",
    )
    if set(faces) <= set(vocabulary):
        return faces
    words = [word for word in vocabulary[UNKNOWN + 1 :] if len(word) > 3]
    return words[:: max(1, len(words) // 12)][:12]


def row_of(words: Sequence[Word], length: int = LENGTH) -> np.ndarray:
    """Words as tokens, int64 (length,), truncated if too long."""
    row = np.zeros(length, np.int64)
    kept = [word.token for word in words][:length]
    row[: len(kept)] = kept
    return row


def read(text: str) -> Meaning:
    """The attributes that a sentence names, each with the values that it allows."""
    return _meaning([word.text if word.known else "" for word in split(text)])


def read_tokens(row: np.ndarray) -> Meaning:
    """The same for a row of tokens."""
    return _meaning([VOCABULARY[token] for token in row if token > UNKNOWN])


def _meaning(words: Iterable[str]) -> Meaning:
    found: Meaning = {}
    before: list[str] = []
    denied = False
    for word in words:
        if word in NOT:
            before, denied = [], True
        elif word in BREAKS:
            before = []
            denied = denied and word in ("and", "、")  # "no glasses and no hat" and "without glasses and hat"
        elif word in ALONE and word not in NOUNS:
            found |= ALONE[word]
        elif word in NOUNS:
            found |= _of_noun(NOUNS[word], before, denied)
            before = []
        else:
            before.append(word)
    return found


def _of_noun(noun: Mapping[str, Meaning], before: Sequence[str], denied: bool) -> Meaning:
    meaning = dict(noun[""])
    for word in before:
        meaning |= noun.get(word, {}) if word else {}
    if denied:
        return {name: (DENIED[name],) for name in meaning if name in DENIED}
    return meaning


# --- composing -------------------------------------------------------------------------------------------------------


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
    "hair_colour": _by_value(_HAIR_COLOURS, "hair_colour"), "shirt": _by_value(_SHIRT_COLOURS, "shirt"),
    "eye_colour": _by_value(_EYE_COLOURS, "eye_colour"), "skin": _by_value(_SKINS, "skin"),
    "background": _by_value(_BACKGROUNDS, "background"),
}  # fmt: skip
_NAMES = {name: _nouns_of(name) for name in ("glasses", "hat", "beard", "earrings", "cheeks", "eyes")}
_STYLES = _by_value(_HAIR_STYLES, "hair")
_WHOLE_STYLES = {
    key: [word for word in words if word not in _HAIR_STYLES and " " not in word]
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


def _hair(style: str, colour: str, chinese: bool, pick: object) -> str:
    choose = pick if callable(pick) else None
    assert choose
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


def seen_in(rows: np.ndarray, pairs: Sequence[Mapping[str, str]] = UNSEEN) -> np.ndarray:
    """Which rows (N, K) of attributes contain one of the pairs, bool (N,)."""
    found = np.zeros(len(rows), bool)
    for pair in pairs:
        has = [rows[:, COLUMN[name]] == ATTRIBUTES[COLUMN[name]].values.index(value) for name, value in pair.items()]
        found |= np.logical_and.reduce(has)
    return found
