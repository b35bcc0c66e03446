"""Labels of directions, layers and classes. Links use a direction's own name, such as "mouth: smile"."""

from __future__ import annotations

from ui.attributes import ATTRIBUTES
from ui.languages import N_, _
from ui.studio.models.marks import is_custom
from ui.studio.models.opened import Opened

# values of attributes, by their names in data sets
VALUES = {
    "porcelain": N_("porcelain"), "fair": N_("fair"), "peach": N_("peach"), "honey": N_("honey"),
    "olive": N_("olive"), "caramel": N_("caramel"), "brown": N_("brown"), "ebony": N_("ebony"), "oval": N_("oval"),
    "round": N_("round"), "square": N_("square"), "heart": N_("heart"), "bald": N_("bald"), "crop": N_("crop"),
    "side part": N_("side part"), "spiky": N_("spiky"), "curly": N_("curly"), "afro": N_("afro"), "bun": N_("bun"),
    "puffs": N_("puffs"), "bob": N_("bob"), "long": N_("long"), "wavy": N_("wavy"), "black": N_("black"),
    "dark brown": N_("dark brown"), "chestnut": N_("chestnut"), "copper": N_("copper"), "blonde": N_("blonde"),
    "silver": N_("silver"), "pink": N_("pink"), "blue": N_("blue"), "lashes": N_("lashes"),
    "relaxed": N_("relaxed"), "happy": N_("happy"), "wink": N_("wink"), "hazel": N_("hazel"), "green": N_("green"),
    "grey": N_("grey"), "ahead": N_("ahead"), "left": N_("left"), "right": N_("right"), "arched": N_("arched"),
    "straight": N_("straight"), "raised": N_("raised"), "worried": N_("worried"), "bold": N_("bold"),
    "soft": N_("soft"), "rosy": N_("rosy"), "freckles": N_("freckles"), "smile": N_("smile"), "laugh": N_("laugh"),
    "smirk": N_("smirk"), "neutral": N_("neutral"), "surprised": N_("surprised"), "frown": N_("frown"),
    "none": N_("none"), "stubble": N_("stubble"), "moustache": N_("moustache"), "goatee": N_("goatee"),
    "full": N_("full"), "sun": N_("sunglasses"), "beanie": N_("beanie"), "cap": N_("cap"),
    "straw hat": N_("straw hat"), "flowers": N_("flowers"), "studs": N_("studs"), "hoops": N_("hoops"),
    "t-shirt": N_("t-shirt"), "v-neck": N_("v-neck"), "collar": N_("collar"), "hoodie": N_("hoodie"),
    "stripes": N_("stripes"), "coral": N_("coral"), "mustard": N_("mustard"), "sage": N_("sage"),
    "teal": N_("teal"), "denim": N_("denim"), "plum": N_("plum"), "cream": N_("cream"),
    "charcoal": N_("charcoal"), "sky": N_("sky"), "mint": N_("mint"), "butter": N_("butter"), "rose": N_("rose"),
    "lilac": N_("lilac"), "sand": N_("sand"), "mist": N_("mist"),
}  # fmt: skip
# shorter than "Mouth: smile"
PLAIN = {
    "mouth: smile": N_("Smile"), "mouth: laugh": N_("Laughter"), "hair: long": N_("Long hair"),
    "beard: full": N_("Beard"), "glasses: round": N_("Round glasses"), "glasses: square": N_("Square glasses"),
    "glasses: sun": N_("Sunglasses"),
    "hat: beanie": N_("Beanie"), "hat: straw hat": N_("Straw hat"), "skin: brown": N_("Brown skin"),
}  # fmt: skip
KINDS = (N_("model"), N_("direction"), N_("layer"), N_("latent space"))  # fill "There is no {kind} named ..."
COMPUTED = {"PCA": N_("Principal component {number}"), "SeFa": N_("SeFa direction {number}")}


def direction_words(name: str) -> str:
    """Returns the label of a slider."""
    if name in PLAIN:
        return _(PLAIN[name])
    if is_custom(name):
        return _("Custom slider")
    kind, _space, number = name.partition(" ")
    if kind in COMPUTED and number.isdecimal():
        return _(COMPUTED[kind]).format(number=number)
    attribute, colon, value = name.partition(": ")
    return value_words(attribute, value) if colon else name


def value_words(attribute: str, value: str) -> str:
    """Returns an attribute with its value."""
    return _("{attribute}: {value}").format(
        attribute=_(ATTRIBUTES.get(attribute, attribute)), value=_(VALUES.get(value, value))
    )


def class_choices(model: Opened) -> list[tuple[str, int]]:
    """Returns labels and numbers of a model's classes for a dropdown."""
    names = model.card.class_names or tuple(map(str, range(model.explorer.sampler.spec.classes)))
    return [(_(name), place) for place, name in enumerate(names)]
