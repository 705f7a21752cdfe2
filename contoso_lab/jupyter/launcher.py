"""The tile in JupyterLab's Launcher: one click from there to the demo page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TITLE = "Contoso voice demo"
DEMO_PAGE = "contoso-lab/demo"
ICON = Path(__file__).parent / "demo.svg"


def demo_launcher() -> dict[str, Any]:
    """Describe the tile. No process hangs on it: it is a way to a page that the server has anyway.

    >>> demo_launcher()["launcher_entry"]["title"]
    'Contoso voice demo'
    """
    return {
        "command": [],
        "port": 1,  # nothing is started, and nothing listens there: the tile leads to `path_info`
        "launcher_entry": {
            "title": TITLE,
            "icon_path": str(ICON),
            "category": "Notebook",
            "path_info": DEMO_PAGE,
        },
        "new_browser_tab": True,
    }
