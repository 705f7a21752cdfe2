"""The two connections of a call: doors and dials over several libraries, behind one small interface."""

from __future__ import annotations
