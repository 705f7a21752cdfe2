"""One JupyterLab and one Chromium for all tests; a page for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.rig import CHROMIUM, IMPATIENT_MS, Lab, Tab, new_tab, running_chromium, running_lab, write_microphone


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("microphone") / "line.wav"
    write_microphone(place, IMPATIENT_MS)
    return place


# Of one file only: while it runs, its event loop stands in the way of every asynchronous test of this process.
@pytest.fixture(scope="module")
def chromium(microphone: Path) -> Iterator[Any]:
    with running_chromium(microphone) as browser:
        yield browser


@pytest.fixture
def tab(lab: Lab, chromium: Any) -> Iterator[Tab]:
    with new_tab(lab, chromium) as made:
        yield made
