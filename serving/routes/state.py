"""The state of the service: /healthz, /readyz, /metrics, and /v1/models."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from gan_core.version import __version__
from serving.errors import RETRY, Refused
from serving.routes.common import service_of

router = APIRouter()


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", tags=["state"])
async def healthy() -> JSONResponse:
    """Whether the process answers."""
    return JSONResponse({"state": "alive", "version": __version__})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", tags=["state"])
async def ready(request: Request) -> JSONResponse:
    """Whether it has opened and exported the models that it begins with."""
    if not service_of(request).ready.is_set():
        raise Refused(503, "The models are being opened.", {"Retry-After": str(RETRY)})
    return JSONResponse({"state": "ready"})


@router.get("/metrics", tags=["state"], response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    return Response(service_of(request).figures.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/models", tags=["models"])
async def models(request: Request) -> JSONResponse:
    """All models, with the calls that each can be used for."""
    service = service_of(request)
    offers = await asyncio.to_thread(service.catalogue.offers)
    return JSONResponse({"models": [offer.described() | service.engine_of(name) for name, offer in offers.items()]})
