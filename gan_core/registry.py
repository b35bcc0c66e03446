"""Registries: items by name, with errors for duplicates and unknown names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from gan_core.errors import UnknownName

Item = TypeVar("Item")


class Registry(Generic[Item]):
    """An ordered catalogue of items of one kind, e.g. recipes or data sources."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, Item] = {}

    def register(self, name: str, item: Item) -> Item:
        """Adds an item; raises ValueError if the name is taken (a programming error)."""
        if name in self._items:
            raise ValueError(f"{self.kind} '{name}' is registered twice")
        self._items[name] = item
        return item

    def get(self, name: str) -> Item:
        """The item of that name; raises UnknownName, which lists the valid ones."""
        try:
            return self._items[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._items) from None

    def sort(self, key: Callable[[Item], Any]) -> None:
        """Orders the items by `key`; equal ones stay in order of registration."""
        self._items = dict(sorted(self._items.items(), key=lambda named: key(named[1])))

    def names(self) -> list[str]:
        return list(self._items)

    def __repr__(self) -> str:
        return f"Registry({self.kind}: {', '.join(self._items)})"

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __len__(self) -> int:
        return len(self._items)
