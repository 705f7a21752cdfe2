"""The folder that a new recording begins in."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from contoso_lab.errors import RecordingError
from contoso_lab.recording.manifest import new_id, safe_name


def new_folder(root: Path, id: str | None, made_at: datetime) -> Path:
    """Make the folder of a bundle. A name of our own that is taken, as when many calls begin at once, is given up."""
    for salt_bytes in (2, 2, 2, 8):
        path = root / safe_name(id or new_id(made_at, secrets.token_hex(salt_bytes)), "recording")
        try:
            path.mkdir(parents=True)
        except OSError as error:
            if id is not None or not isinstance(error, FileExistsError) or not path.exists():
                raise cannot_begin(path, error) from error
            continue
        return path
    raise cannot_begin(root, FileExistsError(17, "every name is taken"))


def cannot_begin(path: Path, error: OSError) -> RecordingError:
    """The error that says that, and what to do."""
    return RecordingError(
        f"{path}: no recording can be made here ({error.strerror}): free some space or choose another folder"
    )
