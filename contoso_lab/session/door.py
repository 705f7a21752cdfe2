"""The way in: fetch a call token, open the socket with the official client, say clearly when either fails."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from contoso_lab.errors import SessionRefused
from contoso_lab.session.line import Connection, Line, closed
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

TOKEN_TIMEOUT_S = 10.0
_SECRETS: dict[str, str] = {}


def remember_secret(relay_url: str, secret: str) -> None:
    """Show this relay its secret from now on, in this process: whoever calls through it need not know of one.

    >>> remember_secret("http://127.0.0.1:8901/", "a secret of some length")
    """
    _SECRETS[relay_url.rstrip("/")] = secret


async def fetch_token(relay_url: str, *, secret: str | None = None, **binding: str | None) -> str:
    """Ask the relay for a token that opens one call, bound to a persona, a customer, a thread and a scenario.

    Without a `secret` it shows the one that this process remembers of that relay, if it does.

    Raises:
        SessionRefused: the relay is not there, or says no; the message carries its reason.
    """
    query = urllib.parse.urlencode({name: value for name, value in binding.items() if value is not None})
    where = f"the relay at {relay_url}"
    if not relay_url.startswith(("http://", "https://")):
        raise SessionRefused(where, "that is no address; write it as http://127.0.0.1:8901")
    request = urllib.request.Request(f"{relay_url.rstrip('/')}/api/token?{query}")
    if secret := secret or _SECRETS.get(relay_url.rstrip("/")):
        request.add_header("Authorization", f"Bearer {secret}")

    def ask() -> bytes:
        with urllib.request.urlopen(request, timeout=TOKEN_TIMEOUT_S) as reply:
            body: bytes = reply.read()
            return body

    try:
        answer = await asyncio.to_thread(ask)
    except urllib.error.HTTPError as error:
        with error:
            reason = _reason(error.read()) or error.reason
        raise SessionRefused(where, str(reason), status=error.code) from error
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", None) or error
        raise SessionRefused(where, f"it did not answer ({cause}); start it with 'contoso-lab relay'") from error
    try:
        return str(json.loads(answer)["token"])
    except (ValueError, TypeError, KeyError) as error:
        raise SessionRefused(where, "it answered without a token; is there another program at this address?") from error


@asynccontextmanager
async def open_line(
    target: Target, *, resumable: bool = False, through: Callable[[Connection], Connection] = lambda it: it
) -> AsyncIterator[Line]:
    """A Realtime connection by the official `openai` client, to a relay or to a target itself.

    Args:
        resumable: it is a relay, to which the line comes back by itself when the connection breaks.
        through: puts something between the line and its connection, such as a recorder.

    Raises:
        SessionRefused: the other side is not there or does not let us in.
        SessionClosed: it ended the conversation while we were in it.
    """
    from openai import AsyncOpenAI
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

    key = target.api_key.get_secret_value() if target.api_key else "no-key-needed"
    extra = target.headers if target.kind == "azure" else {}
    async with AsyncOpenAI(api_key=key, base_url=target.base_url) as client:

        async def dial(query: Mapping[str, str]) -> AsyncRealtimeConnection:
            try:
                return await client.realtime.connect(
                    model=target.model, extra_headers=extra, extra_query=dict(query)
                ).enter()
            except InvalidStatus as error:
                status = error.response.status_code
                reason = _reason(error.response.body) or "no reason given"
                raise SessionRefused(target.base_url, reason, status=status) from error
            except (InvalidHandshake, InvalidURI) as error:
                raise SessionRefused(target.base_url, f"no Realtime server answers there ({error})") from error
            except OSError as error:
                raise SessionRefused(target.base_url, f"nothing answers there ({error})") from error

        line = Line(through(await dial({"resumable": "1"} if resumable else {})), dial=dial if resumable else None)
        try:
            yield line
        except ConnectionClosed as error:
            raise closed(error, None) from error
        finally:
            await line.close()


def _reason(body: bytes | None) -> str:
    """The sentence inside an HTTP refusal: FastAPI's `detail`, OpenAI's `error.message`, or the text itself."""
    if not body:
        return ""
    try:
        data = json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip()[:300]
    if isinstance(data, dict):
        error = data.get("error")
        found = data.get("detail") or (error.get("message") if isinstance(error, dict) else error)
        return str(found or data)
    return str(data)
