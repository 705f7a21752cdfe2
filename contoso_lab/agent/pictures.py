"""Pictures from customers: looked at, turned upright, made small and written anew.

What a client sends is called a picture by the client alone. It is decoded with limits, drawn on white, scaled to the
size that the chat's prompt is meant for, and encoded again as a plain JPEG: what rode along in the file (where it was
taken, by which telephone, a script, a second file behind the first) stays behind.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from contoso_lab.errors import PictureError

LONGEST_PX = 800
MOST_PIXELS = 50_000_000
"""What a good telephone takes; a file of a few kilobytes can claim a thousand times as many."""
QUALITY = 85

_DATA_URL = re.compile(r"data:(image/[A-Za-z0-9.+-]+);base64,", re.IGNORECASE)
_KINDS = ("image/jpeg", "image/jpg", "image/png", "image/webp")
_TAKEN = "send a JPEG, PNG or WebP"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a model gets it."""

    jpeg: bytes
    width_px: int
    height_px: int

    @property
    def data_url(self) -> str:
        """For the message to the model."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode('ascii')}"


def read_picture(data_url: str) -> Picture:
    r"""A customer's picture, harmless and at most 800 pixels long.

    It takes up to a second and 200 MB, so it is meant for a thread.

    Raises:
        PictureError: it is no data URL of a JPEG, PNG or WebP, is broken or cut off, moves, or is far too large.

    >>> picture = read_picture("data:image/png;base64," + base64.b64encode(_a_png(1600, 400)).decode())
    >>> picture.width_px, picture.height_px, picture.jpeg[:3]
    (800, 200, b'\xff\xd8\xff')
    """
    return _drawn(_decoded(data_url))


def _decoded(data_url: str) -> bytes:
    head = _DATA_URL.match(data_url)
    if head is None:
        raise PictureError(f"the picture is no data URL of a picture in base64: {_TAKEN}")
    kind = head[1].lower()
    if kind not in _KINDS:
        raise PictureError(f"a picture of type {kind[:40]} is not taken: {_TAKEN}")
    try:
        data = base64.b64decode(data_url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as problem:
        raise PictureError("the picture's base64 is broken: send the whole data URL") from problem
    if not data:
        raise PictureError(f"the picture is empty: {_TAKEN}")
    return data


def _drawn(data: bytes) -> Picture:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise PictureError(
                    f"the picture has {width} x {height} pixels, {MOST_PIXELS // 1_000_000} million are the most: "
                    "make it smaller"
                )
            # A telephone's JPEG may hold a second picture behind the first; it does not move for that.
            if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                raise PictureError("the picture moves: send a still one")
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", (LONGEST_PX, LONGEST_PX))
            image.load()
            return _written(_on_white(ImageOps.exif_transpose(image)))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise PictureError("the picture unpacks to far more than it says: make it smaller") from problem
    except UnidentifiedImageError as problem:
        raise PictureError(f"the file is no JPEG, PNG or WebP, whatever its type says: {_TAKEN}") from problem
    except Exception as problem:  # a broken file can break a decoder in any way; the sender is told
        raise PictureError("the picture is broken or cut off: send the whole file") from problem


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        # 16 bits of grey: converting them as they are would cut all but the darkest to white.
        image = image.convert("F").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode != "RGB":
        image = image.convert("RGB")
    image.thumbnail((LONGEST_PX, LONGEST_PX))
    # A new picture, because the old one would take its comment along.
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return paper


def _written(image: Image.Image) -> Picture:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return Picture(out.getvalue(), *image.size)


def _a_png(width: int, height: int) -> bytes:
    """A picture for the example above."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(out, "PNG")
    return out.getvalue()
