"""What the extension answers itself: status, start, stop, and the way to the demo page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from contoso_lab.settings import HOME

if TYPE_CHECKING:
    from contoso_lab.jupyter.keeper import Keeper

RESOURCE = "contoso-lab"
"""What Jupyter's authorizer is asked about; who may run kernels may as well talk."""
DEMO = HOME / "notebooks" / "demo.ipynb"


class Kept:
    """A handler that knows the keeper."""

    auth_resource = RESOURCE

    @property
    def keeper(self) -> Keeper:
        """Who has the relay."""
        return cast("Keeper", cast(web.RequestHandler, self).settings["contoso_lab_keeper"])


class StatusHandler(Kept, APIHandler):
    """`GET status`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell how things stand; with it comes the cookie that `start` and `stop` want to see."""
        assert self.xsrf_token
        self.set_header("Cache-Control", "no-store")
        self.finish(await self.keeper.status())


class StartHandler(Kept, APIHandler):
    """`POST start`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Begin to start; the answer is the status of this moment."""
        self.keeper.start()
        self.finish(await self.keeper.status())


class StopHandler(Kept, APIHandler):
    """`POST stop`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Stop, and answer when that is done."""
        await self.keeper.stop()
        self.finish(await self.keeper.status())


class DemoHandler(Kept, JupyterHandler):
    """`GET demo`: to the page for people who want to see no code."""

    def initialize(self, demo: Path) -> None:
        """With the notebook that it is made of."""
        self.demo = demo

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Go there, and begin to start the relay on the way."""
        root = _resolved(self.settings["server_root_dir"])
        if not self.demo.is_relative_to(root):
            # The reason stands in the status line, where no path of this machine should.
            raise web.HTTPError(404, reason="the demo page is not below this server's folder: open it with make lab")
        if not _has_voila():
            raise web.HTTPError(404, reason="the demo page needs Voila: pip install 'contoso-lab[notebook]'")
        self.keeper.start()
        where = self.demo.relative_to(root).as_posix()
        self.redirect(url_path_join(self.base_url, "voila/render", quote(where)))


def _resolved(folder: str) -> Path:
    return Path(folder).expanduser().resolve()


def _has_voila() -> bool:
    from importlib.util import find_spec

    return find_spec("voila") is not None
