"""Keeps questions of fragments that come at a bad moment from leaving a page blank, or without its end.

A fragment asks by itself, as the board of a run does each second. Streamlit 1.67 has two weak moments:

- A question that was on its way while the visitor went on to another page is answered in the name of the page that was
  left, and the browser throws away what it has drawn. It is dropped here: whoever asked is no longer to be seen.
- A question that comes just as a page has been drawn replaces the thread that drew it, and what that one has sent but
  the session hasn't passed on yet is lost. It waits here until that is done.
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime import app_session
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
    _keep_messages(app_session.AppSession)


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


def _keep_messages(kind: Any) -> None:
    """What the thread that has ended has sent is passed on before another takes its place."""
    request = kind.request_rerun

    def requested(self: Any, client: Any) -> None:
        runner = self._scriptrunner
        if client and client.fragment_id and runner and runner._requests._state is ScriptRequestType.STOP:
            self._event_loop.call_soon(request, self, client)  # behind all that was sent
        else:
            request(self, client)

    kind.request_rerun = requested


def _of_fragment(asked: RerunData) -> bool:
    """Whether parts of a page are asked for, and not all of it."""
    return bool(asked.fragment_id or asked.fragment_id_queue)
