"""The only reader of the environment: which target, which key, where recordings go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contoso_lab.errors import ConfigError, MissingKey
from contoso_lab.facts_card import facts_html
from contoso_lab.home import HOME, RUNS

TargetKind = Literal["local", "openai", "azure", "url"]

AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"

__all__ = ["AZURE_SCOPE", "HOME", "Settings", "Target", "TargetKind", "key_names_present"]


class Settings(BaseSettings):
    """What the environment (and a `.env` file in the working folder) says.

    >>> Settings(target="local").target
    'local'
    """

    model_config = SettingsConfigDict(env_prefix="CONTOSO_LAB_", env_file=".env", extra="ignore")

    target: TargetKind = "local"
    url: str | None = None
    """Base URL of the target (`…/v1`) for `url`, and of a local engine that already runs."""
    model: str | None = None
    chat_model: str | None = None
    runs: Path = RUNS
    """Where recordings go: beside the prompts, wherever a notebook or a shell happens to stand."""
    catalog: Path | None = None
    """A catalogue of your own (.json or .csv) in place of the shop's; see docs/catalogue.md."""
    memory: SecretStr | None = None
    """Where a relay keeps threads, as `open_memory` takes it, or `none`; secret, for it may hold a password."""
    traces: Path | None = None
    """Where a relay writes a trace of every prompt run; None writes none: a trace holds what a customer wrote."""
    prompt_cache: Path | None = None
    """The file in which a relay keeps the answers of prompts that allow it; None keeps none."""
    relay_secret: SecretStr | None = None
    """What a relay that other machines can reach asks for before it gives a token."""
    relay_oidc_issuer: str | None = None
    """Or whose access tokens it takes: the issuer's address, as its tokens name it in `iss`."""
    relay_oidc_audience: str | None = None
    """Whom those access tokens must be meant for: `aud`."""
    relay_redis: SecretStr | None = None
    """Where several relays keep tokens and counters together (`redis://…`); secret, for it may hold a password."""
    relay_tokens_per_minute: int = Field(default=120, ge=1)
    """How many tokens one caller gets within any minute."""
    relay_calls_per_caller: int = Field(default=100, ge=1)
    """How many calls one caller may hold at the same time."""
    relay_calls: int = Field(default=1000, ge=1)
    """How many calls there may be at the same time, of all callers and with Redis on all relays together."""
    relay_guesses_per_minute: int = Field(default=30, ge=1)
    """How many wrong tokens one address may show within any minute."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    azure_openai_endpoint: str | None = Field(default=None, validation_alias="AZURE_OPENAI_ENDPOINT")
    azure_openai_api_key: SecretStr | None = Field(default=None, validation_alias="AZURE_OPENAI_API_KEY")
    azure_openai_scope: str = Field(default=AZURE_SCOPE, validation_alias="AZURE_OPENAI_SCOPE")
    """For whom an Entra ID token is; another one in Azure's national clouds."""
    brain_key: SecretStr | None = None
    """For the chat model that thinks for the local engine (`--brain-url`), if it wants a key."""

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            # Where and why, never the value: it may be a key.
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            variable = name if name.isupper() else f"CONTOSO_LAB_{name.upper()}"
            raise ConfigError(f"{variable} in the environment or .env is wrong: {first['msg']}") from None


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """Whom a session talks to: a Realtime server and the chat models beside it.

    >>> Target.local("http://127.0.0.1:9000/v1").realtime_url
    'ws://127.0.0.1:9000/v1/realtime?model=local'
    """

    kind: TargetKind
    base_url: str
    """The HTTP base, up to and with `/v1`; realtime and chat hang below it."""
    model: str
    chat_model: str
    api_key: SecretStr | None = None
    scope: str = AZURE_SCOPE
    """For whom an Entra ID token would be; only Azure without a key needs one."""

    def __repr__(self) -> str:
        key = ", with a key" if self.api_key is not None else ""
        return f"<Target {self.kind}: {self.base_url}, {self.model}{key}>"

    def _repr_html_(self) -> str:
        key = "given" if self.api_key is not None else "none"
        facts = [("address", self.base_url), ("model", self.model), ("chat model", self.chat_model), ("key", key)]
        return facts_html(f"target {self.kind}", facts)

    @classmethod
    def local(cls, base_url: str) -> Target:
        """Our own engine: no key, one model for everything."""
        return cls("local", base_url.rstrip("/"), "local", "local")

    @classmethod
    def from_env(cls, settings: Settings | None = None) -> Target:
        """The target that the environment names.

        Raises:
            MissingKey: the target needs a key and the environment holds none.
            ConfigError: the target needs an address and the environment holds none.
        """
        s = settings or Settings()
        match s.target:
            case "local" | "url":
                if not s.url:
                    raise ConfigError(
                        f"target {s.target!r} needs an address: set CONTOSO_LAB_URL, for example http://127.0.0.1:8000/v1"
                    )
                key = s.openai_api_key if s.target == "url" else None
                return cls(s.target, s.url.rstrip("/"), s.model or "local", s.chat_model or s.model or "local", key)
            case "openai":
                if s.openai_api_key is None:
                    raise MissingKey("target 'openai' needs a key: set OPENAI_API_KEY, or use the local engine")
                return cls(
                    "openai",
                    "https://api.openai.com/v1",
                    s.model or "gpt-realtime",
                    s.chat_model or "gpt-4o-mini",
                    s.openai_api_key,
                )
            case "azure":
                if s.azure_openai_endpoint is None:
                    raise ConfigError("target 'azure' needs an address: set AZURE_OPENAI_ENDPOINT")
                if s.azure_openai_api_key is None and not _has_entra():
                    raise MissingKey(
                        "target 'azure' needs a key: set AZURE_OPENAI_API_KEY, or use Entra ID without one: "
                        "pip install 'contoso-lab[azure]'"
                    )
                # Azure's GA surface has the same paths below /openai/v1, so one client serves both providers.
                base = s.azure_openai_endpoint.rstrip("/").removesuffix("/openai/v1") + "/openai/v1"
                return cls(
                    "azure",
                    base,
                    s.model or "gpt-realtime",
                    s.chat_model or "gpt-4o-mini",
                    s.azure_openai_api_key,
                    s.azure_openai_scope,
                )

    @property
    def realtime_url(self) -> str:
        """Where the Realtime socket is, with the model in the query."""
        parts = urlsplit(self.base_url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return urlunsplit((scheme, parts.netloc, f"{parts.path}/realtime", f"model={quote(self.model, safe='')}", ""))

    @property
    def entra(self) -> bool:
        """It is opened by an Entra ID token, which only the relay fetches."""
        return self.kind == "azure" and self.api_key is None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that open the door, the key among them: never log them."""
        if self.api_key is None:
            return {}
        secret = self.api_key.get_secret_value()
        return {"api-key": secret} if self.kind == "azure" else {"Authorization": f"Bearer {secret}"}


def _has_entra() -> bool:
    try:
        return find_spec("azure.identity") is not None
    except ModuleNotFoundError:  # not even the package above it
        return False


def key_names_present() -> dict[str, bool]:
    """Which keys the environment holds, by name; never a key itself."""
    return {name: bool(os.environ.get(name)) for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")}
