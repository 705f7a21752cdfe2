"""Who may reach the relay: nobody from other machines, unless they share a secret."""

from __future__ import annotations

from contoso_lab.errors import ConfigError
from contoso_lab.relay.origins import is_loopback

LEAST_SECRET = 16


def check_exposure(host: str, secret: str | None) -> None:
    """Refuse to be reachable from other machines without a secret.

    >>> check_exposure("127.0.0.1", None)
    >>> check_exposure("0.0.0.0", None)
    Traceback (most recent call last):
    contoso_lab.errors.ConfigError: on 0.0.0.0 anybody on the network could spend your key: ...

    Raises:
        ConfigError: the address is not loopback and there is no secret, or one that can be guessed.
    """
    if secret is not None and len(secret) < LEAST_SECRET:
        raise ConfigError(
            f"the relay's secret has {len(secret)} characters and could be guessed: "
            f"give CONTOSO_LAB_RELAY_SECRET at least {LEAST_SECRET}"
        )
    if secret is None and not is_loopback(host):
        raise ConfigError(
            f"on {host} anybody on the network could spend your key: set CONTOSO_LAB_RELAY_SECRET, "
            "or listen on 127.0.0.1"
        )
