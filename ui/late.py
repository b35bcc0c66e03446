"""Keeps what one page asked for from being answered on another, which would leave that one blank.

A fragment asks by itself, as the board of a run does each second. A question that was on its way while the visitor went
on to another page reaches Streamlit together with the page's own request. Streamlit 1.67 then answers it in the name
of the page that was left, and the browser throws away what it has drawn. Such a question is dropped here: whoever
asked is no longer to be seen.
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequestType

_MARK = "_drops_late_questions"


def keep() -> None:
    """From now on, in this process."""
    if hasattr(script_requests.ScriptRequests, _MARK):
        return
    setattr(script_requests.ScriptRequests, _MARK, True)
    _keep_requests(script_requests.ScriptRequests)
    _keep_runs(script_runner.ScriptRunner)


def _keep_requests(kind: Any) -> None:
    """A page that waits to be drawn isn't turned into the one that is left."""
    merge = kind._request_rerun_locked

    def merged(self: Any, new: RerunData) -> bool:
        waiting = self._rerun_data
        late = _of_fragment(new) and not _of_fragment(waiting) and new.page_script_hash != waiting.page_script_hash
        return True if late and self._state is ScriptRequestType.RERUN else bool(merge(self, new))

    kind._request_rerun_locked = merged


def _keep_runs(kind: Any) -> None:
    """A fragment that waited while another page was drawn isn't drawn in its place."""
    run = kind._run_script

    def ran(self: Any, asked: RerunData) -> None:
        shown = self._get_script_run_ctx().page_script_hash  # "" before the first
        if _of_fragment(asked) and shown and asked.page_script_hash != shown:
            return
        run(self, asked)

    kind._run_script = ran


def _of_fragment(asked: RerunData) -> bool:
    """Whether parts of a page are asked for, and not all of it."""
    return bool(asked.fragment_id or asked.fragment_id_queue)
