"""The pages for people: the reading tool at ``/``, ``/review``, the reference at ``/docs``, and their static files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from service.problems import Problem
from service.settings import settings_of

router = APIRouter(include_in_schema=False)

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# What the pages' scripts must know of the settings before they ask for anything.
_FEEDBACK = b'data-feedback="on"'
_MAX_WORDS = b'data-max-words="1000"'


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent. ``etag`` is over its content, so that a new release is seen at once."""

    content: bytes
    media_type: str
    etag: str


@router.api_route("/", methods=["GET", "HEAD"])
async def reading_page(request: Request) -> Response:
    """Paste a text and read it with its narratives."""
    return _page(request, "index.html")


@router.api_route("/review", methods=["GET", "HEAD"])
async def review_page(request: Request) -> Response:
    """Accept or reject what readers said."""
    return _page(request, "review.html")


@router.api_route("/docs", methods=["GET", "HEAD"])
async def reference_page(request: Request) -> Response:
    """The routes, drawn from ``/openapi.json`` without anything from elsewhere."""
    return _page(request, "reference.html")


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
async def static_file(request: Request, name: str) -> Response:
    """A script, style sheet or picture of the pages. Raises :class:`Problem` (404) for any other name."""
    # Looked up among the names that exist, never joined to a path.
    found = static_files().get(name)
    if found is None or name.endswith(".html"):
        raise Problem(404, f"nothing at {request.url.path}; the pages are at /, /review and /docs")
    return _send(request, found)


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Everything in ``service/static``, by name."""
    found = {}
    for entry in files("service").joinpath("static").iterdir():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in MEDIA_TYPES:
            found[entry.name] = _static(entry.read_bytes(), MEDIA_TYPES[suffix])
    return found


@cache
def _page_for(name: str, feedback: bool, max_words: int) -> StaticFile:
    page = static_files()[name]
    content = page.content.replace(_MAX_WORDS, b'data-max-words="%d"' % max_words)
    if not feedback:
        content = content.replace(_FEEDBACK, b'data-feedback="off"')
    return _static(content, page.media_type)


def _static(content: bytes, media_type: str) -> StaticFile:
    return StaticFile(content, media_type, f'"{sha256(content).hexdigest()[:32]}"')


def _page(request: Request, name: str) -> Response:
    settings = settings_of(request)
    return _send(request, _page_for(name, bool(settings.feedback_url), settings.max_evidence))


def _send(request: Request, file: StaticFile) -> Response:
    """The file, or 304 where the browser has it. ``no-cache``: a browser may keep it but asks each time."""
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if file.etag in known:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
