from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from contoso_lab.engine.runtime import need, open_onnx, package_file
from contoso_lab.errors import EngineError, MissingExtra


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hibari", "hibari.dsp"):  # an earlier test may have loaded the part already
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra) as caught:
        need("hibari.dsp", package="hibari-tts", what="The engine's voice")
    assert str(caught.value) == ("The engine's voice needs the package 'hibari-tts': pip install 'contoso-lab[engine]'")


def test_a_package_without_one_of_its_own_parts_names_that_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "half_there.py").write_text("import surely_not_installed", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match="needs the package 'surely_not_installed'"):
        need("half_there", package="half-there", what="A test")


def test_a_package_without_its_weights_says_which_file_is_missing(tmp_path: Path) -> None:
    package = ModuleType("weightless")
    package.__file__ = str(tmp_path / "__init__.py")
    with pytest.raises(EngineError, match="needs data/big.onnx of the package 'weightless'"):
        package_file(package, "data", "big.onnx", what="A test")


@pytest.mark.models
def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "nonsense.onnx"
    path.write_bytes(b"nonsense")
    with pytest.raises(EngineError, match=r"A test cannot open nonsense\.onnx"):
        open_onnx(path, what="A test")
