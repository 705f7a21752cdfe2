"""What stands in deploy/, held against the schemas, the code and what a relay really shows.

There is no container engine here: no image is built and no manifest is applied. deploy/README.md says so.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
import yaml
from openai import AsyncOpenAI
from prometheus_client.parser import text_string_to_metric_families

from contoso_lab.engine.script import Script
from contoso_lab.engine.scripted import scripted_engine
from contoso_lab.engine.server import create_app as engine_app
from contoso_lab.listening import Server, bind, url_of
from contoso_lab.relay.__main__ import main
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.app import create_app
from contoso_lab.relay.serving import relay_server
from contoso_lab.relay.setup import shop_setup
from contoso_lab.relay.tooling.tool_runner import for_each_call
from contoso_lab.relay.watching.metrics import CALL_REFUSALS, TOKEN_REFUSALS
from contoso_lab.relay.watching.observer import Observer
from contoso_lab.relay.wires.credentials import Credentials, Entra
from contoso_lab.settings import Settings, Target

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.stem != "kustomization")
RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "relay.json").read_text(encoding="utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
PORT = 8901
UID = 10001


def tool(name: str, package: str) -> str:
    """A program of Debian's; without it the test is skipped, but not where CI should have it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing: apt-get install {package}")
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


def run(*command: str, cwd: Path = DEPLOY, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def manifest(kind: str) -> dict[str, Any]:
    [found] = [each for path in MANIFESTS for each in documents(path) if each["kind"] == kind]
    return found


def flags() -> set[str]:
    app = typer.Typer()
    app.command()(main)
    return {option for parameter in typer.main.get_command(app).params for option in parameter.opts}


def variables() -> set[str]:
    """Every variable that the relay's process reads."""
    ours = {
        str(field.validation_alias or f"CONTOSO_LAB_{name.upper()}") for name, field in Settings.model_fields.items()
    }
    azure = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"}
    return ours | azure


def given(arguments: list[str]) -> dict[str, str]:
    joined = " ".join(arguments).replace("=", " ").split()
    return dict(zip(joined[::2], joined[1::2], strict=True))


DEPLOYMENT = manifest("Deployment")
POD = DEPLOYMENT["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
AZURE = yaml.safe_load((DEPLOY / "azure" / "container-app.yaml").read_text(encoding="utf-8"))
[AZURE_CONTAINER] = AZURE["properties"]["template"]["containers"]
CMD = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
COMMANDS = {
    "Dockerfile": CMD,
    "relay-1": COMPOSE["services"]["relay-1"]["command"],
    "relay-2": COMPOSE["services"]["relay-2"]["command"],
    "kubernetes": CONTAINER["args"],
    "azure": AZURE_CONTAINER["args"],
}


class TestAgainstTheCode:
    @pytest.mark.parametrize("where", COMMANDS)
    def test_each_flag_is_one_of_the_relays(self, where) -> None:
        arguments = given(COMMANDS[where])
        assert arguments.keys() <= flags()
        assert (arguments["--port"], arguments["--host"], arguments["--log-format"]) == (str(PORT), "0.0.0.0", "json")

    def test_each_variable_is_one_that_the_relay_reads(self) -> None:
        relay = set(COMPOSE["services"]["relay-1"]["environment"])
        config, secret = set(manifest("ConfigMap")["data"]), set(manifest("Secret")["stringData"])
        azure = {each["name"] for each in AZURE_CONTAINER["env"]}
        image = {
            name
            for name in re.findall(r"(\w+)=", " ".join(re.findall(r"^ENV (.*)$", DOCKERFILE, re.M)))
            if "CONT" in name
        }
        assert relay | config | secret | azure | image <= variables()

    def test_the_example_names_what_compose_asks_for_and_holds_nothing_secret(self) -> None:
        lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
        example = dict(each.split("=", 1) for each in lines if each and not each.startswith("#"))
        asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
        assert asked == set(example)
        assert not any(value for name, value in example.items() if re.search("SECRET|KEY|PASSWORD", name))
        assert set(manifest("Secret")["stringData"].values()) == {""}

    def test_each_path_that_is_asked_for_is_there(self) -> None:
        app = create_app(Target.local("http://127.0.0.1:9/v1"), runs=None)
        there = {getattr(route, "path", "") for route in app.routes} | {
            route.path for each in app.routes for route in getattr(getattr(each, "original_router", None), "routes", [])
        }
        asked = {CONTAINER[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
        asked |= {probe["httpGet"]["path"] for probe in AZURE_CONTAINER["probes"]}
        asked |= set(re.findall(rf"127\.0\.0\.1:{PORT}(/\w+)", DOCKERFILE))
        asked |= set(re.findall(r"health_uri (\S+)", (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")))
        assert asked == {"/healthz", "/readyz"}
        assert asked <= there
        for rule in manifest("Ingress")["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert any(each.startswith(f"{path['path']}/") for each in there)

    def test_one_port_everywhere(self) -> None:
        assert inspect.signature(main).parameters["port"].default == PORT
        assert f"EXPOSE {PORT}" in DOCKERFILE
        assert CONTAINER["ports"][0]["containerPort"] == PORT
        assert manifest("Service")["spec"]["ports"][0]["port"] == PORT
        assert AZURE["properties"]["configuration"]["ingress"]["targetPort"] == PORT
        [policy] = manifest("NetworkPolicy")["spec"]["ingress"]
        assert [each["port"] for each in policy["ports"]] == [PORT]
        scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
        [job] = scraped["scrape_configs"]
        relays = {name for name in COMPOSE["services"] if name.startswith("relay")}
        assert set(job["static_configs"][0]["targets"]) == {f"{name}:{PORT}" for name in relays}
        caddy = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
        assert all(f"{name}:{PORT}" in caddy for name in relays)

    def test_there_is_time_for_the_drain(self) -> None:
        """Whoever ends a relay waits longer than the relay itself does."""
        stop = float(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
        assert POD["terminationGracePeriodSeconds"] >= stop + float(given(CONTAINER["args"])["--drain-s"]) + 15
        wait = float(COMPOSE["services"]["relay-1"]["stop_grace_period"].removesuffix("s"))
        assert wait >= float(given(COMMANDS["relay-1"])["--drain-s"]) + 15
        template = AZURE["properties"]["template"]
        assert 600 >= template["terminationGracePeriodSeconds"] >= float(given(COMMANDS["azure"])["--drain-s"]) + 15


class TestDockerfile:
    def test_it_runs_as_nobody_in_particular_by_number_and_says_how_it_is(self) -> None:
        last = DOCKERFILE.rsplit("FROM ", 1)[1]
        assert f"USER {UID}:{UID}" in last
        assert last.index("USER ") < last.index("ENTRYPOINT")
        assert POD["securityContext"]["runAsUser"] == UID
        assert "HEALTHCHECK" in last
        assert len(re.findall(r"^FROM .*-slim", DOCKERFILE, re.M)) == 2

    def test_hygiene(self) -> None:
        """What a linter for Dockerfiles says, as far as it concerns this one."""
        assert all(
            ":" in image and not image.endswith(":latest") for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
        )
        assert not re.search(r"^(ADD|MAINTAINER|RUN (cd|sudo)) ", DOCKERFILE, re.M)
        assert not re.search(r"(?i)(api_key|secret|password|token)\s*=", DOCKERFILE)
        assert "apt-get" not in DOCKERFILE
        assert all(command.startswith("[") for command in re.findall(r"^(?:CMD|ENTRYPOINT) (.*)$", DOCKERFILE, re.M))
        assert all(Path(where).is_absolute() for where in re.findall(r"^WORKDIR (\S+)$", DOCKERFILE, re.M))

    def test_what_it_copies_is_there_and_let_in(self) -> None:
        let_in = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        assert "*" in let_in
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M):
            for source in shlex.split(line)[:-1]:
                assert (ROOT / source).exists(), source
                assert any(each.startswith("!") and source.startswith(each[1:]) for each in let_in), source

    def test_its_extras_are_ours_and_are_enough(self) -> None:
        """Every package that the relay asks for by an extra's name is among those that are installed."""
        [extras] = re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE)
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert set(extras.split(",")) <= set(project["optional-dependencies"])
        assert not {"engine", "notebook", "dev", "all"} & set(extras.split(","))

    def test_it_starts_from_the_copied_files_alone(self, tmp_path) -> None:
        """Without an engine, the nearest thing: the same files in an empty folder, the same command."""
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE.rsplit("FROM ", 1)[1], re.M):
            *sources, place = shlex.split(line)
            for source in sources:
                to = tmp_path / place / Path(source).name if place.endswith("/") else tmp_path / place
                to.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, to)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("CONTOSO", "PYTHON"))}
        environment = {**clean, "CONTOSO_LAB_RUNS": str(tmp_path / "runs"), "PYTHONUNBUFFERED": "1"}
        arguments = ["0" if each == str(PORT) else each.replace("0.0.0.0", "127.0.0.1") for each in CMD]
        arguments += ["--target-url", "http://127.0.0.1:9/v1", "--no-check"]
        process = subprocess.Popen(
            [sys.executable, "-m", "contoso_lab.relay", *arguments],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        try:
            assert first.startswith("READY "), process.stderr and process.stderr.read()
            url = first.split()[1]
            with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
                assert answer.status == 200
            with urllib.request.urlopen(f"{url}/api/token?persona=voice&customer=maya", timeout=10) as answer:
                assert json.loads(answer.read())["token"]
        finally:
            process.terminate()
            process.communicate(timeout=30)


class TestSchemas:
    @pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
    def test_kubernetes(self, path) -> None:
        kubernetes_validate = pytest.importorskip("kubernetes_validate")
        for document in documents(path):
            kubernetes_validate.validate(document, "1.34", strict=True)

    def test_the_kustomization_names_what_is_there(self) -> None:
        named = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
        optional = {"secret.example.yaml", "autoscaler.yaml"}
        assert set(named) == {path.name for path in MANIFESTS} - optional

    def test_kubernetes_agrees_with_itself(self) -> None:
        labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"].items()
        for kind, where in (
            ("Service", "selector"),
            ("PodDisruptionBudget", "selector"),
            ("NetworkPolicy", "podSelector"),
        ):
            selector = manifest(kind)["spec"][where]
            assert (selector.get("matchLabels", selector)).items() <= labels
        assert DEPLOYMENT["spec"]["replicas"] > manifest("PodDisruptionBudget")["spec"]["minAvailable"]
        assert manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == DEPLOYMENT["metadata"]["name"]
        assert POD["serviceAccountName"] == manifest("ServiceAccount")["metadata"]["name"]

    def test_compose(self) -> None:
        compose_spec = pytest.importorskip("compose_spec")
        text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
        filled = json.loads(re.sub(r"\$\{(\w+)[^}]*\}", "x", json.dumps(COMPOSE)))
        compose_spec.PyCompose.from_json(json.dumps(filled)).validate()
        services, networks, volumes = COMPOSE["services"], COMPOSE["networks"], COMPOSE["volumes"]
        for name, service in services.items():
            assert set(service.get("networks", ())) <= set(networks), name
            for mount in service.get("volumes", ()):
                source = mount.split(":")[0]
                assert (DEPLOY / source).exists() if source.startswith(".") else source in volumes, mount
            needs = service.get("depends_on", ())
            assert set(needs) <= set(services), name
        assert not re.search(r"image: \S+:latest", text)
        # Only the TLS front is for others; the rest listens on this machine.
        for name, service in services.items():
            for port in service.get("ports", ()):
                assert name == "front" or port.startswith("127.0.0.1:"), name
        trusted = given(services["relay-1"]["command"])["--trust-proxy"]
        assert networks["front"]["ipam"]["config"][0]["subnet"] == trusted

    def test_every_yaml_is_yaml(self) -> None:
        for path in [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")]:
            assert documents(path), path


class TestPrograms:
    def test_promtool_reads_the_rules_and_runs_their_tests(self) -> None:
        promtool = tool("promtool", "prometheus")
        run(promtool, "check", "config", "--syntax-only", "prometheus/prometheus.yml")
        run(promtool, "check", "rules", "prometheus/rules.yml")
        run(promtool, "test", "rules", "prometheus/rules_test.yml")

    def test_every_alert_has_a_test(self) -> None:
        tests = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
        tried = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
        assert tried == {rule["alert"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}

    def test_caddy_takes_its_configuration(self) -> None:
        caddy = tool("caddy", "caddy")
        run(caddy, "validate", "--adapter", "caddyfile", "--config", "caddy/Caddyfile", LAB_HOST="localhost")


def selectors(expression: str) -> list[tuple[str, dict[str, list[str]]]]:
    """The metrics that an expression names, each with the labels and values it asks for."""
    found = []
    for name, inside in re.findall(r"\b((?:contoso_relay|process)_\w+)(?:\{([^}]*)\})?", expression):
        matchers = re.findall(r'(\w+)(?:=~|!=|!~|=)"([^"]*)"', inside)
        found.append((name, {label: values.split("|") for label, values in matchers}))
    return found


def expressions() -> list[str]:
    rules = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return (
        rules
        + panels
        + [each["query"]["query"] for each in DASHBOARD["templating"]["list"] if isinstance(each["query"], dict)]
    )


class Signs:
    """A credential as azure-identity has them."""

    def get_token(self, *scopes: str) -> Any:
        return type("Given", (), {"token": "x", "expires_on": int(time.time()) + 3600})()


async def scrape(socket: Path) -> str:
    """What `GET /metrics` of a relay says after a call: Redis, the engine behind Azure's door, tools, sound."""
    script = Script.model_validate({"parts": "plain", "ear": [], "brain": [
        {"call": {"name": "search_catalog", "arguments": {"query": "tent"}}},
        {"call": {"name": "search_catalog", "arguments": {"no such argument": 1}}},
        "The Meadow Four.",
    ]})  # fmt: skip
    parts = scripted_engine(script, Path("lines"), lambda: pytest.fail("no models here"))
    async with AsyncExitStack() as stack:

        async def served(make: Any) -> str:
            ready = asyncio.Event()
            server = make(ready.set)
            bound = stack.enter_context(bind("127.0.0.1", 0))
            task = asyncio.create_task(server.serve(sockets=[bound]))

            async def end() -> None:
                server.should_exit = True
                await task

            stack.push_async_callback(end)
            await ready.wait()
            return url_of(bound)

        engine = await served(lambda ready: Server(engine_app(parts), on_ready=ready))
        target = Target("azure", f"{engine}/openai/v1", "local", "local")
        observer, credentials = Observer(), Credentials(target, Entra("scope", Signs()))
        observer.watch_credentials(credentials)
        app = create_app(
            target, runs=None, redis=f"unix://{socket}", observer=observer, headers=credentials.headers,
            setup=functools.partial(shop_setup, tools=True), tools=for_each_call(),
        )  # fmt: skip
        relay = await served(lambda ready: relay_server(app, on_ready=ready))
        token = await app.state.desk.tokens.issue(Grant("voice", "maya"))
        async with (
            AsyncOpenAI(api_key=token, base_url=f"{relay}/v1") as client,
            client.realtime.connect(model="x") as connection,
        ):
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "A tent?"}]}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            done = 0
            async for event in connection:
                done += event.type == "response.done"
                if done == 3:
                    break
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{relay}/metrics")).text


@pytest.fixture(scope="module")
def scraped() -> dict[str, list[dict[str, str]]]:
    """Metric to the labels of its series, from a real scrape after a real call."""
    redis = tool("redis-server", "redis-server")
    with tempfile.TemporaryDirectory(prefix="lab-redis-") as folder:
        place = Path(folder) / "s"
        arguments = ["--port", "0", "--unixsocket", str(place), "--save", "", "--dir", folder]
        process = subprocess.Popen([redis, *arguments], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert any("eady to accept connections" in line for line in process.stdout)
            page = asyncio.run(scrape(place))
        finally:
            process.terminate()
            process.communicate(timeout=30)
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_every_metric_and_label_that_is_named_exists(scraped) -> None:
    by_prometheus = {"job", "instance", "le"}
    named = [each for expression in expressions() for each in selectors(expression)]
    assert len(named) > 40
    for name, labels in named:
        assert name in scraped, name
        for label, values in labels.items():
            if label in by_prometheus:
                continue
            there = {series.get(label) for series in scraped[name]}
            assert set(values) <= there, f"{name}: {label} {values} is none of {there}"
    for expression in expressions():
        names = {name for name, _ in selectors(expression)}
        for group in re.findall(r"by \(([^)]*)\)", expression):
            for label in {each.strip() for each in group.split(",")} - by_prometheus:
                assert any(label in series for name in names for series in scraped.get(name, [])), (label, expression)


def test_every_label_of_the_legends_is_there(scraped) -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label == "instance" or re.search(rf"by \([^)]*\b{label}\b", target["expr"]), panel["title"]


def test_the_dashboard_hangs_together() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["datasource"]["uid"] == "${datasource}"
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))  # no panel lies on another
    assert {"unknown", "expired"} <= set(TOKEN_REFUSALS)
    assert {"full", "token"} <= set(CALL_REFUSALS)
