"""Undo and redo: the last views in order, and the one that is shown. A value, never changed in place."""

from __future__ import annotations

from dataclasses import dataclass

from ui.studio.view.view import View

MOST = 20  # steps that are kept


@dataclass(frozen=True)
class History:
    """`place` is the view that is shown, counted from 0."""

    views: tuple[View, ...] = ()
    place: int = -1

    def with_view(self, view: View) -> History:
        """After a step: what was undone is gone. A view that is shown already is no step."""
        if self.views and self.views[self.place] == view:
            return self
        kept = (*self.views[: self.place + 1], view)[-MOST:]
        return History(kept, len(kept) - 1)

    def at(self, place: int) -> History:
        """One of the steps is shown; places that aren't there count as the nearest."""
        return History(self.views, max(0, min(place, len(self.views) - 1)))

    @property
    def shown(self) -> View:
        return self.views[self.place]

    @property
    def can_undo(self) -> bool:
        return self.place > 0

    @property
    def can_redo(self) -> bool:
        return self.place < len(self.views) - 1
