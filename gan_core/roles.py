"""The two players, to whose updates a step can be restricted. Needs no torch."""

from __future__ import annotations

from typing import Literal, get_args

from gan_core.errors import BadValue

Role = Literal["generator", "discriminator"]
ROLES: tuple[str, ...] = get_args(Role)


def check_role(only: str | None) -> None:
    """Raises BadValue for anything but a role, or None: both."""
    if only is not None and only not in ROLES:
        raise BadValue("Unknown role '{only}'. Valid: {valid}.", only=only, valid=", ".join(ROLES))
