"""Molecules from files with one SMILES per line, `smiles:PATH`: .smi, .txt, or the first column of .tsv.

A first line "smiles" is a heading. Unusable lines are left out and listed with their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gan_core.data import cache, parts
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.data.chemistry import matrix_of, rdkit
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData, BadValue

SIZE = 9  # heavy atoms, at most
SUFFIXES = (".smi", ".smiles", ".txt", ".tsv")
LICENCE = "your own"
LISTED = 3  # lines in a message
LARGEST = 64 * 2**20  # bytes of a file
READING = "2"  # version of `matrix_of`, so that files are read anew where it changed


def load(mine: UserImages, size: int, progress: Progress, part: str = "") -> DataSet:
    """The molecules of a file, or a part of them; raises BadData if none can be used, BadValue without RDKit."""
    path = Path(mine.path).expanduser()
    whole = molecules(str(mine), path, lines_of(path), progress, LICENCE)
    return replace(parts.cut(whole, part), name=f"{part}:{mine}") if part else whole


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Line numbers, from 1, and the SMILES of a file; raises BadData if it can't be read or has none."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadValue("{file} holds no SMILES. Valid file extensions: {valid}.", file=path.name,
                       valid=", ".join(SUFFIXES))  # fmt: skip
    try:
        if path.stat().st_size > LARGEST:
            raise BadData("{path} is larger than {most} MB.", path=path, most=LARGEST // 2**20)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData("{path} can't be read ({reason}).", path=path, reason=error) from error
    fields = [(number, line.split()[0]) for number, line in enumerate(lines, 1) if line.strip()]
    if fields and fields[0][1].lower() == "smiles":
        fields = fields[1:]
    if not fields:
        raise BadData("{path} holds no SMILES: one is needed in each line.", path=path)
    return fields


def molecules(name: str, path: Path, lines: Sequence[tuple[int, str]], progress: Progress, licence: str) -> DataSet:
    """The matrices of SMILES; unusable ones are in `skipped`, by line. They are parsed once and cached."""

    def write(writer: cache.Writer) -> None:
        skipped = []
        rdkit()
        for number, text in tracked(lines, len(lines), progress, "Reading SMILES"):
            try:
                writer.add(matrix_of(text, SIZE)[None].astype(np.uint8))
            except BadData as error:
                skipped.append((f"{path.name}:{number}", str(error)))
        if not writer.count:
            raise BadData(
                "No SMILES of {path} can be used: {reasons}",
                path=path, reasons=" ".join(f"{place}: {reason}" for place, reason in skipped[:LISTED]),
            )  # fmt: skip
        writer.notes["skipped"] = skipped

    entry = cache.entry(name, SIZE, cache.fingerprint([(str(path), path)]) + READING, write)
    matrices = entry.arrays["real"][:, 0].astype(np.int64)  # (N, 1, n, n) -> (N, n, n)
    skipped = tuple((place, reason) for place, reason in entry.notes["skipped"])
    return DataSet(name, {"molecule": matrices}, (), licence, skipped)
