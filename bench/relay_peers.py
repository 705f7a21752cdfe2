"""Who takes part: how each relay is started in front of the echo upstream, and how a call asks to be let in."""

from __future__ import annotations

import http.client
import json
import secrets
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relay_farm import LOAD, Load, NotHere, Running, cpu_ns, free_port

HERE = Path(__file__).parent
VOICERAG = "https://github.com/Azure-Samples/aisearch-openai-rag-audio"
MANY = "100000"
OURS = "contoso-lab"
VARIANTS = {f"{OURS}, no recording": ["--no-recording"], f"{OURS}, Starlette adapter": ["--portable"]}


@dataclass
class Peer:
    """One relay."""

    name: str
    note: str
    port: int
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    path: str = "/"
    header: str = ""
    start_s: float = 20.0
    runs: Path | None = None
    """Where it records."""
    running: Running | None = None

    def start(self, *, core: int, folder: Path) -> None:
        """Start it and wait until it listens; raises NotHere."""
        log = folder / f"{self.name.replace(' ', '-').replace(',', '')}.log"
        self.running = Running(self.command, core=core, log=log, env=self.env, cwd=self.cwd)
        self.running.wait_for(self.port, timeout_s=self.start_s)

    def paths(self, calls: int) -> list[str]:
        """Where to knock, once for each call."""
        return [self.path]

    def tidy(self) -> int:
        """Wait until it has done what calls leave behind; returns the processor time of that, in ns."""
        assert self.running is not None
        before_ns = cpu_ns(self.running.pids)
        until = time.monotonic() + 90
        while self.runs is not None and any(self.runs.glob("*/spool.bin")) and time.monotonic() < until:
            time.sleep(0.1)  # recordings that nobody has folded yet
        self.running.settle()
        took_ns = cpu_ns(self.running.pids) - before_ns
        if self.runs is not None:
            for place in self.runs.glob("*"):
                shutil.rmtree(place, ignore_errors=True)
        return took_ns


class Ours(Peer):
    """Our own relay: each call has a token of its own."""

    def start(self, *, core: int, folder: Path) -> None:
        """Start it, and see whether it counts: a number without its metrics would be another relay's."""
        super().start(core=core, folder=folder)
        door = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        door.request("GET", "/metrics")
        self.note += ", metrics on" if door.getresponse().status == 200 else ", without metrics"
        door.close()

    def paths(self, calls: int) -> list[str]:
        """Ask for as many tokens as there will be calls."""
        door = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        found = []
        for _ in range(calls):
            door.request("GET", "/api/token?persona=voice&customer=maya")
            answer = door.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise NotHere(f"it gives no token ({answer.status}): {body[:200].decode('utf-8', 'replace')}")
            token = urllib.parse.quote(json.loads(body)["token"])
            found.append(f"/api/realtime/ws?token={token}")
        door.close()
        return found


def all_peers(
    load: Load, folder: Path, *, voicerag: Path | None, extra: Sequence[str], wanted: Sequence[str]
) -> tuple[list[Peer], dict[str, str]]:
    """All whose names begin as wanted and that can be started here, and why the others cannot, by name."""
    begins = tuple(name.lower() for name in wanted)
    found: list[Peer] = []
    missing: dict[str, str] = {}
    makers = {
        "nginx": lambda: [_nginx(load, folder)],
        OURS: lambda: [our_relay(OURS, load, folder, [])],
        **{name: lambda name=name: [our_relay(name, load, folder, VARIANTS[name])] for name in VARIANTS},
        **{f"{OURS}, {words}": lambda words=words: [our_relay(f"{OURS}, {words}", load, folder, words.split())]
           for words in extra},
        "FastAPI + websockets": lambda: [_fastapi(load)],
        "VoiceRAG": lambda: [_voicerag(load, folder, voicerag)],
        "LiteLLM": lambda: [_litellm(load, folder)],
    }  # fmt: skip
    for name, make in makers.items():
        if not name.lower().startswith(begins):
            continue  # some of them take minutes to install
        try:
            found += make()
        except NotHere as reason:
            missing[name] = str(reason)
        except (OSError, subprocess.CalledProcessError) as error:
            missing[name] = f"it cannot be prepared: {error}"
    return found, missing


