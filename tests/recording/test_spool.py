from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from contoso_lab.errors import RecordingError
from contoso_lab.recording.spool import Kind, Record, Spool, UnreadSpool, read_spool

MS = 1_000_000


def records(place: Path) -> list[Record]:
    with place.open("rb") as file:
        return list(read_spool(file))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(5, Kind.FROM_CLIENT, b"one", may_wait=True)
    spool.append(7, Kind.LOCAL_TEXT, b"", may_wait=True)
    spool.close()
    spool.close()
    assert records(tmp_path / "s") == [Record(5, Kind.FROM_CLIENT, b"one"), Record(7, Kind.LOCAL_TEXT, b"")]


def test_what_may_wait_goes_with_what_may_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(0, Kind.FROM_CLIENT, b"sound", may_wait=True)
    assert records(tmp_path / "s") == []
    spool.append(1, Kind.FROM_SERVER, b"event", may_wait=False)
    assert [record.data for record in records(tmp_path / "s")] == [b"sound", b"event"]
    spool.close()


@pytest.mark.parametrize(("now_ms", "there"), [(199, 0), (200, 1)])
def test_nothing_waits_longer_than_200_ms(tmp_path: Path, now_ms: int, there: int) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(0, Kind.FROM_CLIENT, b"sound", may_wait=True)
    spool.flush_due(now_ms * MS)
    assert len(records(tmp_path / "s")) == there
    spool.close()


def test_a_system_that_takes_only_a_part_gets_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "s")
    monkeypatch.setattr(os, "writev", lambda fd, pieces: os.write(fd, b"".join(pieces)[:7]), raising=False)
    spool.append(5, Kind.FROM_CLIENT, b"one", may_wait=True)
    spool.append(7, Kind.FROM_CLIENT, b"two", may_wait=False)
    spool.close()
    assert [record.data for record in records(tmp_path / "s")] == [b"one", b"two"]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 6400, 1 << 19])
def test_no_write_has_more_than_a_system_takes(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, given: (pieces.append(len(given)), writev(fd, given))[1])
    spool = Spool(tmp_path / "s")
    count = 5000 if size < 512 else 600 if size < 7000 else 3
    for _ in range(count):
        spool.append(0, Kind.FROM_CLIENT, bytes(size), may_wait=True)
    assert max(pieces) <= os.sysconf("SC_IOV_MAX")
    assert 0 <= count - len(records(tmp_path / "s")) <= 512
    spool.close()
    assert len(records(tmp_path / "s")) == count


@pytest.mark.parametrize("cut_bytes", range(1, 17))
def test_a_record_that_was_cut_anywhere_is_told_from_a_whole_one(tmp_path: Path, cut_bytes: int) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(5, Kind.FROM_CLIENT, b"one", may_wait=True)
    spool.append(6, Kind.FROM_SERVER, b"four", may_wait=True)
    spool.close()
    data = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(data[:-cut_bytes])
    whole, torn = records(tmp_path / "s")
    assert (whole.data, whole.torn) == (b"one", False)
    assert torn.torn
    assert b"four".startswith(torn.data)


@pytest.mark.parametrize("head", [b"", b"contoso sp"])
def test_a_spool_whose_writer_was_killed_at_once_is_empty(head: bytes) -> None:
    assert list(read_spool(io.BytesIO(head))) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"contoso spool 2\nxxxxx", "newer contoso-lab"), (b"\x00" * 64, "damaged"), (b"RIFF", "damaged")],
)
def test_what_is_no_spool_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(RecordingError, match=says):
        records(tmp_path / "s")


def test_a_record_of_a_kind_that_nobody_knows_ends_the_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.append(5, 200, b"one", may_wait=True)
    spool.append(6, Kind.FROM_SERVER, b"two", may_wait=True)
    spool.close()
    assert [record.torn for record in records(tmp_path / "s")] == [True]


def test_what_nobody_reads_before_its_end_is_written_in_large_pieces(tmp_path: Path) -> None:
    spool, usual = UnreadSpool(tmp_path / "s"), Spool(tmp_path / "usual")
    for number in range(100):
        for each in (spool, usual):
            each.append(number * 1000 * MS, Kind.FROM_SERVER, b"event", may_wait=False)
    assert (len(records(tmp_path / "s")), len(records(tmp_path / "usual"))) == (0, 100)
    spool.append(100_000 * MS, Kind.FROM_CLIENT, bytes(1 << 18), may_wait=True)
    assert len(records(tmp_path / "s")) == 101
    spool.append(100_001 * MS, Kind.LOCAL, b"last", may_wait=False)
    spool.close()
    usual.close()
    assert records(tmp_path / "s")[:100] == records(tmp_path / "usual")
    assert len(records(tmp_path / "s")) == 102
