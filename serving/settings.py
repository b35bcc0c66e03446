"""Settings of the service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gan_core.errors import BadValue
from serving.line import LONGEST, PLACES

RATE = "600/minute"
LEAST_KEY = 16  # characters
MOST_KEYS = 10_000


@dataclass(frozen=True)
class Key:
    """A client's name, which may be logged, and its secret, which may not."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


@dataclass(frozen=True)
class Settings:
    """`keys` empty: everybody may call. `rate` as `limits` reads it, such as "10/second;600/minute"; "": none.

    `models` are opened and exported before the server says that it is ready.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: tuple[Key, ...] = ()
    rate: str = RATE
    longest: float = LONGEST  # seconds until a request is answered
    places: int = PLACES  # pictures that may wait for one model
    models: tuple[str, ...] = ()
    studio: bool = False
    proxies: str = ""  # trusted proxies (X-Forwarded-For), separated by commas
    grace: float = 30.0  # seconds that running work may take to end

    def __post_init__(self) -> None:
        """Raises BadValue for values out of range, and for a rate that can't be read."""
        for name, value, low, high in (
            ("port", self.port, 0, 65535), ("deadline", self.longest, 1, 600), ("queue", self.places, 1, 10_000),
            ("grace", self.grace, 0, 3600),
        ):  # fmt: skip
            if not low <= value <= high:
                raise BadValue("{name} must be between {low:g} and {high:g}, got {value:g}.",
                               name=name, low=low, high=high, value=value)  # fmt: skip
        if self.rate:
            from limits import parse_many

            try:
                parse_many(self.rate)
            except ValueError:
                raise BadValue(
                    "'{rate}' is no rate. Valid, for example: 10/second, 600/minute, or none.", rate=self.rate
                ) from None


def read_keys(path: Path) -> tuple[Key, ...]:
    """Keys of a file: a name and a secret on each line; lines that begin with # are comments. Raises BadValue.

    No message holds any part of a secret.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue("The key file {path} can't be read: {reason}.", path=path, reason=type(error).__name__) from None
    keys: list[Key] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or len(words[1]) < LEAST_KEY or not words[1].isascii():
            raise BadValue(
                "Line {number} of the key file {path} must be a name and a secret of at least {least} ASCII "
                "characters, with a space between them.",
                number=number, path=path, least=LEAST_KEY,
            )  # fmt: skip
        if words[0] in {key.name for key in keys}:
            raise BadValue("The key file {path} has two keys named {name}.", path=path, name=words[0])
        keys.append(Key(words[0], words[1]))
    if not 1 <= len(keys) <= MOST_KEYS:
        raise BadValue("The key file {path} must have 1 to {most} keys, not {count}.", path=path, most=MOST_KEYS,
                       count=len(keys))  # fmt: skip
    return tuple(keys)
