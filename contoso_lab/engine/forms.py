"""Read a multipart form: the shape in which the official clients send a file."""

from __future__ import annotations

import re

from fastapi import HTTPException, Request

LARGEST_UPLOAD_BYTES = 25 * 1024 * 1024
"""The documented limit of the real service."""

_BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'name="([^"]*)"')


async def read_form(request: Request) -> dict[str, list[bytes]]:
    """Read all fields of a form; each may be there more than once.

    Raises:
        HTTPException: it is no such form, or too large.
    """
    kind = _BOUNDARY.match(request.headers.get("content-type", ""))
    if kind is None:
        raise HTTPException(400, "The request must be multipart/form-data with a 'file'.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_UPLOAD_BYTES:
            raise HTTPException(413, f"The file is too large: send at most {LARGEST_UPLOAD_BYTES} bytes.")
    return split_form(bytes(body), kind[1])


def split_form(body: bytes, boundary: str) -> dict[str, list[bytes]]:
    r"""Take a form apart. It is small and comes from an official client: that needs no parser package.

    >>> head = b'--B\r\nContent-Disposition: form-data; name="'
    >>> split_form(head + b'model"\r\n\r\nlocal\r\n' + head + b'tag"\r\n\r\none\r\n--B--\r\n', "B")
    {'model': [b'local'], 'tag': [b'one']}
    """
    fields: dict[str, list[bytes]] = {}
    for part in body.split(b"--" + boundary.encode()):
        head, gap, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if gap and name:
            fields.setdefault(name[1].decode("utf-8", "replace"), []).append(content.removesuffix(b"\r\n"))
    return fields
