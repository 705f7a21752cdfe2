"""A judge made of rules on the loopback, that speaks the chat API and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from contoso_lab.settings import Target


@dataclass
class Bench:
    """`rule` gets the material of the user's message and gives the answer's text, or a number for an HTTP error."""

    target: Target
    rule: Callable[[str], str | int] = lambda material: '{"reason": "It helps.", "score": 4}'
    model: str = "judge-1"
    asked: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("contoso_lab.prompts.client.RETRIES", 0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with judge.lock:
                judge.asked.append(body)
                judge.at_once += 1
                judge.most_at_once = max(judge.most_at_once, judge.at_once)
            said = judge.rule(body["messages"][-1]["content"])
            with judge.lock:
                judge.at_once -= 1
            answer: dict[str, Any] = {"error": {"message": "no"}}
            if isinstance(said, str):
                message = {"role": "assistant", "content": said}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                answer = {
                    "id": "c",
                    "object": "chat.completion",
                    "created": 1,
                    "model": judge.model,
                    "choices": [choice],
                }
            data = json.dumps(answer).encode()
            self.send_response(said if isinstance(said, int) else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    judge = Bench(Target.local(f"http://127.0.0.1:{server.server_port}/v1"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield judge
    server.shutdown()
    thread.join()
    server.server_close()
