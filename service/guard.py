"""Who may ask: the names that the service answers to, the pages that may use it, and keys with their scopes."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from classifier.errors import InputError
from classifier.keys import Key, match_key, read_keys
from service.metrics import Metrics
from service.problems import error_response
from service.settings import Settings, is_loopback

_log = logging.getLogger("narratives.keys")

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
READS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = frozenset({"/", "/review", "/docs", "/openapi.json", "/v2", "/label-studio/health", "/$discovery/rest"})
OPEN_UNDER = ("/static/", "/health/", "/v2/health/")
RELOAD_SECONDS = 2.0


def scope_of(path: str) -> str | None:
    """The scope that a path asks for: "score", "feedback" or "admin"; None where everybody may."""
    if path in OPEN or path.startswith(OPEN_UNDER):
        return None
    if path in ("/v1/feedback", "/v1alpha1/comments:suggestscore"):
        return "feedback"
    if path == "/metrics" or path == "/v1/review" or path.startswith("/v1/review/"):
        return "admin"
    return "score"


class KeyRing:
    """The keys of a file, read again when it changes, so that a key can be taken back while the service runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys = read_keys(path)
        self._stamp = self._stat()
        self._looked = monotonic()

    def match(self, given: str) -> Key | None:
        """The key that ``given`` is, None where it is none."""
        now = monotonic()
        if now - self._looked >= RELOAD_SECONDS:
            self._looked = now
            stamp = self._stat()
            if stamp != self._stamp:
                try:
                    self._keys = read_keys(self._path)
                    self._stamp = stamp
                except InputError as error:
                    _log.error("keys as before: %s", error)
        return match_key(given, self._keys)

    def _stat(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_size, found.st_ino)


class Guard:
    """ASGI middleware: 400 for a name that is not ours, 403 for another site's page, 401 and 403 for keys."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self._refused = metrics.refused
        self._names = settings.allowed_hosts or (
            LOOPBACK_NAMES if is_loopback(settings.host) or not settings.keys_required else ("*",)
        )
        if "*" not in self._names and not settings.allowed_hosts and settings.host not in ("0.0.0.0", "::"):  # noqa: S104
            self._names = (*self._names, settings.host)
        self._any_name = "*" in self._names
        self._plain_names = frozenset(name.lower().encode("latin-1", "replace") for name in self._names)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in settings.allowed_origins)
        self._keys: KeyRing | None = None
        if settings.keys_required:
            if settings.keys_file is None:
                raise InputError(
                    f"{settings.host} can be reached by others, so keys are needed: make one with 'narratives keys add "
                    "NAME --file FILE' and set NARRATIVES_KEYS_FILE, or say NARRATIVES_REQUIRE_KEYS=false",
                    field="NARRATIVES_KEYS_FILE",
                )
            self._keys = KeyRing(settings.keys_file)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        host = origin = site = given = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"x-api-key" or (name == b"authorization" and value[:7].lower() == b"bearer "):
                given = value if name == b"x-api-key" else value[7:]
            elif name == b"authorization" and value[:6].lower() == b"basic ":
                # The only way that Label Studio has.
                given = given or (_password(value[6:]) if scope["path"].startswith("/label-studio/") else b"")
        told = self._stranger(host) or (scope["method"] not in READS and self._foreign(host, origin, site))
        if told:
            reason, status, detail = told
            self._refused.labels(reason).inc()
            await error_response(scope, status, detail)(scope, receive, send)
            return
        if self._keys is not None and scope["method"] != "OPTIONS":
            needed = scope_of(scope["path"])
            if needed is not None and not await self._let_in(needed, given, scope, receive, send):
                return
        await self.app(scope, receive, send)

    async def _let_in(self, needed: str, given: bytes, scope: Scope, receive: Receive, send: Send) -> bool:
        if self._keys is None:
            raise AssertionError("asked only where keys are needed")
        if not given and scope["path"].startswith("/v1alpha1/"):
            # As clients of Perspective send it.
            given = parse_qs(scope["query_string"]).get(b"key", [b""])[0]
        key = self._keys.match(given.decode("latin-1").strip()) if given else None
        if key is not None and key.allows(needed):
            scope["key_name"] = key.name
            return True
        self._refused.labels("key" if key is None else "scope").inc()
        if key is None:
            told = "this key is not known" if given else "a key is needed"
            detail = f"{told}: send 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
            answer = error_response(scope, 401, detail, headers={"WWW-Authenticate": 'Bearer realm="narratives"'})
        else:
            detail = f"the key of {key.name!r} is good for {', '.join(key.scopes)}; this needs {needed!r}"
            answer = error_response(scope, 403, detail)
        await answer(scope, receive, send)
        return False

    def _stranger(self, host: bytes) -> tuple[str, int, str] | None:
        """A page may let its own name point here (DNS rebinding); then Host says that name."""
        if self._any_name:
            return None
        name = host.lower()
        if name not in self._plain_names and _without_port(name) not in self._plain_names:
            named = host.decode("latin-1")
            return "host", 400, f"Host {named!r} is none of {', '.join(self._names)}; see NARRATIVES_ALLOWED_HOSTS"
        return None

    def _foreign(self, host: bytes, origin: bytes, site: bytes) -> tuple[str, int, str] | None:
        """Browsers say which page writes: another site's page may not, unless it was allowed to."""
        if not origin:
            if site in (b"cross-site", b"same-site"):
                return "origin", 403, "another site's page may not write here; see NARRATIVES_ALLOWED_ORIGINS"
            return None
        told = origin.decode("latin-1").lower()
        if told in self._origins or told.partition("://")[2].encode("latin-1") == host.lower():
            return None
        return "origin", 403, f"pages of {told} may not write here; see NARRATIVES_ALLOWED_ORIGINS"


def _password(credentials: bytes) -> bytes:
    """Of HTTP Basic credentials; the user's name does not matter."""
    try:
        return base64.b64decode(credentials).partition(b":")[2]
    except ValueError:
        return b""


def _without_port(host: bytes) -> bytes:
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.rpartition(b":")[0] if host.count(b":") == 1 else host
