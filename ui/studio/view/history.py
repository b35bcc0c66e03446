"""Undo and redo: the last views in order, and the current one. Immutable."""

from __future__ import annotations

from dataclasses import dataclass

from ui.studio.view.view import View

MOST = 20  # number of steps kept


@dataclass(frozen=True)
class History:
    """`place` is the index of the current view."""

    views: tuple[View, ...] = ()
    place: int = -1

    def with_view(self, view: View) -> History:
        """Adds a step and drops undone ones. The current view again isn't a step."""
        if self.views and self.views[self.place] == view:
            return self
        kept = (*self.views[: self.place + 1], view)[-MOST:]
        return History(kept, len(kept) - 1)

    def at(self, place: int) -> History:
        """Returns the history at one of the steps, clamped to the range."""
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
