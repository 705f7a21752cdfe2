"""Suggestions as they looked: Markdown that a model wrote, made into HTML that can do no harm."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from contoso_lab.audio import to_base64
from contoso_lab.settings import HOME

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererProtocol
    from markdown_it.token import Token

_PICTURE = re.compile(r"/images/([A-Z]{3}-[0-9]{2,3})\.svg")
_LOWER = 2
"""The page's own headings go down to level two; those of the suggestions begin below."""


def written_html(markdown: str) -> str:
    """Render suggestions.

    HTML in the text is shown as text. Links lead nowhere: their address is shown beside them. Of pictures only the
    catalogue's own are drawn, from inside the page; any other gives its description instead.

    >>> written_html("**$279** <script>alert(1)</script>").strip()
    '<p><strong>$279</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>'
    """
    return str(_renderer().render(markdown))


@cache
def picture_uri(source: str) -> str | None:
    """A picture of the catalogue as a `data:` URI; None for what is no such picture."""
    found = _PICTURE.fullmatch(source)
    if found is None:
        return None
    place = HOME / "data" / "images" / f"{found[1]}.svg"
    return f"data:image/svg+xml;base64,{to_base64(place.read_bytes())}" if place.is_file() else None


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link_open)
    reader.add_render_rule("link_close", _link_close)
    reader.add_render_rule("heading_open", _heading_open)
    reader.add_render_rule("heading_close", _heading_close)
    return reader


def _image(self: RendererProtocol, tokens: Sequence[Token], i: int, *_: Any) -> str:
    token = tokens[i]
    words = escape(token.content)
    uri = picture_uri(str(token.attrGet("src") or ""))
    if uri is None:
        return f'<span class="no-picture">{words or "a picture"}</span>'
    return f'<img src="{uri}" alt="{words}" width="132" height="132">'


def _link_open(self: RendererProtocol, tokens: Sequence[Token], i: int, *_: Any) -> str:
    return '<span class="link">'


def _link_close(
    self: RendererProtocol, tokens: Sequence[Token], i: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    start = next(token for token in reversed(tokens[:i]) if token.type == "link_open")
    return f" <small>({escape(str(start.attrGet('href')))})</small></span>"


def _heading_open(self: RendererProtocol, tokens: Sequence[Token], i: int, *_: Any) -> str:
    return f"<{_lowered(tokens[i].tag)}>"


def _heading_close(self: RendererProtocol, tokens: Sequence[Token], i: int, *_: Any) -> str:
    return f"</{_lowered(tokens[i].tag)}>\n"


def _lowered(tag: str) -> str:
    return f"h{min(6, int(tag[1]) + _LOWER)}"
