"""Small molecules: 8,021 different ones of 4 to 9 atoms, pieces of drug-like molecules (MOSES, 1811.12823).

Every tenth is the test part, `NAME` alone is the rest: 802 and 7,219 molecules.
"""

from __future__ import annotations

from functools import partial

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.files import files_of, how_to_get
from gan_core.data.parts import chosen
from gan_core.data.user.smiles import SIZE, lines_of, molecules
from gan_core.errors import BadData

PATTERNS = ("molecules/fragments_9.tsv",)
LICENCE = "MIT (MOSES, Insilico Medicine; from ZINC clean leads)"


def _load(part: str, size: int | None, progress: Progress) -> DataSet:
    files = files_of(*PATTERNS)
    if not files:
        raise BadData("'{name}' isn't here. {needs}", name="molecules", needs=how_to_get(PATTERNS))
    lines = lines_of(files[0])
    wanted = [lines[place] for place in chosen(len(lines), part)]
    return molecules("test:molecules" if part == "test" else "molecules", files[0], wanted, progress, LICENCE)


register(
    Source(
        name="molecules",
        title="Small molecules",
        about="7,219 molecules of 4 to 9 atoms besides hydrogen: carbon, nitrogen, oxygen, fluorine, sulphur and "
        "chlorine, cut out of drug-like molecules. 802 others are kept aside.",
        licence=LICENCE,
        size=SIZE,
        channels=1,
        items=7219,
        class_names=(),
        load=partial(_load, "train"),
        test=partial(_load, "test"),
        available=lambda: bool(files_of(*PATTERNS)),
        needs=how_to_get(PATTERNS),
        task="graph",
        shapes={"molecule": (SIZE, SIZE)},
    )
)
