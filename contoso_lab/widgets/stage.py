"""A widget in a plain page of a browser, without Jupyter: for tests and for pictures.

The page (`static/stage.html`) runs the widget's own module against a stand-in for the front end's model; `pump` carries
what both sides say to the other, as a kernel's comm would. Which browser is the caller's affair: a `page` is one of
Playwright's.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from contoso_lab.audio import from_base64, to_base64
from contoso_lab.widgets.esm import STATIC
from contoso_lab.widgets.shown import anywidget

ADDRESS = "http://127.0.0.1:9/stage"
"""Nothing listens there: the page is given to the browser when it asks."""


class Stage:
    """One widget on one page; `pump` as often as something is to happen, or let `until` do it."""

    def __init__(self, page: Any, widget: anywidget.AnyWidget) -> None:
        self.page = page
        self.widget: Any = widget
        self._said: deque[dict[str, Any]] = deque()
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        html = (STATIC / "stage.html").read_text(encoding="utf-8")
        # Whatever else the page asks for is not there, as when a relay has gone.
        page.route("**/*", lambda route: route.abort("connectionrefused"))
        page.route(ADDRESS, lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(ADDRESS)
        page.wait_for_function("window.ready")
        widget.comm = _Line(self._said)
        self.render()

    def render(self) -> None:
        """Show the widget, as a cell that is run does."""
        state = {name: value for name, value in self.widget.get_state().items() if name not in ("_esm", "_css")}
        self.page.evaluate(
            "([esm, css, state]) => stage.begin(esm, css, state)",
            [self.widget._esm, self.widget._css, _frozen(state)],
        )

    def end(self) -> int:
        """Take the widget from the page; gives the number of listeners that it left behind on its model."""
        self.page.evaluate("() => stage.end?.()")
        return int(self.page.evaluate("() => stage.model.listeners"))

    def pump(self) -> None:
        """Carry what each side has said to the other."""
        for message in self.page.evaluate("() => stage.drain()"):
            buffers = [memoryview(from_base64(text)) for text in message["buffers"]]
            self.widget._handle_msg({"content": {"data": message["data"]}, "buffers": buffers})
        while self._said:
            self.page.evaluate("message => stage.model.deliver(message)", _frozen(self._said.popleft()))

    def until(self, told: str | Callable[[], object], *, seconds: float = 20.0) -> None:
        """Carry on until a condition holds: an expression of the page, or a function of ours.

        Raises:
            TimeoutError: it never held; says what the page complained of.
        """
        end = time.monotonic() + seconds
        while True:
            self.pump()
            if self.page.evaluate(f"() => Boolean({told})") if isinstance(told, str) else told():
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{told} did not come true within {seconds:g} s; the page said {self.faults}")
            self.page.wait_for_timeout(15)


class _Line:
    """Stands in for the comm of a kernel."""

    comm_id = "stage"

    def __init__(self, said: deque[dict[str, Any]]) -> None:
        self._said = said

    def on_msg(self, callback: Callable[..., object]) -> None:
        pass

    def close(self, *args: object, **kwargs: object) -> None:
        pass

    def send(self, data: Mapping[str, Any], metadata: object = None, buffers: object = None) -> None:
        kept = list(buffers) if isinstance(buffers, list | tuple) else []
        if data["method"] == "custom":
            self._said.append({"method": "custom", "content": data["content"], "buffers": kept})
        elif data["method"] == "update":
            state = dict(data["state"])
            for path, buffer in zip(data.get("buffer_paths", []), kept, strict=True):
                if len(path) == 1:
                    state[path[0]] = buffer
                else:
                    holder: Any = state[path[0]]
                    for step in path[1:-1]:
                        holder = holder[step]
                    holder[path[-1]] = buffer
            self._said.append({"method": "update", "state": state})


def _frozen(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": to_base64(bytes(value))}
    if isinstance(value, Mapping):
        return {name: _frozen(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_frozen(inner) for inner in value]
    return value
