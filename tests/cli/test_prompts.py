"""`contoso-lab prompts`: prompt files seen from a shell."""

from __future__ import annotations

from pathlib import Path

from contoso_lab.prompts import names

OLD = "---\nname: old\nsample: {who: Maya}\ntemplate: jinja2\n---\nsystem:\nHello {{ who }}\n"


def test_the_prompts_are_listed_with_what_they_are_for(contoso) -> None:
    done = contoso("prompts", "list")
    assert (done.code, [line.split()[0] for line in done.out.splitlines()]) == (0, names())


def test_our_own_prompts_pass(contoso) -> None:
    done = contoso("prompts", "lint")
    assert (done.code, done.out.splitlines()) == (0, [f"✓ {name}" for name in names()])


def test_findings_are_the_exit_code_and_a_broken_file_hides_no_other(contoso, tmp_path: Path) -> None:
    broken, careless = tmp_path / "broken.prompty", tmp_path / "careless.prompty"
    broken.write_text("system:\nHi\n", encoding="utf-8")
    careless.write_text(
        "---\nname: careless\ntemplate: {format: {kind: jinja2}, parser: {kind: prompty}}\n---\nsystem:\n{{ who }}\n",
        encoding="utf-8",
    )
    done = contoso("prompts", "lint", broken, careless)
    assert done.code == 1
    assert "broken.prompty: has no front matter; begin the file with ---" in done.out
    assert "the prompt has no description" in done.out
    assert "the body uses 'who', which is not declared" in done.out


def test_a_prompt_is_shown_as_a_model_gets_it(contoso) -> None:
    done = contoso("prompts", "show", "voice")
    assert done.code == 0
    assert done.out.startswith("system:\nYou are Robin")
    assert "Hello Maya, this is Robin" in done.out


def test_two_prompts_are_compared(contoso) -> None:
    done = contoso("prompts", "diff", "voice", "voice_brief")
    assert done.code == 0
    assert done.out.startswith("--- voice\n+++ voice_brief\n")
    assert "\n-- Answer in at most three sentences.\n" in done.out


def test_an_old_prompt_is_rewritten_beside_the_old_file(contoso, tmp_path: Path) -> None:
    old, new = tmp_path / "old.prompty", tmp_path / "new.prompty"
    old.write_text(OLD, encoding="utf-8")
    assert contoso("prompts", "upgrade", old, "--to", new).code == 0
    assert "default: Maya" in new.read_text(encoding="utf-8")
    assert contoso("prompts", "upgrade", old).out == new.read_text(encoding="utf-8")
    again = contoso("prompts", "upgrade", old, "--to", new)
    assert (again.code, "File exists" in again.err) == (1, True)
