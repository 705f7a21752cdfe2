"""Run the relay of the VoiceRAG sample, unchanged: `python relay_voicerag.py PORT TARGET CHECKOUT`.

`CHECKOUT` is a working copy of Azure-Samples/aisearch-openai-rag-audio. Only its middle tier is started: without the
search tools, without its pages, and with a key that no server asks for. It has no token check of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web
from azure.core.credentials import AzureKeyCredential


def main() -> None:
    """Serve its `/realtime` until ended."""
    port, target, checkout = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    sys.path.insert(0, str(checkout / "app" / "backend"))
    from rtmt import RTMiddleTier

    app = web.Application()
    tier = RTMiddleTier(target, "gpt-realtime", AzureKeyCredential("none"), voice_choice="alloy")
    tier.system_message = "You are a helpful assistant."
    tier.attach_to_app(app, "/realtime")
    web.run_app(app, host="127.0.0.1", port=port, print=lambda *_: None, access_log=None)


if __name__ == "__main__":
    main()
