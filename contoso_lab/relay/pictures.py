"""The pictures that suggestions show, for pages that come from elsewhere than the shop: `GET /images/<name>`.

Only what the catalogue in use names is given out, whatever else lies in its folder, and pictures are public as they are
in any shop. The policy that goes with every answer of the relay lets an SVG that is opened by itself run nothing.
"""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Response

from contoso_lab.relay.wires.doors import refusal

HEADERS = {"Cache-Control": "public, max-age=3600"}


def picture_routes() -> APIRouter:
    """The route above; no part of the description, since it belongs to the page and not to the protocol."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/images/{name}")
    async def picture(name: str) -> Response:
        found = await asyncio.to_thread(_read, f"/images/{name}")
        if found is None:
            return refusal(404, "the catalogue has no such picture")
        data, kind = found
        return Response(data, media_type=kind, headers=HEADERS)

    return routes


def _read(named: str) -> tuple[bytes, str] | None:
    """The picture that a product has under this name, and its type; None when no product has it, or it is gone."""
    from contoso_lab.shop import Catalog  # with the first picture: a relay starts without the shop

    place: Path | None = next((product.image_path for product in Catalog.load() if product.image == named), None)
    kind = mimetypes.guess_type(named)[0] or ""
    if place is None or not kind.startswith("image/"):
        return None
    try:
        return place.read_bytes(), kind
    except FileNotFoundError:
        return None
