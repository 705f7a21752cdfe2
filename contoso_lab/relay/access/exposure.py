"""Who may reach the relay: nobody from other machines, unless it asks them for something."""

from __future__ import annotations

from contoso_lab.errors import ConfigError
from contoso_lab.relay.access.origins import is_loopback

LEAST_SECRET = 16


def check_exposure(host: str, secret: str | None, *, oidc: bool = False, secure: bool = False) -> str | None:
    """Refuse to be reachable from other machines without a secret or an issuer; the rest is advice.

    >>> check_exposure("127.0.0.1", None)
    >>> check_exposure("0.0.0.0", None)
    Traceback (most recent call last):
    contoso_lab.errors.ConfigError: on 0.0.0.0 anybody on the network could spend your key: ...
    >>> check_exposure("0.0.0.0", None, oidc=True)
    'on 0.0.0.0 secrets, tokens and voices can be read on the way: use TLS, or a TLS proxy that the relay trusts'

    Args:
        host: where the relay listens.
        secret: what it asks for before it gives a token.
        oidc: it takes access tokens of an issuer.
        secure: it has a certificate of its own, or trusts a proxy that has one.

    Returns:
        A sentence of advice that should be shown, or `None`.

    Raises:
        ConfigError: the address is not loopback and nothing is asked for, or a secret that can be guessed.
    """
    if secret is not None and len(secret) < LEAST_SECRET:
        raise ConfigError(
            f"the relay's secret has {len(secret)} characters and could be guessed: "
            f"give CONTOSO_LAB_RELAY_SECRET at least {LEAST_SECRET}"
        )
    if is_loopback(host):
        return None
    if secret is None and not oidc:
        raise ConfigError(
            f"on {host} anybody on the network could spend your key: set CONTOSO_LAB_RELAY_SECRET or "
            "CONTOSO_LAB_RELAY_OIDC_ISSUER, or listen on 127.0.0.1"
        )
    if not secure:
        return (
            f"on {host} secrets, tokens and voices can be read on the way: "
            "use TLS, or a TLS proxy that the relay trusts"
        )
    return None
