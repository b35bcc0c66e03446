"""Emoji with their names and keywords: pictures and tokens, in English.

Each emoji without skin tones occurs twice, in Noto's and in Twemoji's style. Its SENTENCES sentences of LENGTH tokens
are its name, its name with all keywords, and random selections of both. Every tenth emoji, in both styles, is the test
part: first all of Noto's, then all of Twemoji's.

Words of fewer than two emoji of the training part aren't in the vocabulary: a third of the test part's words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np

from gan_core.data.avatars import sentences
from gan_core.data.base import DataSet, Progress, Source, register, tracked
from gan_core.data.files import files_of, how_to_get
from gan_core.data.formats import npz_arrays
from gan_core.data.prepared import N_IMAGES, UNREADABLE, OfArray
from gan_core.data.sets.emoji import BOTH_LICENCES, FOLDER, NPZ, SIZE, places_of
from gan_core.errors import BadData

NAME = "emoji_captions"
PATTERNS = (f"{FOLDER}/{NPZ}",)
SENTENCES, LENGTH = 6, 16  # per picture; tokens of a sentence
LEAST = 2  # emoji of the training part that a word of the vocabulary must have
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*|[0-9]+")
_KNOWN = """
0 00 1 10 100 11 12 143 2 3 30 4 5 6 7 8 a abcd accessibility act active actor admission adorbs adult aeroplane again
agree aid airplane alarm alcohol alien aliens amble amount amulet amusement anchor and angel angelic anger angle angry
animal animals anniversary annoyed antenna anxious apocalypse apple apprehend aquarius archer architect aries arrest
arrived arrow arrows art artist ascend ask assembly astronaut at athletic athletics australia automobile autumn
awesome awful awkward b babe baby back backhand backpacking bacon bacteria bad bae bag bags balance balancing bald
ball ballet balloon banana bandage bank banknote bar barbell barber basketball bat bath bathing bathroom bathtub
battery bday beach beans bear beard bearded bearer beat beauty bed bedtime beer beetle beg behind bell berries berry
bestie beverage bewilder bff bicycle bicyclist big bike biking bill billion biologist bird birdie birthday bite black
blame blank blessed blind blond blond-haired blood blossom blow blowing blu-ray blue blush board boat body bodybuilder
bone bones book bookmark boom boot booze bored bottle bouncing bow bowl box boy branch bread break breakfast bright
bright-eyed brightness bro broken brown bubble buckingham bug build building bundle bunny burn bus business button c
cab cabbage cabbie caddy cake calendar call calm camel camera camping can cancel cancer candy cane canoe cap car card
cardinal cars cartwheel cartwheeling cash cat catch cd celebrate celebration cell chain chair championship chapel
charge chart check checked checkmark cheese chef chemist chemistry cherry chick chicken child children chocolate chop
chopsticks christian christmas chuck church cinema circle citation citrus clap claus clean cleaning clenched climb
climber climbing clock clockwise close closed closet clothes clothing cloud club clue coat cocktail coder cold
colorful combat comic communication computer condiment confused congratulations construction contact control cook
cooking cool cop corn cosmetics cosmetology cost counterpart country couple cow crab crazy cream creature crescent
cricket criminal cross crossed crown cruise cry crying cup curl curly currency curving cut cute cycle cyclist dance
dancer dark dash data date dating day dead deadlift deaf death dejected delicious delivery demon dentist desert
dessert detective developer devil diamond dinner direction disappointed disbelief disgruntled dish disk disturbed
diving dizzy djinn do doctor document dog doll dollar dolls done double doubt down downtrodden dr dragon dreams dress
dressed dribble drink drinking drinks drip drive driving drop droplet drove drum drunk duck duel dunno dusk dvd dying
e-mail ear ears earth eat education egg eight elderly electric electrician electricity elegant eleven elf elves email
embarrassed emergency emotion empty enchantment engagement engine engineer entertainer entertainment entry envelope
epic euro european evil exasperation excited exclamation exercise exhausted experiment expressionless extinction
extraterrestrial eye eyes face facepalm facepalming facing factory fail fairy fairytale falafel falling family fancy
fangs fantasy farm farmer fast father fear fearful feed feeding feels feet festival festive fetch fever file film fine
finger fingers fire firefighter firetruck fireworks first fish fishes fishing fist five fix flag flavoring flick flip
flirt flower flu flutter fly flying fog folklore food foot football for forbidden forest forgot formal fortune four
frame free freestyle french fresh friends frown frowning fruit frustrated full funny gait game garden gardener genie
geometric gesture gesturing getting gibbous gift girl glad glass glasses globe glove gold golf golfing good goodnight
gossip graduate grain graph grapple grateful green grimace grin grinning groom gross growth guard guess guide
gymnastics haha hair haircut halloween hammer hand handbag handball handle hands handshake happy hardhat hat head
headache health healthcare hear hearing heart heart-eyes hearts heat heavy hehe helmet help herb here hero hide high
high-speed hike hilarious hindu hmm hockey hold holding hole holiday home homie honey hooray horns horoscope horror
horse hot hotel hours house hug hugging hump hungry hurl hurry hurt i ice id idea identical identity ideograph idk
ignorance ily improvement in increasing index indifference industrial ink input insect instructor instrument
intelligent intercardinal internet intersection inventor irish irritated islam jacket japanese jar jealous jelly
jewish jinn joy judaism judge juggle juggling juice justice kebab keep key keyboard keycap kick kid kiss kisses
kissing kitten kneel kneeling knees know knowledge knows lab lady lake lamp large last late latin laugh laughing
lavatory law leaf lecturer left leftward leftwards leg legged legs legume leo letter letters libra library life lift
lifter lifting light lightning like link lion lips lipstick liquid listen litter lmao lob lock lol london losing lotus
loud love low luck lumber luxurious m machine mad maddening mage magic magical mail mailbox makeup male mammal man
manage manager manual map marathon mark marsupial mask massage math mathematician maybe me meat mechanic medal medical
medicine meditation medium medium-small meh men merry mexican milk million mirror mobile mom money monkey monorail
monster moo moon morning mother motor motorized mountain mouse mouth move movie muah multiplication multiply multitask
museum music musical muslim mute mwah myth nanny nap nature needle nervous nest nesting net new newborn ng nib nice
night no nose not note notebook notes novels nurse nursing o oar ocean of off office officer oh oil ok old omg on
oncoming one one-piece oops open optical orange ornithology ouch outdoors outlined over oyster pace packing pad paddle
page paid pail painting pair palace palette palm pamper pants paper paperclip park parlor party partying passenger
pastry pause pay peace peaceful pearl pedestrian peep pen penalty pencil people pepper person pest pet pga phone
physicist pi pick pig pilot pisces pissed pitch pixie place plane plant play player playing please plumber point
pointed pointing pole police polo pool pop poseidon position post postbox pot pound pouting powerlifting pray predator
pregnant pretty print probing professor prohibit prohibited protection proud pulled pulse punch punctuation puppy
purple purse putt quarter queen question quick quiet race racehorse racing racquet radio raft rage railway rain raise
raised raising ram ranch rancher range reach reading rebuild receive red refresh relationship relax relaxed relaxing
relief relieved religion remodel repair repeat rescue restaurant restroom reverse revolving ribbon rice rich riding
right ring rise river rock rocket rockstar rofl roflmao roll roller rolling romance romantic room root row rowboat
rowing royal royalty rub ruler run running rush s sad safety sagittarius salad salon salute santa sarcasm sarcastic
sassy satellite sauna scale scales scared scary scene school science scientist scooter score scorpio scorpion scorpius
scowl scuba sea seafood seat secret see sent serenity seriously settle seven sewing sexy shade shake shaker shaking
shave shears shh shinkansen ship shirt shock shocked shoe shoes shooting shopping shot showing shrimp shrug shrugging
shy sick sign signal silent silhouette silver simple singer siren six skate skeleton skeptical skewer ski skill skull
slay sleep sleeping sleepy sleuth slice slide slightly sly small smart smell smh smile smiley smiling smoke smoking
smooch smooches snap sneeze snow snowman soft software soldier somersault soothe sorcerer sorceress sorcery sorry
soulmate sound soup spa space spade spanner sparkle sparkling speak speaker special speech speed spell spider spill
spiral spoon sport spring sprout spy square stand standing star stars station statue stealth steam steambath steaming
steamy stick stone stop stoplight store straight straw stress stressed stride stroll strong stuck-out student stuffed
style suburban suburbia suit sulk summer summon sun sunglasses sunny sunrise sunset superhero supernatural superpower
supervillain surf surfer surfing surprise surprised swag sweat sweet swell swim swimmer swimming swimsuit symbol
symbols tale taste taxi tbt tea teacher tear tears technologist tee teeth telephone ten tennis tension tent thanks the
theme therapist therapy thermometer thirty thread three throw thumb thumbs thunder tick ticket tie time timer tipping
tired together toilet tongue tool tooth top toss tournament toy track tradesperson traffic train tram travel tray
treatment tree trend triangle triathlon trident trip trolleybus tropical truck turban turkey tuxedo twelve twin twins
twinsies two type ufo ugh umbrella unamused undead under undercover underwear unhappy unimpressed unlock unwind up
upset upward vacancy valentine vampire vegetable vegetarian veggie vehicle vertical victory video villain virus
vitamin volume walk walking waning war watch water waterpolo waves wavy waxing way wc weapon wearing weary weather web
wedding weight weightlifter weights well whale what whatever wheel wheelchair where whine whiskers white white-collar
who whoa win wind wings wise wishes witch with without wizard woah woman women wood woohoo woozy work worker workout
world worried worry wow wrapped wrench wrestle wrestling writing x xmas xoxo yawn yay yellow yes yikes yoga yogi yolo
you young younger yum yummy zen zip zodiac zombie zoo zzz
"""
VOCABULARY = ("", "?", *_KNOWN.split())


def known_words(texts: Sequence[str]) -> tuple[str, ...]:
    """The words of at least LEAST texts, in alphabetical order."""
    counts = Counter(word for text in texts for word in set(_WORD.findall(text.lower())))
    return tuple(sorted(word for word, count in counts.items() if count >= LEAST))


def captions(names: Sequence[str], tags: Sequence[str], seed: int) -> np.ndarray:
    """Sentences about emoji with these names and keywords ("a, b, c") as tokens, int64 (N, SENTENCES, LENGTH)."""
    random = np.random.default_rng(seed)
    made = np.zeros((len(names), SENTENCES, LENGTH), np.int64)
    for place, (name, listed) in enumerate(zip(names, tags, strict=True)):
        keywords = [word for word in listed.split(", ") if word]
        texts = [name, " ".join([name, *keywords])]
        while len(texts) < SENTENCES:
            chosen = random.permutation([name, *keywords])[: int(random.integers(1, 5))]
            texts.append(" ".join(chosen.tolist()))
        for number, text in enumerate(texts):
            made[place, number] = sentences.row_of(sentences.split(text, VOCABULARY), LENGTH)
    return made


def _load(part: str, size: int | None, progress: Progress) -> DataSet:
    files = files_of(*PATTERNS)
    if not files:
        raise BadData("'{name}' isn't here. {needs}", name=NAME, needs=SOURCE.needs)
    try:
        drawings = npz_arrays(files[0], "noto", "twemoji")
        codes, names, tags, tones = npz_arrays(files[0], "codes", "names", "tags", "tones")
    except UNREADABLE as error:
        raise BadData("{path} can't be read ({reason}).", path=files[0], reason=error) from error
    plain = np.flatnonzero(tones == 0)
    places = plain[np.sort(places_of(codes[plain].tolist(), part))]
    images = [
        image
        for drawing in drawings
        for image in tracked(OfArray(drawing[places]).squares(size or SIZE), len(places), progress, N_IMAGES)
    ]
    rows = captions(names[places].tolist(), tags[places].tolist(), seed=0)
    name = f"test:{NAME}" if part == "test" else NAME
    arrays = {"real": np.ascontiguousarray(np.stack(images)), "caption": np.concatenate([rows] * len(drawings))}
    return DataSet(name, arrays, (), BOTH_LICENCES, vocabulary=VOCABULARY)


SOURCE = register(
    Source(
        name=NAME,
        title="Described emoji",
        about="1,385 emoji as Noto and as Twemoji draw them, each with its name and keywords in English. 153 others "
        "are kept for testing, in both drawings.",
        licence=f"{BOTH_LICENCES}; names: MIT (emojibase)",
        size=SIZE,
        channels=3,
        items=2770,
        class_names=(),
        load=partial(_load, "train"),
        test=partial(_load, "test"),
        available=lambda: bool(files_of(*PATTERNS)),
        needs=how_to_get(PATTERNS, "emoji"),
        task="captions",
        published="emoji",
        shapes={"caption": (SENTENCES, LENGTH)},
        vocabulary=VOCABULARY,
    )
)
