"""Threads of the memory on calls: who may go on with one, what a call is told of it, and what it adds to it."""

from __future__ import annotations
