"""Runs the service until it is stopped."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

# threads that wait for one another give up their core; read when PyTorch is loaded
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import uvicorn
from fastapi import FastAPI

from gan_core.errors import GanscopeError
from gan_core.exporting import apart
from serving import logs
from serving.service import Service
from serving.settings import Settings
from ui.studio_process import bracketed, is_loopback, why_taken

LAST_ANSWERS = 3  # more seconds, to send the last job's final event


class ServeError(GanscopeError):
    """The service can't be started."""


def serve(settings: Settings) -> None:
    """Raises ServeError where it can't listen there, and UnknownName or BadValue for models that can't be served."""
    if why := why_taken(settings.host, settings.port):
        raise ServeError("{host}:{port} can't be used ({reason}). Choose another --host or --port.",
                         host=bracketed(settings.host), port=settings.port, reason=why)  # fmt: skip
    studio = _studio() if settings.studio else None
    from serving.app import app
    from serving.catalogue import GENERATE

    made = app(settings, studio)
    for name in settings.models:
        made.state.service.catalogue.chosen(name, GENERATE)
    if not settings.keys and not is_loopback(settings.host):
        print("Everybody who reaches this address can use the service: there are no keys (--key).", file=sys.stderr)
    print(f"Serving at http://{bracketed(settings.host)}:{settings.port}", file=sys.stderr, flush=True)
    logs.to_stderr()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once the server has ended
    try:
        server_of(made, settings).run()
    finally:
        apart.stop()


class Server(uvicorn.Server):
    """Ends the jobs while it waits for open connections: a job's events are sent until the job has ended."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        threading.Thread(target=self._service.finish_jobs, name="ending jobs", daemon=True).start()
        await super().shutdown(sockets)


def server_of(made: FastAPI, settings: Settings) -> Server:
    """The server of an application; its own access log would hold queries."""
    logging.getLogger("uvicorn.access").disabled = True
    return Server(
        uvicorn.Config(
            made, host=settings.host, port=settings.port, log_config=None, access_log=False, server_header=False,
            proxy_headers=bool(settings.proxies), forwarded_allow_ips=settings.proxies or None,
            timeout_graceful_shutdown=int(settings.grace) + LAST_ANSWERS,
        ),
        made.state.service,
    )  # fmt: skip


def _studio() -> FastAPI:
    """The Studio, as it runs alone."""
    from gradio_app import TABS
    from ui.studio import server
    from ui.studio.requests.memory import bound_heaps

    bound_heaps()
    server.files_of_this_process()
    return server.app(TABS)
