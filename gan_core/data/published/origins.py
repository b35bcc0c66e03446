"""Locations of published files, and the checksums that verify them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_core.files import sha256_of

RAW = "https://raw.githubusercontent.com"
GROUP = 64  # files per checksum, so that thousands of small files need only a few lines of checksums


@dataclass(frozen=True)
class Origin:
    """A public GitHub repository at one commit, whose files never change."""

    repository: str  # "owner/name"
    commit: str  # 40 hex digits

    def folder(self, downloads: Path) -> Path:
        """The repository's folder below the folder of downloads."""
        return downloads / self.repository / self.commit

    def file(self, path: str) -> File:
        return File(self, path)

    @property
    def below(self) -> str:
        """The prefix of each file's URL path."""
        return f"{self.repository}/{self.commit}"

    @property
    def root(self) -> str:
        """The server; GANSCOPE_GITHUB_RAW names a mirror with the same paths."""
        return (os.environ.get("GANSCOPE_GITHUB_RAW") or RAW).rstrip("/") + "/"

    @property
    def known(self) -> tuple[str, str]:
        """Its location and version."""
        return f"github.com/{self.repository}", self.commit


@dataclass(frozen=True)
class Site:
    """A folder of a server without versions: its files are identified only by their SHA-256."""

    place: str  # host and folder

    def folder(self, downloads: Path) -> Path:
        """Its folder below the folder of downloads."""
        return downloads / self.place

    @property
    def below(self) -> str:
        return self.place

    @property
    def root(self) -> str:
        """The server; GANSCOPE_MIRROR names one with the same files below `host/folder`."""
        mirror = os.environ.get("GANSCOPE_MIRROR")
        return f"{mirror.rstrip('/')}/" if mirror else "https://"

    @property
    def known(self) -> tuple[str, str]:
        return self.place, ""


@dataclass(frozen=True)
class File:
    """One file of a repository or a site."""

    origin: Origin | Site
    path: str

    @property
    def name(self) -> str:
        return f"{self.origin.below}/{self.path}"

    @property
    def address(self) -> str:
        return f"{self.origin.root}{self.name}"

    def place(self, downloads: Path) -> Path:
        return self.origin.folder(downloads) / self.path


def groups(files: Sequence[File]) -> list[Sequence[File]]:
    """Groups of files that share a checksum."""
    return [files[start : start + GROUP] for start in range(0, len(files), GROUP)]


def group_sum(files: Sequence[File], downloads: Path) -> str:
    """The first 16 hex digits of a SHA-256 over paths and contents, in this order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{sha256_of(file.place(downloads))}\0".encode())
    return digest.hexdigest()[:16]
