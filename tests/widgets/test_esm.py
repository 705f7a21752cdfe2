from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from contoso_lab.errors import WidgetError
from contoso_lab.widgets.esm import assembled, style


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/').replace('_', '.')}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "main.js"


def test_modules_follow_the_order_of_their_imports_and_each_stands_once(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { b } from "./b.js";\nimport {\n  a,\n} from "./deep/a.js";\nexport default { s: a + b };\n',
        b='import { a } from "./deep/a.js";\nexport const b = a + 1;\n',
        deep__a="export const a = 41; // import nothing\n",
    )
    module = assembled(entry)
    assert [line for line in module.splitlines() if line.startswith("//")] == ["// a.js", "// b.js", "// main.js"]
    assert not re.search(r"^(import|export (?!default))", module, re.MULTILINE)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node on the PATH")
def test_what_comes_out_is_a_module_that_runs(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        main='import { twice } from "./twice.js";\nimport source from "./x.worklet.js";\n'
        "export default { answer: twice(21), source };\n",
        twice="export function twice(n) {\n  const deep = 2;\n  return deep * n;\n}\nexport class Deep {}\n",
        x_worklet='import { twice } from "./twice.js";\n// "quoted" `ticked` ${not} \\n\nregister(twice(1));\n',
    )
    made = tmp_path / "made.mjs"
    made.write_text(assembled(entry), encoding="utf-8")
    script = f"import m from {json.dumps(made.as_uri())}; console.log(JSON.stringify(m));"
    done = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["answer"] == 42
    assert "register(twice(1));" in told["source"]
    assert '// "quoted" `ticked` ${not} \\n' in told["source"]
    assert "function twice(n)" in told["source"]  # a scope of its own needs its own copy


B = 'import { b } from "./b.js";\n'


@pytest.mark.parametrize(
    ("says", "files"),
    [
        ("a is declared in b.js already", {"main": f"{B}const a = 1;\n", "b": "const a = 2;\nexport const b = 3;\n"}),
        (
            "a is declared in b.js already",
            {"main": f"{B}const {{ x, a }} = b;\n", "b": "function a() {}\nexport class b {}"},
        ),
        ("main.js → b.js → main.js", {"main": B, "b": 'import { a } from "./main.js";\nexport const b = 1;\n'}),
        ("b.js does not export c", {"main": 'import { c } from "./b.js";\n', "b": "export const b = 1;\n"}),
        ("b.js does not export as, c", {"main": 'import { b as c } from "./b.js";\n', "b": "export const b = 1;\n"}),
        ("write import { name } from", {"main": 'import * as b from "./b.js";\n', "b": "export const b = 1;\n"}),
        ("'react' is not a file beside it", {"main": 'import { x } from "react";\n'}),
        ("is not of the form", {"main": 'import "./b.js";\n', "b": ""}),
        ("is not export in front of", {"main": "export { a };\nconst a = 1;\n"}),
        ("for the entry of a widget only", {"main": B, "b": "export const b = 1;\nexport default b;\n"}),
        ("b.js: this part of a widget cannot be read", {"main": B}),
        ("comes as a text", {"main": 'import { b } from "./b.worker.js";\n', "b_worker": "export const b = 1;\n"}),
    ],
)
def test_what_cannot_be_put_together_is_said(tmp_path: Path, says: str, files: dict[str, str]) -> None:
    with pytest.raises(WidgetError, match=re.escape(says)):
        assembled(written(tmp_path, **files))


def test_the_theme_fetches_nothing_and_names_every_variable_that_it_uses() -> None:
    theme = style()
    assert "url(" not in theme
    assert "@import" not in theme
    used, set_ = set(re.findall(r"var\((--cl-[\w-]+)", theme)), set(re.findall(r"(--cl-[\w-]+):", theme))
    assert used <= set_
