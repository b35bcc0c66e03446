"""Keeps fragment reruns at a bad moment from leaving a page blank or incomplete.

Fragments rerun by themselves, such as the board of a run every second. Streamlit 1.67 has two race conditions:

- A fragment rerun that was on its way while the visitor opened another page is answered for the previous page, and
  the browser discards what it has drawn. Such a rerun is dropped here: its fragment is no longer visible.
- A fragment rerun that arrives just after a page has been rendered replaces the script thread, and messages that
  the session hasn't forwarded yet are lost. The rerun waits here until they are forwarded.
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime import app_session
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequestType

_MARK = "_drops_late_questions"


def keep() -> None:
    """Installs the patches in this process."""
    if hasattr(script_requests.ScriptRequests, _MARK):
        return
    setattr(script_requests.ScriptRequests, _MARK, True)
    _keep_requests(script_requests.ScriptRequests)
    _keep_runs(script_runner.ScriptRunner)
    _keep_messages(app_session.AppSession)


def _keep_requests(kind: Any) -> None:
    """Keeps a waiting page rerun from being replaced by one of the previous page."""
    merge = kind._request_rerun_locked

    def merged(self: Any, new: RerunData) -> bool:
        waiting = self._rerun_data
        late = _of_fragment(new) and not _of_fragment(waiting) and new.page_script_hash != waiting.page_script_hash
        return True if late and self._state is ScriptRequestType.RERUN else bool(merge(self, new))

    kind._request_rerun_locked = merged


def _keep_runs(kind: Any) -> None:
    """Keeps a fragment that waited while another page was rendered from being drawn in its place."""
    run = kind._run_script

    def ran(self: Any, asked: RerunData) -> None:
        shown = self._get_script_run_ctx().page_script_hash  # "" before the first run
        if _of_fragment(asked) and shown and asked.page_script_hash != shown:
            return
        run(self, asked)

    kind._run_script = ran


def _keep_messages(kind: Any) -> None:
    """Forwards the messages of the finished thread before another one takes its place."""
    request = kind.request_rerun

    def requested(self: Any, client: Any) -> None:
        runner = self._scriptrunner
        if client and client.fragment_id and runner and runner._requests._state is ScriptRequestType.STOP:
            self._event_loop.call_soon(request, self, client)  # after all that was sent
        else:
            request(self, client)

    kind.request_rerun = requested


def _of_fragment(asked: RerunData) -> bool:
    """Whether a rerun requests fragments rather than the whole page."""
    return bool(asked.fragment_id or asked.fragment_id_queue)
