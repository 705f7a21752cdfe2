"""A button that makes one page of a call, for anybody to hear and read, and hands it to the browser as a download.

The page goes to the browser as bytes beside a message; it stands in no trait, so no notebook keeps it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from contoso_lab.errors import LabError
from contoso_lab.facts_card import facts_html
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Readable

if TYPE_CHECKING:
    from contoso_lab.widgets.console import VoiceConsole


class ShareCall(Readable):
    """Share the newest call of a console: one HTML file with sound, transcript and waiting times.

    >>> from contoso_lab.widgets.console import VoiceConsole
    >>> console = VoiceConsole()
    >>> share = ShareCall(console)
    >>> share.make()
    >>> share.says
    'this console has held no call yet: press Connect in it, talk, and ask again'
    >>> share.close(), console.close()
    (None, None)
    """

    _esm = assemble("share.js")
    _css = style()

    says = traitlets.Unicode("", help="What came of it, or why nothing did.").tag(sync=True)
    busy = traitlets.Bool(False, help="A page is being made.").tag(sync=True)

    def __init__(self, console: VoiceConsole, **traits: Any) -> None:
        self._console = console
        self._one_at_a_time = threading.Lock()
        super().__init__(**traits)
        self.on_msg(self._asked)

    def make(self) -> None:
        """Make the page of the newest call and send it to whoever looks; `says` tells what came of it."""
        from contoso_lab.report.webpage import page_html

        with self._one_at_a_time:
            self.busy = True
            try:
                recording = self._console.recording
                html = page_html([recording])
                name = f"call-{recording.id}.html"
                self.send({"page": name}, [html.encode("utf-8", "replace")])
                self.says = f"{name}: one file, with its sound; it opens in any browser, without a network"
            except LabError as error:
                self.says = str(error)
            finally:
                self.busy = False

    def __repr__(self) -> str:
        return f"<ShareCall of {self._console.console_id}{f': {self.says}' if self.says else ''}>"

    def _html(self) -> str:
        how = "run the cell in JupyterLab and press Share this call: one file with sound, words and waiting times"
        return facts_html("a button that shares a call", [("to share", how), ("so far", self.says)])

    def _asked(self, _: object, message: Mapping[str, Any], __: object) -> None:
        if message.get("do") == "make":
            self.make()
