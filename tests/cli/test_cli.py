"""The commands as people and programs meet them: a table or JSON, one sentence when it fails, an honest exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from contoso_lab import cli
from contoso_lab.demo import Told, write_results
from contoso_lab.errors import ConfigError, LabError, MissingExtra, MissingKey, SessionRefused
from contoso_lab.recording import Recording
from contoso_lab.wire import Turn

COMMANDS = {
    "demo", "engine", "relay", "doctor", "recordings", "score", "compare", "eval", "forget", "prompts",
    "replay", "fork", "simulate", "fleet", "vad", "new",
}  # fmt: skip


class TestRecordings:
    def test_an_empty_folder_says_what_to_do(self, contoso, tmp_path: Path) -> None:
        done = contoso("recordings", "--runs", tmp_path)
        assert (done.code, done.out) == (0, f"no recordings in {tmp_path}: run contoso-lab demo\n")

    def test_a_folder_that_is_not_there_is_empty(self, contoso, tmp_path: Path) -> None:
        done = contoso("recordings", "--runs", tmp_path / "nowhere", "--json")
        assert (done.code, json.loads(done.out)) == (0, [])

    def test_each_is_a_line_with_its_whole_name(self, contoso, runs: Path) -> None:
        done = contoso("recordings", "--runs", runs)
        assert done.code == 0
        where, head, *lines = [line.split() for line in done.out.splitlines()]
        assert where == ["in", str(runs)]
        assert head == ["id", "persona", "customer", "scenario", "target", "duration_s", "problem"]
        assert lines == [
            ["20261122-154000-bbbb", "voice_brief", "maya", "tent", "local", "3.0"],
            ["20261122-153000-aaaa", "voice", "maya", "tent", "local", "3.0"],
        ]

    def test_programs_get_everything(self, contoso, runs: Path, first: Path) -> None:
        [newer, older] = json.loads(contoso("recordings", "--runs", runs, "--json").out)
        assert newer["persona"] == "voice_brief"
        assert older["path"] == str(first)
        assert older["created_at"].startswith("2026-11-22T15:30")

    def test_one_that_was_cut_and_one_that_is_damaged_are_listed(self, contoso, recorded, tmp_path: Path) -> None:
        recorded(tmp_path, "cut", closed=False)
        (recorded(tmp_path, "torn") / "manifest.json").write_text("{", encoding="utf-8")
        rows = {row["id"]: row for row in json.loads(contoso("recordings", "--runs", tmp_path, "--json").out)}
        assert rows["cut"]["problem"].startswith("not closed")
        assert rows["torn"]["status"] == "unreadable"
        assert contoso("recordings", "--runs", tmp_path).code == 0

    def test_brackets_in_a_path_are_no_markup(self, contoso, tmp_path: Path) -> None:
        folder = tmp_path / "[bold]runs[engine]" / ":tent:"
        assert str(folder) in contoso("recordings", "--runs", folder).out


class TestRecordingsGroup:
    def test_a_whole_recording_is_good(self, contoso, first: Path) -> None:
        done = contoso("recordings", "check", first)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"✓ {first}\n")

    def test_a_cut_one_fails_with_what_is_missing(self, contoso, recorded, tmp_path: Path) -> None:
        done = contoso("recordings", "check", recorded(tmp_path, "cut", closed=False))
        assert done.code == 1
        assert "✗ manifest.json: the recording is being written, or was cut before it was closed\n" in done.out

    def test_lost_sound_is_a_problem(self, contoso, first: Path) -> None:
        (first / "audio" / "in.wav").unlink()
        done = contoso("recordings", "check", first.parent, "--json")
        assert done.code == 1
        assert "audio/in.wav" in {row["where"] for row in json.loads(done.out)}

    def test_what_is_no_recording_is_not_in_order(self, contoso, tmp_path: Path) -> None:
        folder = tmp_path / "[engine]"
        folder.mkdir()
        done = contoso("recordings", "check", folder)
        assert done.code == 1
        assert f"✗ {folder}\n  ✗ manifest.json: is missing\n" in done.out

    def test_list_is_what_recordings_alone_does(self, contoso, runs: Path) -> None:
        assert contoso("recordings", "list", "--runs", runs).out == contoso("recordings", "--runs", runs).out
        done = contoso("recordings", "--runs", runs, "list")
        assert done.code == 2
        assert "options stand behind the command" in done.sentence

    def test_out_and_in_again(self, contoso, first: Path, tmp_path: Path) -> None:
        done = contoso("recordings", "export", first, "--as", "openai", "--to", tmp_path / "call.jsonl")
        assert (done.code, done.out.splitlines()[0]) == (0, "openai: 1 files")
        done = contoso("recordings", "import", tmp_path / "call.jsonl", "--runs", tmp_path / "in")
        assert (done.code, done.out.splitlines()[0]) == (0, "openai: 1 recordings")
        assert contoso("recordings", "check", tmp_path / "in").code == 0
        done = contoso("recordings", "export", first, "--as", "mp4", "--to", tmp_path)
        assert done.code == 1
        assert "no format to export to" in done.sentence

    def test_a_copy_without_what_is_private(self, contoso, first: Path, tmp_path: Path) -> None:
        done = contoso("recordings", "redact", first, "--to", tmp_path / "copies")
        assert done.code == 0
        assert "took out" in done.out
        page = json.loads((tmp_path / "copies" / first.name / "manifest.json").read_text("utf-8"))
        assert page["customer"].startswith("customer-")

    def test_forgetting_by_name(self, contoso, first: Path) -> None:
        done = contoso("recordings", "forget", first.name, "--yes", "--runs", first.parent)
        assert done.code == 0
        assert "nothing was found" in done.out
        assert not first.exists()
        assert contoso("recordings", "forget", "--yes").code == 2
        assert contoso("recordings", "forget", "nobody", "--yes", "--runs", first.parent).code == 1


class TestScore:
    def test_people_get_a_line_for_each_metric(self, contoso, first: Path) -> None:
        done = contoso("score", first)
        assert done.code == 0
        lines = {line.split()[0]: line for line in done.out.splitlines()[2:]}
        assert "1" in lines["valid_sku_rate"].split()
        assert "1010 ms" in lines["voice_to_voice_ms"]
        assert "…" not in lines["voice_to_voice_ms"], "nothing is cut to fit a screen that is not there"

    def test_programs_get_every_number(self, contoso, first: Path) -> None:
        done = contoso("score", first, "--json")
        rows = {row["metric"]: row for row in json.loads(done.out)}
        assert rows["wer"]["value"] == 0
        assert rows["price_truth_shown"]["value"] == 1
        assert rows["voice_to_voice_ms"]["value"] == pytest.approx(1010, abs=1)
        assert rows["voice_to_voice_tool_ms"]["value"] is None

    def test_what_cannot_be_told_says_why(self, contoso, recorded, tmp_path: Path) -> None:
        done = contoso("score", recorded(tmp_path, "unlabelled", labels=None))
        assert done.code == 0
        assert "nobody has graded the products" in done.out


class TestCompare:
    def test_a_page_and_a_table(self, contoso, first: Path, second: Path) -> None:
        done = contoso("compare", first, second)
        assert done.code == 0, done.err
        head = done.out.splitlines()[0].split()
        assert head[:3] == ["metric", "voice", "voice_brief"]
        assert "voice_to_voice_ms" in done.out
        assert f"look    {first / 'report' / 'call.html'}\n" in done.out
        assert {path.name for path in (first / "report").iterdir()} == {"call.html", "call.wav", "waterfall.png"}

    def test_strangers_cannot_be_compared(self, contoso, recorded, first: Path, tmp_path: Path) -> None:
        done = contoso("compare", first, recorded(tmp_path, "other", scenario="boots"))
        assert done.code == 1
        assert "the two runs share no call" in done.sentence

    def test_a_place_that_cannot_be_written(self, contoso, first: Path, second: Path) -> None:
        (first / "report").write_text("in the way", encoding="utf-8")
        done = contoso("compare", first, second)
        assert done.code == 1
        assert f"{first / 'report'}" in done.sentence


class TestDemo:
    def test_it_tells_its_story_and_where_to_listen(
        self, contoso, first: Path, second: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Path] = []

        async def run_demo(told: Told, *, runs: Path, name: str) -> Any:
            asked.append(runs)
            told.step("starting the local engine")
            told.turn(Turn("u", "user", "Show me the tent.", "Show me the tent.", "done", 0, 900), 65_400)
            told.suggestion("### Meadow")
            return write_results(Recording.open(first), Recording.open(second))

        monkeypatch.setattr("contoso_lab.demo.run_demo", run_demo)
        monkeypatch.chdir(first.parent.parent)
        done = contoso("demo", "--runs", "runs")
        assert done.code == 0, done.err
        assert asked == [first.parent]
        assert done.out.startswith("▸ starting the local engine\n  1:05  customer   Show me the tent.\n")
        assert "suggestions are being written" in done.out
        for name, file in (("listen", "call.wav"), ("look", "call.html"), ("plot", "waterfall.png")):
            assert f"  {name:<6}  {first / 'report' / file}\n" in done.out

    def test_a_step_that_fails_is_one_sentence(self, contoso, monkeypatch: pytest.MonkeyPatch) -> None:
        async def run_demo(told: Told, *, runs: Path, name: str) -> Any:
            raise MissingExtra("the local engine", package="hibari-tts", extra="engine")

        monkeypatch.setattr("contoso_lab.demo.run_demo", run_demo)
        done = contoso("demo")
        assert done.code == 2
        assert done.sentence.endswith("needs the package 'hibari-tts': pip install 'contoso-lab[engine]'")

    def test_ctrl_c_is_no_crash(self, contoso, monkeypatch: pytest.MonkeyPatch) -> None:
        async def run_demo(told: Told, *, runs: Path, name: str) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr("contoso_lab.demo.run_demo", run_demo)
        done = contoso("demo")
        assert done.code == 130
        assert done.sentence == "contoso-lab: stopped; recordings are kept as far as they got"


class TestTeller:
    @pytest.fixture
    def told(self, capsys: pytest.CaptureFixture[str]) -> Callable[[Callable[[Told], None]], str]:
        def told(tell: Callable[[Told], None]) -> str:
            tell(cli._teller())
            return capsys.readouterr().out

        return told

    def test_both_sides_have_a_line_with_the_time(self, told) -> None:
        def tell(story: Told) -> None:
            story.turn(Turn("a", "assistant", "Hello Maya.", "Hello Maya.", "done", 0, 900), 3_999)
            story.turn(Turn("u", "user", "I need a tent.", "I need a tent.", "done", 0, 900), 61_000)

        assert told(tell) == "  0:03  assistant  Hello Maya.\n  1:01  customer   I need a tent.\n"

    def test_what_was_not_heard_stands_behind_what_was(self, told) -> None:
        turn = Turn("a", "assistant", "It costs two hundred dollars.", "It costs", "interrupted", 0, 900)
        assert told(lambda story: story.turn(turn, 0)) == "  0:00  assistant  It costs two hundred dollars.\n"

    @pytest.mark.parametrize(
        "turn",
        [
            Turn("s", "system", "It is on the screen.", "It is on the screen.", "done", 0, 0),
            Turn("u", "user", "", "", "failed", 0, 0),
        ],
        ids=["not spoken", "not understood"],
    )
    def test_what_nobody_said_is_not_told(self, told, turn: Turn) -> None:
        assert told(lambda story: story.turn(turn, 0)) == ""

    def test_words_are_no_markup_and_a_long_line_stays_one(self, told) -> None:
        words = r"[bold]loud[/bold] [/] [engine] C:\[x] :tent: " + "and so on " * 30
        assert words in told(lambda story: story.turn(Turn("u", "user", words, words, "done", 0, 0), 0))
        assert told(lambda story: story.step(words)) == f"▸ {words}\n"

    def test_suggestions_are_announced_once(self, told) -> None:
        def tell(story: Told) -> None:
            for piece in ("### Mea", "dow", " Four"):
                story.suggestion(piece)

        assert told(tell).count("suggestions are being written to the screen") == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (LabError("it failed"), 1),
            (SessionRefused("the relay", "no"), 1),
            (ConfigError("asked wrongly"), 2),
            (MissingKey("a key is missing"), 2),
            (MissingExtra("plots", package="matplotlib", extra="eval"), 2),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_ours_are_one_sentence_and_a_code(self, capsys, error: LabError, code: int) -> None:
        def command() -> None:
            raise error

        assert cli.run(command) == code
        assert capsys.readouterr().err == f"contoso-lab: {error}\n"

    def test_a_long_one_is_one_line_with_its_brackets(self, capsys) -> None:
        sentence = r"runs/[engine]/a\[b]: [/red] :tent: 'contoso-lab[engine]' " + "and so on " * 40

        def command() -> None:
            raise LabError(sentence)

        assert cli.run(command) == 1
        assert capsys.readouterr().err == f"contoso-lab: {sentence}\n"

    def test_a_mistake_of_the_program_is_not_dressed_up(self) -> None:
        def command() -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            cli.run(command)

    @pytest.mark.parametrize(
        "arguments",
        [["nothing"], ["recordings", "check"], ["recordings", "no"], ["compare", "a"], ["recordings", "--frobnicate"]],
    )
    def test_asked_wrongly_is_2(self, contoso, arguments: list[str]) -> None:
        done = contoso(*arguments)
        assert done.code == 2
        assert "Usage: contoso-lab" in done.err
        assert "Traceback" not in done.err

    def test_a_wrong_environment_is_asked_wrongly(self, contoso, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONTOSO_LAB_TARGET", "openai[realtime]")
        done = contoso("recordings")
        assert done.code == 2
        assert "CONTOSO_LAB_TARGET" in done.sentence


class TestTheCommandItself:
    def test_these_are_the_commands_and_each_says_what_it_is_for(self) -> None:
        group = typer.main.get_command(cli.app)
        found: dict[str, Any] = group.commands  # type: ignore[attr-defined]
        assert set(found) == COMMANDS
        assert all(command.help for command in found.values())

    def test_nothing_asked_is_help(self, contoso) -> None:
        done = contoso("--help")
        assert done.code == 0
        assert all(command in done.out for command in COMMANDS)

    @pytest.mark.parametrize("server", ["engine", "relay"])
    def test_a_server_takes_over_the_process_with_its_own_options(
        self, contoso, server: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        became: list[list[str]] = []
        monkeypatch.setattr(os, "execv", lambda program, arguments: became.append([program, *arguments]))
        assert contoso(server, "--port", "0", "--help").code == 0
        assert became == [[sys.executable, sys.executable, "-m", f"contoso_lab.{server}", "--port", "0", "--help"]]

    def test_it_is_installed(self, tmp_path: Path) -> None:
        program = Path(sys.executable).parent / "contoso-lab"
        done = subprocess.run([program, "score", tmp_path], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"contoso-lab: {tmp_path} is no recording: it holds neither manifest.json nor events.jsonl\n"
        )
