"""A page of the Studio: Gradio Blocks in which every call passes one guard, however the app was started.

The guard identifies the visitor, rejects files of other visitors, checks each value against its control, and turns
errors into sentences in the page's language. Files are deleted after the call that receives them; files that a call
makes belong to the visitor. `gate.py` is its HTTP part.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, finalize

import gradio as gr
from gradio.route_utils import API_PREFIX
from gradio_client.utils import encode_file_path, is_file_obj_with_meta, traverse

from gan_core.errors import BadValue, GanscopeError
from ui.languages import N_, _, using
from ui.studio.requests.calls import bug_error, refusal
from ui.studio.requests.checks import checked, counted, files_in
from ui.studio.requests.files import VisitorPrefix, files, name_of, names_of
from ui.studio.requests.gate import MISTAKE, NAME, guarded

logger = logging.getLogger(__name__)
UNUSABLE = N_("One of the values is invalid.")


class Visitor:
    """The caller, and the files that the call received."""

    def __init__(self, scope: MutableMapping[str, Any], session: str | None) -> None:
        self._ours: list[bool] = scope.get(MISTAKE, [])
        self.names = names_of(scope, session)
        self.name = name_of(scope, session)
        self.address = self.name if NAME.fullmatch(self.name) else ""
        self.given: list[str] = []

    def blame_us(self) -> None:
        """Marks an error as the server's fault, for the status code over plain HTTP."""
        self._ours.append(True)

    def owns(self, path: object) -> bool:
        return files.owns(self.names, path)


NOBODY = Visitor({}, None)
_visitor: ContextVar[Visitor] = ContextVar("visitor", default=NOBODY)
_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def result(name: str) -> Path:
    """Returns where a callback may write a file for its visitor."""
    path = files.place() / name
    files.keep(path, _visitor.get().name, uploaded=False)
    return path


class Page(gr.Blocks):
    """The page in one language."""

    has_gate = False  # whether the guard is in front of its routes

    def __init__(self, language: str, **options: Any) -> None:
        super().__init__(**options)
        self.language = language
        files.folder  # noqa: B018  made now: what a dead process has left goes

    def get_config_file(self) -> Any:
        """Returns the app configuration for a page or client, with an API address of its own."""
        config = super().get_config_file()
        prefix = config["api_prefix"]
        return {**config, "api_prefix": VisitorPrefix(prefix) if self.has_gate else prefix, "connect_heartbeat": True}

    def launch(self, *arguments: Any, app_kwargs: dict[str, Any] | None = None, **options: Any) -> Any:
        """Starts a separate server; the deployed app mounts its pages instead (see `server.app`)."""
        return super().launch(*arguments, app_kwargs=guarded(self, app_kwargs), **options)

    async def process_api(
        self, block_fn: Any, inputs: list[Any], state: Any = None, request: Any = None, iterator: Any = None,
        session_hash: str | None = None, event_id: str | None = None, *more: Any, **options: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Every call of every endpoint passes here."""
        # a call over plain HTTP without a session gets that of its event
        visitor = Visitor(_scope(request), None if session_hash == event_id else session_hash)
        token = _visitor.set(visitor)
        going_on = None
        try:
            with using(self.language), _sentences(visitor):
                made: dict[str, Any] = await super().process_api(
                    block_fn, inputs, state, request, iterator, session_hash, event_id, *more, **options
                )
            going_on = made.get("iterator")
            return made
        finally:
            _visitor.reset(token)
            if going_on is None:
                files.read(visitor.given)
            elif visitor.given:  # a generator callback: until it ends, or nobody requests the next step
                finalize(going_on, files.read, visitor.given)

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False) -> Any:
        """Checks the values of a call, first ourselves and then by Gradio, whose messages don't help visitors."""
        visitor = _visitor.get()
        if not explicit_call:
            counted(inputs, block_fn.inputs)
            visitor.given = files_in(inputs, visitor.owns)
            inputs = [_checked(block_fn, place, value, state) for place, value in enumerate(inputs)]
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except Exception as error:
            logger.info("Gradio refuses a value: %s", error)
            raise BadValue(UNUSABLE) from None

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Returns the answer of a call; its files become the visitor's."""
        plain = all(getattr(block, "data_model", None) is None for block in block_fn.outputs)
        if plain and not _made_files(predictions):
            return await super().postprocess_data(block_fn, predictions, state)
        # results are briefly where Gradio stores equal results of all visitors
        async with _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            answer = await super().postprocess_data(block_fn, predictions, state)
            return [traverse(value, _handed, is_file_obj_with_meta) for value in answer]


def _made_files(predictions: Any) -> bool:
    """Whether a callback's return value contains files, as a film's does."""
    values = predictions if isinstance(predictions, list | tuple) else [predictions]
    shown = (value for value in values if isinstance(value, dict))
    return any(is_file_obj_with_meta(part) for value in shown for part in value.values())


@contextmanager
def _sentences(visitor: Visitor) -> Iterator[None]:
    try:
        yield
    except GanscopeError as error:
        raise refusal(error) from None
    except gr.Error as error:
        if error.message == bug_error().message:
            visitor.blame_us()
        if not error.print_exception:
            raise
        logger.info("Gradio refuses a call: %s", error)
        raise refusal(BadValue(UNUSABLE)) from None
    except Exception:
        logger.exception("an unexpected error in the Studio")
        visitor.blame_us()
        raise bug_error() from None


def _scope(request: Any) -> MutableMapping[str, Any]:
    """Returns the scope of the request behind a call; empty if there is none."""
    return getattr(getattr(request, "request", None), "scope", None) or {}


def _checked(block_fn: Any, place: int, value: Any, state: Any) -> Any:
    first = block_fn.inputs[place]
    if first.stateful:
        return value
    block = state[first._id] if state is not None and first._id in state else first
    names: Sequence[str | None] = block_fn.input_parameter_names or ()
    named = names[place] if block_fn.api_visibility == "public" and place < len(names) else None
    name = named or block.label or first.label or _("Value {number}").format(number=place + 1)
    return checked(block, value, name, empty=first.value is None)


def _handed(file: dict[str, Any]) -> dict[str, Any]:
    """Moves a file of an answer to its visitor's files."""
    visitor = _visitor.get()
    place = Path(file["path"])
    if not visitor.owns(str(place)):
        place = result(place.name)
        os.replace(file["path"], place)
    address = f"{API_PREFIX}/v-{visitor.address}" if visitor.address else API_PREFIX
    return {**file, "path": str(place), "url": f"{address}/file={encode_file_path(str(place))}"}
