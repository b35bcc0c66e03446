"""What words mean: nouns with the words before them, words of their own, negations; and the vocabulary of all.

Some pairs of values (UNSEEN) are in no training picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN

Meaning = dict[str, tuple[str, ...]]  # attribute -> the values that a sentence allows

NONE = "none"
RED, BROWN = ("copper",), ("dark brown", "chestnut")


def _each(words: Sequence[str], meaning: Mapping[str, Any]) -> dict[str, Any]:
    """Maps each of the words to the same meaning."""
    return dict.fromkeys(words, meaning)


# noun -> words before it -> their meaning; "" is the meaning of the noun itself
HAIR_COLOURS: Mapping[str, Meaning] = {
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
HAIR_STYLES: Mapping[str, Meaning] = {
    **_each(("short", "cropped"), {"hair": ("crop",)}),
    "side-parted": {"hair": ("side part",)},
    "spiky": {"hair": ("spiky",)},
    "curly": {"hair": ("curly",)},
    "long": {"hair": ("long",)},
    "wavy": {"hair": ("wavy",)},
}
SHIRT_COLOURS: Mapping[str, Meaning] = {
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
EYE_COLOURS: Mapping[str, Meaning] = {
    **_each(("brown", "棕色", "褐色"), {"eye_colour": ("brown",)}),
    **_each(("hazel", "琥珀色"), {"eye_colour": ("hazel",)}),
    **_each(("green", "绿色"), {"eye_colour": ("green",)}),
    **_each(("blue", "蓝色", "蓝"), {"eye_colour": ("blue",)}),
    **_each(("grey", "gray", "灰色"), {"eye_colour": ("grey",)}),
}
SKINS: Mapping[str, Meaning] = {
    **{value: {"skin": (value,)} for value in ATTRIBUTES[COLUMN["skin"]].values},
    **_each(("light", "pale", "白皙"), {"skin": ("porcelain", "fair", "peach")}),
    **_each(("tan", "小麦色"), {"skin": ("honey", "olive", "caramel")}),
    **_each(("dark", "深色"), {"skin": ("brown", "ebony")}),
}
BACKGROUNDS: Mapping[str, Meaning] = {
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
    **_each(("hair", "头发"), _named({}, {**HAIR_COLOURS, **HAIR_STYLES})),
    **{
        word: _named({"hair": (style,)}, HAIR_COLOURS)
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
    **_each(("eyes", "眼睛"), _named({}, EYE_COLOURS)),
    **_each(("lashes", "eyelashes", "睫毛"), _named({"eyes": ("lashes",)}, {"long": {}, "长": {}})),
    **_each(("skin", "皮肤"), _named({}, SKINS)),
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
    **_each(("t-shirt", "t恤"), _named({"clothes": ("t-shirt",)}, SHIRT_COLOURS)),
    **_each(("v-neck", "v领衫"), _named({"clothes": ("v-neck",)}, SHIRT_COLOURS)),
    **_each(("hoodie", "连帽衫"), _named({"clothes": ("hoodie",)}, SHIRT_COLOURS)),
    **_each(
        ("shirt", "top"),
        _named({}, {**SHIRT_COLOURS, "collared": {"clothes": ("collar",)}, "striped": {"clothes": ("stripes",)}}),
    ),
    "衬衫": _named({"clothes": ("collar",)}, SHIRT_COLOURS),
    "上衣": _named({}, {**SHIRT_COLOURS, "条纹": {"clothes": ("stripes",)}}),
    **_each(("background", "背景"), _named({}, BACKGROUNDS)),
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


def seen_in(rows: np.ndarray, pairs: Sequence[Mapping[str, str]] = UNSEEN) -> np.ndarray:
    """Which rows (N, K) of attributes contain one of the pairs, bool (N,)."""
    found = np.zeros(len(rows), bool)
    for pair in pairs:
        has = [rows[:, COLUMN[name]] == ATTRIBUTES[COLUMN[name]].values.index(value) for name, value in pair.items()]
        found |= np.logical_and.reduce(has)
    return found
