"""The service as one ASGI application.

app(Settings())                          all routes, guarded
app(Settings(studio=True), studio)       and the Studio at all other addresses
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse

from gan_core.errors import GanscopeError
from gan_core.version import __version__
from serving.errors import Refused, refusal
from serving.guard import WORDS, Guard
from serving.routes import drawing, jobs, pictures, state
from serving.service import Service
from serving.settings import Settings

ABOUT = """Draws, edits and translates pictures with GANs, and draws sounds, texts, music, molecules and films.
Pictures come as PNG, WebP, nested lists or base64, other samples as files of their medium too. Errors are one sentence
in `error`. Long work is a job: begin it, watch it, fetch its result."""
MOST_NAMED = 3  # maximum number of problems that an answer names
CODES = {
    401: "A key is needed.", 404: "There is no such model or job.", 413: "The body is too large.",
    422: "A value can't be used.", 429: "Too many requests; see Retry-After.", 503: "Not now; see Retry-After.",
}  # fmt: skip


def app(settings: Settings, studio: FastAPI | None = None) -> FastAPI:
    """The application; its models are opened once it starts."""
    service = Service(settings)
    made = FastAPI(
        title="GANscope", version=__version__, description=ABOUT, docs_url=None, redoc_url=None,
        lifespan=_lifespan(service, studio), middleware=[Middleware(Guard, settings=settings, figures=service.figures)],
    )  # fmt: skip
    made.state.service = service
    for module in (drawing, pictures, jobs, state):
        made.include_router(module.router)
    made.add_exception_handler(Refused, _refused)
    made.add_exception_handler(GanscopeError, _refused)
    made.add_exception_handler(HTTPException, _http)
    made.add_exception_handler(RequestValidationError, _invalid)
    made.openapi = lambda: _document(made)  # type: ignore[method-assign]
    if studio is not None:
        made.mount("/", studio)
    return made


def _lifespan(service: Service, studio: FastAPI | None) -> Any:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if studio is not None:  # Starlette doesn't run a mounted application's own lifespan
                await stack.enter_async_context(studio.router.lifespan_context(studio))
            threading.Thread(target=service.warm, name="warm-up", daemon=True).start()
            try:
                yield
            finally:
                await asyncio.to_thread(service.close)

    return lifespan


async def _refused(request: Request, error: Exception) -> JSONResponse:
    refused = error if isinstance(error, Refused) else refusal(error) if isinstance(error, GanscopeError) else None
    assert refused is not None
    return _problem_of(str(refused), refused.status, refused.headers)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = WORDS.get(error.status_code, str(error.detail))
    return _problem_of(said, error.status_code, error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Describes what is wrong with a request, without the values that it contained."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if any(one["type"] == "json_invalid" for one in problems):
        return _problem_of("The body isn't valid JSON.", 400)
    sentences = list(dict.fromkeys(map(_problem, problems)))
    more = f" ({len(sentences) - MOST_NAMED} more)" if len(sentences) > MOST_NAMED else ""
    return _problem_of(" ".join(sentences[:MOST_NAMED]) + more, 422)


def _problem_of(sentence: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as it is answered; JSON of a client may hold half a character, which UTF-8 can't."""
    return JSONResponse({"error": sentence.encode(errors="replace").decode()}, status, headers)


def _problem(one: dict[str, Any]) -> str:
    """One problem as a sentence."""
    place = [str(part)[:40] for part in one["loc"][1:]]
    name = ".".join(place) or "The body"
    if not place and one["type"] in ("model_attributes_type", "dict_type"):
        return "The body must be a JSON object, sent with Content-Type: application/json."
    if one["type"] == "extra_forbidden":
        return f"There is no value named {name}."
    if one["type"] == "missing":
        return f"{name} is missing."
    if "UploadFile" in one["msg"]:
        return f"{name} must be an uploaded file."
    said = str(one["msg"]).replace("Input", "It", 1)
    return f"{name}: {said}."


def _document(made: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the errors as they are answered."""
    if made.openapi_schema:
        return made.openapi_schema
    document = get_openapi(title=made.title, version=made.version, description=ABOUT, routes=made.routes)
    problem = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = problem
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for operation in methods.values():
            operation["security"] = [{"key": []}, {}]
            operation["responses"] |= {str(code): {"description": said, "content": content}
                                       for code, said in CODES.items()}  # fmt: skip
    made.openapi_schema = document
    return document
