"""The process that holds the model: llama.cpp behind a chat endpoint on loopback.

It reads a key from the first line of its input, says `READY http://127.0.0.1:…`, and ends when its input ends: when
whoever started it closes it or is gone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from contoso_lab.engine.runtime import need

BEHIND = 5
"""Nice: ears and voices of calls come first, for they are heard to stutter."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the model and serve it until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--replies", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    asked = parser.parse_args(arguments)
    key = sys.stdin.readline().strip()
    if hasattr(os, "nice"):
        os.nice(BEHIND)
    server = _open(asked, key)
    sys.stdout.write(f"READY {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # the runtime's threads would finish what they write, and nobody reads it any more


def _open(asked: argparse.Namespace, key: str) -> Any:
    llama = need("xllamacpp", package="xllamacpp", what="The small language model", extra="small-lm")
    params = llama.CommonParams()
    params.model.path = asked.path
    params.api_keys = [key]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = asked.replies
    params.n_ctx = asked.context * asked.replies  # each reply has its part
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = asked.threads
    params.cache_ram_mib = 0  # what the slots remember is enough, and more would grow
    params.offline, params.ui, params.verbosity = True, False, 0
    return llama.Server(params)


if __name__ == "__main__":
    main()