def _nginx(load: Load, folder: Path) -> Peer:
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        raise NotHere("nginx is not installed here")
    place, port, token = folder / "nginx", free_port(), "bench"
    place.mkdir(exist_ok=True)
    text = (LOAD / "nginx.conf").read_text("utf-8")
    for name, value in {"folder": str(place), "target": str(load.port), "port": str(port), "token": token}.items():
        text = text.replace(f"@{name}@", value)
    (place / "nginx.conf").write_text(text, encoding="utf-8")
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr.strip().split("/")[-1]
    command = [program, "-p", str(place), "-c", str(place / "nginx.conf")]
    return Peer(
        "nginx", f"nginx {version}, plain proxy, token check", port, command, path=f"/v1/realtime?token={token}"
    )


def our_relay(name: str, load: Load, folder: Path, words: list[str]) -> Peer:
    """Our own relay, with more words on its command line."""
    port = free_port()
    runs = folder / f"runs-{port}"
    command = [sys.executable, "-m", "contoso_lab.relay", "--target-url", f"http://127.0.0.1:{load.port}/v1"]
    command += ["--port", str(port), "--runs", str(runs), *words]
    limits = ("TOKENS_PER_MINUTE", "CALLS_PER_CALLER", "CALLS", "GUESSES_PER_MINUTE")
    env = {f"CONTOSO_LAB_RELAY_{limit}": MANY for limit in limits}
    note = f"python -m contoso_lab.relay {' '.join(words)}".strip()
    note += "; a token for each call" + ("" if "no rec" in name else ", both directions recorded")
    return Ours(name, note, port, command, env=env, cwd=HERE.parent, runs=runs)


def _fastapi(load: Load) -> Peer:
    from importlib.metadata import version

    port = free_port()
    note = (
        f"fastapi {version('fastapi')} on uvicorn {version('uvicorn')}, websockets {version('websockets')}; token check"
    )
    command = [sys.executable, str(HERE / "relay_fastapi.py"), str(port), f"ws://127.0.0.1:{load.port}/v1/realtime"]
    return Peer("FastAPI + websockets", note, port, command, path="/ws?token=bench")


def _voicerag(load: Load, folder: Path, given: Path | None) -> Peer:
    place = given or folder / "voicerag"
    if not (place / "app" / "backend" / "rtmt.py").exists():
        if given is not None:
            raise NotHere(f"{given} holds no app/backend/rtmt.py: give a working copy of {VOICERAG}")
        clone = ["git", "clone", "--quiet", "--depth", "1", VOICERAG, str(place)]
        if subprocess.run(clone, capture_output=True, check=False).returncode:
            raise NotHere(f"{VOICERAG} cannot be cloned: give a working copy with --voicerag")
    python = _peers_python(folder)
    port = free_port()
    command = [python, str(HERE / "relay_voicerag.py"), str(port), f"http://127.0.0.1:{load.port}", str(place)]
    commit = subprocess.run(
        ["git", "-C", str(place), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    note = f"aisearch-openai-rag-audio {commit}, its rtmt.py on aiohttp {_version(python, 'aiohttp')}; no token check"
    return Peer("VoiceRAG", note, port, command, path="/realtime")


def _litellm(load: Load, folder: Path) -> Peer:
    python = _peers_python(folder)
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    entry = {"model": "openai/gpt-realtime", "api_base": f"http://127.0.0.1:{load.port}/v1", "api_key": "none"}
    config = {"model_list": [{"model_name": "rt", "litellm_params": entry}], "general_settings": {"master_key": key}}
    place = folder / "litellm.yaml"
    place.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    command = [str(Path(python).parent / "litellm"), "--config", str(place), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--num_workers", "1", "--telemetry", "False"]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "DISABLE_ADMIN_UI": "True"}
    note = f"litellm {_version(python, 'litellm')} proxy, its own key check"
    header = f"Authorization: Bearer {key}"
    path = "/v1/realtime?model=rt"
    return Peer("LiteLLM", note, port, command, env=env, path=path, header=header, start_s=120)


def _peers_python(folder: Path) -> str:
    """An environment for those who need other packages than we do; made once."""
    place = folder / "peers"
    python = place / "bin" / "python"
    if not (place / "bin" / "litellm").exists():
        print("… installing LiteLLM into an environment of its own (a minute or two)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        wanted = ["litellm[proxy]", "aiohttp", "azure-identity", "py-spy"]
        done = subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=False)
        if done.returncode:
            shutil.rmtree(place, ignore_errors=True)
            raise NotHere("pip could not install it")
    return str(python)


def _version(python: str, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
