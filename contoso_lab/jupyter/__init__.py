"""The Jupyter server extension: the relay on the same origin as the notebook, behind Jupyter's own login.

Installing the package enables it (`etc/jupyter/jupyter_server_config.d/contoso_lab.json`). Below Jupyter's base URL:

| path | what |
|---|---|
| `GET contoso-lab/status` | how far relay and engine are, and who there is to talk to (`keeper`) |
| `POST contoso-lab/start`, `POST contoso-lab/stop` | start and stop them |
| `contoso-lab/api/…` | the relay's own doors for pages, over HTTP and WebSocket (`forward`) |
| `GET contoso-lab/images/…` | the pictures of the catalogue that the relay uses |
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    # Loaded when Jupyter asks, and not when a kernel looks for a name beside it.
    from contoso_lab.jupyter.extension import ContosoLab

    return [{"module": "contoso_lab.jupyter.extension", "app": ContosoLab}]


def demo_launcher() -> dict[str, Any]:
    """The tile in JupyterLab's Launcher that leads to the demo page, as jupyter-server-proxy wants to hear of it."""
    from contoso_lab.jupyter.launcher import demo_launcher

    return demo_launcher()
