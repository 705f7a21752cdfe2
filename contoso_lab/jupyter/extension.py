"""The extension as Jupyter loads it; what it can be set to stands in `jupyter_server_config.py` as `c.ContosoLab.…`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from traitlets import Bool, Unicode

from contoso_lab.jupyter.forward import (
    HTTP_PATHS,
    PICTURE_PATHS,
    SOCKET_PATHS,
    HttpForward,
    PictureForward,
    SocketForward,
)
from contoso_lab.jupyter.handlers import (
    DEMO,
    DemoHandler,
    StartHandler,
    StatusHandler,
    StopHandler,
)
from contoso_lab.jupyter.keeper import Keeper

BELOW = "contoso-lab"


class ContosoLab(ExtensionApp):
    """The relay below `/contoso-lab/`, with the engine behind it."""

    name = "contoso_lab"
    app_name = "contoso-lab"
    description = "The relay of contoso-lab on the origin of the notebooks."
    load_other_extensions = True

    runs = Unicode("", config=True, help="Where recordings go; empty for what CONTOSO_LAB_RUNS says, or `runs`.")
    demo = Unicode(str(DEMO), config=True, help="The notebook that is the demo page.")
    tools = Bool(False, config=True, help="Let the agent look up products and fill the cart.")
    keeper: Keeper

    def initialize_settings(self) -> None:
        """Before the handlers."""
        from contoso_lab.settings import Settings

        assert self.serverapp is not None
        self.keeper = Keeper(
            server_url=self.serverapp.connection_url,
            runs=Path(self.runs) if self.runs else Settings().runs,
            tools=self.tools,
            log=self.log,
        )
        self.settings["contoso_lab_keeper"] = self.keeper
        self.keeper.open()

    def initialize_handlers(self) -> None:
        """All of it below one path."""
        added: list[Any] = [
            (rf"{BELOW}/status", StatusHandler),
            (rf"{BELOW}/start", StartHandler),
            (rf"{BELOW}/stop", StopHandler),
            (rf"{BELOW}/demo", DemoHandler, {"demo": Path(self.demo)}),
            (rf"{BELOW}/({PICTURE_PATHS})", PictureForward),
            (rf"{BELOW}/({HTTP_PATHS})", HttpForward),
            (rf"{BELOW}/({SOCKET_PATHS})", SocketForward),
        ]
        self.handlers.extend((url_path_join("/", path), *rest) for path, *rest in added)

    async def stop_extension(self) -> None:
        """With the server end the relay and the engine."""
        await self.keeper.close()
