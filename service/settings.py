"""What an operator can set; read from the environment, never at import."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from classifier.errors import InputError
from classifier.feedback import FeedbackStore

PREFIX = "NARRATIVES_"

Positive = Annotated[int, Field(gt=0, lt=10**15)]
Seconds = Annotated[float, Field(gt=0, lt=10**6)]
# "a, b" in the environment, not JSON.
Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Limits and places; ``docs/http.md`` tells what each is for.

    Given as keyword arguments, or as ``NARRATIVES_MODELS``, ``NARRATIVES_MAX_ITEMS`` and so on through
    :meth:`from_environment`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    # Models
    models: Path | None = None
    """A model or models directory."""
    poll_seconds: Seconds = 2.0
    """How often a worker looks whether ``CURRENT`` has moved."""
    kept_versions: Annotated[int, Field(ge=0, le=100)] = 2
    """How many versions beside the current one stay loaded for ``model_version``."""
    public_key: Path | None = None
    """An Ed25519 public key (PEM): where given, a model must be signed with its private half."""

    # Limits of one request
    max_body_bytes: Positive = 16 * 1024 * 1024
    max_items: Positive = 1_000
    """Texts in one request."""
    max_text_length: Positive = 2_000_000
    """Code points of one text."""
    max_evidence: Positive = 1_000
    """Largest ``top_k``."""
    request_seconds: Seconds = 30.0
    """How long a request's body may take to arrive."""

    # Limits of many
    max_concurrent: Positive = 64
    """Requests that a worker has in hand at once; more are answered 429."""
    rate_limit: Annotated[int, Field(ge=0, lt=10**9)] = 0
    """Requests a minute that one key (or, without keys, one address) may make of a worker; 0 for no limit."""

    # Who may ask
    host: str = "127.0.0.1"
    """The address that is bound; keys are needed where it is not loopback."""
    keys_file: Path | None = None
    """Hashes of the keys that are taken, as ``narratives keys add`` writes them."""
    require_keys: bool | None = None
    """None: where ``host`` is not loopback."""
    allowed_hosts: Names = ()
    """What the Host header may say, without port; ``*`` for anything. Empty: loopback, or anything with keys."""
    allowed_origins: Names = ()
    """Origins (``https://example.org``) whose pages may use the service (CORS, and writes)."""

    # Feedback
    feedback_url: str = "sqlite:///narratives-feedback.db"
    """SQLAlchemy URL of the feedback database: ``sqlite:///...`` or ``postgresql+psycopg://...``; empty for none."""

    # Operation
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("allowed_hosts", "allowed_origins", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("feedback_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value:
            FeedbackStore(value)  # opens nothing; its InputError names no password, unlike a validation error
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """``Settings(...)`` takes what it is given; only :meth:`from_environment` reads the environment."""
        return (init_settings,)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read ``NARRATIVES_MODELS``, ``NARRATIVES_MAX_BODY_BYTES`` and so on.

        Raises
        ------
        InputError
            A value cannot be taken; names the variable, the value and what is allowed.
        """
        environ = os.environ if environ is None else environ
        given = {}
        for name in cls.model_fields:
            value = environ.get(PREFIX + name.upper())
            # An empty variable is one that is not set, but for the feedback database, which may be switched off.
            if value or (value == "" and name == "feedback_url"):
                given[name] = value
        try:
            return cls.model_validate(given, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            variable = PREFIX + str(first["loc"][0]).upper()
            told = f"{variable} is {first['input']!r}: {first['msg']}; mend it, or unset it"
            raise InputError(told, field=variable) from None

    @property
    def keys_required(self) -> bool:
        """Whether a request must bring a key."""
        return not is_loopback(self.host) if self.require_keys is None else self.require_keys


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def settings_of(request: Request) -> Settings:
    """The settings of the application that a request came to."""
    settings: Settings = request.app.state.settings
    return settings
