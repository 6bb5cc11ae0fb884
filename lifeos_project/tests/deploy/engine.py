"""As much of Docker's engine as docker-compose 1.29 and the docker program ask of it, on a unix socket, in memory.

Nothing runs: a container is its description and a state. It gets healthy as soon as it is started, unless its service
and image are among `broken`; a command (`manage.py …`, `chown …`) has ended as soon as it is started, with the code
that `ends_with` says. What is done to containers is written down in `events`, which is what the tests read.
"""

import json
import re
import secrets
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LABEL = "com.docker.compose."
API = "1.41"
MOMENT = "2026-01-01T00:00:00.000000000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to a container: created, started, stopped, removed, or a command in it (exec)."""

    action: str
    service: str
    image: str
    # Thrown away after one command.
    one_off: bool
    command: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Container:
    id: str
    name: str
    config: dict[str, Any]
    host_config: dict[str, Any]
    networks: dict[str, Any]
    state: str = "created"
    exit_code: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def labels(self) -> dict[str, str]:
        return self.config.get("Labels") or {}

    @property
    def service(self) -> str:
        return self.labels[f"{LABEL}service"]

    @property
    def one_off(self) -> bool:
        return self.labels[f"{LABEL}oneoff"] == "True"

    @property
    def is_command(self) -> bool:
        return bool(self.config.get("Cmd")) and self.config["Cmd"][0].split()[0] in ("manage.py", "chown")


@dataclass(slots=True, kw_only=True)
class Engine:
    """State of the engine, and what was done to it."""

    images: dict[str, str] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)
    # Services with the image that never get well, and what commands in containers end with.
    broken: set[tuple[str, str]] = field(default_factory=set)
    ends_with: Callable[[str, list[str]], int] = lambda image, command: 0
    # The fewest web replicas that were well at a time since somebody last set it.
    fewest_web: int = 10_000
    lock: threading.RLock = field(default_factory=threading.RLock)

    def services(self) -> list[tuple[str, str]]:
        """Service and image of everything that runs, sorted."""
        with self.lock:
            return sorted((c.service, c.config["Image"]) for c in self.containers.values() if c.state == "running")

    def since(self, mark: int, action: str) -> list[tuple[str, str]]:
        """Service and image of what happened since `mark`, commands in containers of their own left out."""
        return [(e.service, e.image) for e in self.events[mark:] if e.action == action and not e.one_off]

    def commands(self, mark: int) -> list[tuple[str, str]]:
        """Image and words of the commands that ran in containers of their own."""
        found = [e for e in self.events[mark:] if e.one_off and e.action == "started"]
        return [(e.image, " ".join(e.command).removeprefix("manage.py ")) for e in found]

    def is_well(self, container: Container) -> bool:
        return container.state == "running" and (container.service, container.config["Image"]) not in self.broken

    def note(self, action: str, container: Container) -> None:
        self.events.append(
            Event(
                action=action,
                service=container.service,
                image=container.config["Image"],
                one_off=container.one_off,
                command=tuple(container.config.get("Cmd") or ()),
            )
        )
        self.fewest_web = min(self.fewest_web, sum(self.is_well(c) for c in self.of("lifeos-web")))

    def of(self, service: str) -> list[Container]:
        return [c for c in self.containers.values() if c.service == service and not c.one_off]

    def find(self, name: str) -> Container:
        for container in self.containers.values():
            if container.id.startswith(name) or container.name == name.lstrip("/"):
                return container
        raise Missing(f"No such container: {name}")

    def answers_health(self) -> bool:
        """Whether a request to the site would be answered: nginx runs, and so does a web replica that is well."""
        with self.lock:
            return all(any(self.is_well(c) for c in self.of(name)) for name in ("lifeos-nginx", "lifeos-web"))

    # What a client can ask for, by method and pattern of the path.

    def ping(self, **_: Any) -> Any:
        return "OK"

    def version(self, **_: Any) -> Any:
        return {"Version": "20.10.24", "ApiVersion": API, "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"}

    def info(self, **_: Any) -> Any:
        return {"OSType": "linux", "Swarm": {"LocalNodeState": "inactive"}, "Name": "stub"}

    def image(self, *, name: str, **_: Any) -> Any:
        named = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
        digest = name if name in self.images.values() else self.images.get(named)
        if digest is None:
            raise Missing(f"No such image: {name}")
        empty: dict[str, Any] = {"Volumes": None, "Labels": None, "Env": []}
        return {"Id": digest, "RepoTags": [named], "Config": empty, "ContainerConfig": empty, "Os": "linux"}

    def pull(self, *, query: dict[str, str], **_: Any) -> Any:
        name = f"{query['fromImage']}:{query.get('tag') or 'latest'}"
        self.images.setdefault(name, f"sha256:{secrets.token_hex(32)}")
        return [{"status": f"Status: Downloaded newer image for {name}"}]

    def build(self, *, query: dict[str, str], **_: Any) -> Any:
        self.builds.append(query["t"])
        self.images[query["t"]] = f"sha256:{secrets.token_hex(32)}"
        said = f"Successfully built {self.images[query['t']][7:19]}\n"
        return [{"aux": {"ID": self.images[query["t"]]}}, {"stream": said}]

    def list(self, *, query: dict[str, str], **_: Any) -> Any:
        filters = json.loads(query.get("filters") or "{}")
        wanted = filters.get("label", [])
        wanted = list(wanted)
        states = list(filters.get("status", []))
        everything = query.get("all") in ("1", "true", "True")
        found = []
        for container in self.containers.values():
            labels = {*container.labels, *(f"{key}={value}" for key, value in container.labels.items())}
            if not set(wanted) <= labels or (states and container.state not in states):
                continue
            if everything or states or container.state == "running":
                found.append(
                    {
                        "Id": container.id,
                        "Names": [f"/{container.name}"],
                        "Image": container.config["Image"],
                        "ImageID": self.images.get(container.config["Image"], ""),
                        "Labels": container.labels,
                        "State": container.state,
                        "Status": container.state,
                        "Created": 0,
                        "Ports": [],
                        "Mounts": [],
                        "NetworkSettings": {"Networks": container.networks},
                        "HostConfig": {"NetworkMode": "default"},
                    }
                )
        return found

    def create(self, *, query: dict[str, str], body: dict[str, Any], **_: Any) -> Any:
        if any(c.name == query["name"] for c in self.containers.values()):
            raise Conflict(f"The container name {query['name']} is already in use")
        self.image(name=body["Image"])
        container = Container(
            id=secrets.token_hex(32),
            name=query["name"],
            config={key: value for key, value in body.items() if key not in ("HostConfig", "NetworkingConfig")},
            host_config=body.get("HostConfig") or {},
            networks=dict((body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}),
        )
        self.containers[container.id] = container
        self.note("created", container)
        return {"Id": container.id, "Warnings": []}

    def inspect(self, *, name: str, **_: Any) -> Any:
        container = self.find(name)
        running = container.state == "running"
        state = {
            "Status": container.state, "Running": running, "Paused": False, "Restarting": False, "OOMKilled": False,
            "Dead": False, "Pid": 1 if running else 0, "ExitCode": container.exit_code, "Error": "",
            "StartedAt": MOMENT, "FinishedAt": MOMENT,
        }  # fmt: skip
        if (container.config.get("Healthcheck") or {}).get("Test"):
            state["Health"] = {"Status": "healthy" if self.is_well(container) else "unhealthy", "Log": []}
        return {
            "Id": container.id, "Created": MOMENT, "Path": "", "Args": [], "State": state, "RestartCount": 0,
            "Image": self.images.get(container.config["Image"], ""), "Name": f"/{container.name}", "Mounts": [],
            "Config": container.config, "HostConfig": container.host_config, "Driver": "stub", "Platform": "linux",
            "NetworkSettings": {"Networks": container.networks, "Ports": {}},
        }  # fmt: skip

    def start(self, *, name: str, **_: Any) -> Any:
        container = self.find(name)
        container.state = "running"
        self.note("started", container)
        if container.is_command:
            container.exit_code = self.ends_with(container.config["Image"], container.config["Cmd"])
            self._end(container)
        return None

    def stop(self, *, name: str, **_: Any) -> Any:
        container = self.find(name)
        if container.state == "running":
            self._end(container)
            self.note("stopped", container)
        return None

    def _end(self, container: Container) -> None:
        container.state = "exited"
        container.ended.set()

    def prepare(self, *, name: str, body: dict[str, Any], **_: Any) -> Any:
        """`exec`: a command in a container that runs; it ends well at once."""
        container = self.find(name)
        if container.state != "running":
            raise Conflict(f"Container {container.id} is not running")
        self.events.append(
            Event(
                action="exec",
                service=container.service,
                image=container.config["Image"],
                one_off=False,
                command=tuple(body["Cmd"]),
            )
        )
        return {"Id": secrets.token_hex(32)}

    def resize(self, **_: Any) -> Any:
        return None

    def outcome(self, *, name: str, **_: Any) -> Any:
        return {"ID": name, "Running": False, "ExitCode": 0, "Pid": 0}

    def rename(self, *, name: str, query: dict[str, str], **_: Any) -> Any:
        self.find(name).name = query["name"]
        return None

    def remove(self, *, name: str, **_: Any) -> Any:
        container = self.find(name)
        del self.containers[container.id]
        container.ended.set()
        self.note("removed", container)
        return None

    def network(self, *, name: str, **_: Any) -> Any:
        for network in self.networks.values():
            if name in (network["Name"], network["Id"]):
                return network
        raise Missing(f"network {name} not found")

    def create_network(self, *, body: dict[str, Any], **_: Any) -> Any:
        made = {"Driver": "bridge", "Options": {}, "Labels": {}, **{k: v for k, v in body.items() if v is not None}}
        made["Id"] = secrets.token_hex(32)
        self.networks[made["Id"]] = made
        return {"Id": made["Id"], "Warning": ""}

    def connect(self, *, name: str, body: dict[str, Any], **_: Any) -> Any:
        network = self.network(name=name)["Name"]
        endpoint = body.get("EndpointConfig") or {}
        container = self.find(body["Container"])
        container.networks[network] = {**endpoint, "Aliases": [*(endpoint.get("Aliases") or []), container.id[:12]]}
        return None

    def disconnect(self, *, name: str, body: dict[str, Any], **_: Any) -> Any:
        self.find(body["Container"]).networks.pop(self.network(name=name)["Name"], None)
        return None

    def volume(self, *, name: str, **_: Any) -> Any:
        if name not in self.volumes:
            raise Missing(f"get {name}: no such volume")
        return self.volumes[name]

    def create_volume(self, *, body: dict[str, Any], **_: Any) -> Any:
        made = {"Name": body["Name"], "Driver": "local", "Labels": body.get("Labels") or {}, "Options": None}
        return self.volumes.setdefault(body["Name"], made)


class Missing(Exception):
    status = 404


class Conflict(Exception):
    status = 409


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", r"/_ping", Engine.ping),
    ("HEAD", r"/_ping", Engine.ping),
    ("GET", r"/version", Engine.version),
    ("GET", r"/info", Engine.info),
    ("GET", r"/images/(?P<name>.+)/json", Engine.image),
    ("POST", r"/images/create", Engine.pull),
    ("POST", r"/build", Engine.build),
    ("GET", r"/containers/json", Engine.list),
    ("POST", r"/containers/create", Engine.create),
    ("GET", r"/containers/(?P<name>[^/]+)/json", Engine.inspect),
    ("POST", r"/containers/(?P<name>[^/]+)/start", Engine.start),
    ("POST", r"/containers/(?P<name>[^/]+)/(?:stop|kill)", Engine.stop),
    ("POST", r"/containers/(?P<name>[^/]+)/rename", Engine.rename),
    ("DELETE", r"/containers/(?P<name>[^/]+)", Engine.remove),
    ("POST", r"/containers/(?P<name>[^/]+)/exec", Engine.prepare),
    ("POST", r"/exec/(?P<name>[^/]+)/resize", Engine.resize),
    ("GET", r"/exec/(?P<name>[^/]+)/json", Engine.outcome),
    ("GET", r"/networks/(?P<name>[^/]+)", Engine.network),
    ("POST", r"/networks/create", Engine.create_network),
    ("POST", r"/networks/(?P<name>[^/]+)/connect", Engine.connect),
    ("POST", r"/networks/(?P<name>[^/]+)/disconnect", Engine.disconnect),
    ("GET", r"/volumes/(?P<name>[^/]+)", Engine.volume),
    ("POST", r"/volumes/create", Engine.create_volume),
]


class Handler(BaseHTTPRequestHandler):
    """HTTP as docker's clients speak it: versions in paths, chunked bodies, connections taken over."""

    protocol_version = "HTTP/1.1"
    engine: Engine

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *arguments: Any) -> None:  # of the base class
        pass

    def handle_any(self) -> None:
        address = urlsplit(self.path)
        path = unquote(re.sub(r"^/v1\.\d+", "", address.path))
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        raw = self._body()
        # The context of a build is no JSON.
        body = json.loads(raw) if raw and raw[:1] == b"{" else {}
        if waited := re.fullmatch(r"/containers/([^/]+)/(attach|wait)", path):
            self._until_it_ends(waited[1], attached=waited[2] == "attach")
            return
        if re.fullmatch(r"/exec/[^/]+/start", path):
            # It has nothing to say.
            self._take_over()
            return
        try:
            with self.engine.lock:
                self._answer(200, self._called(path, query=query, body=body))
        except (Missing, Conflict) as error:
            self._answer(error.status, {"message": str(error)})

    do_GET = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815  # http.server's names

    def _called(self, path: str, *, query: dict[str, str], body: dict[str, Any]) -> Any:
        for method, pattern, called in ROUTES:
            if method == self.command and (matched := re.fullmatch(pattern, path)):
                return called(self.engine, query=query, body=body, **matched.groupdict())
        raise Missing(f"page not found: {self.command} {path}")

    def _until_it_ends(self, name: str, *, attached: bool) -> None:
        with self.engine.lock:
            container = self.engine.find(name)
        if attached:
            self._take_over()
            container.ended.wait(60)
            said = f"{' '.join(container.config.get('Cmd') or [])}\n".encode()
            # To standard error: what commands print is read by the script.
            self.wfile.write(struct.pack(">BxxxL", 2, len(said)) + said)
            return
        # The headers come at once: the waiting side starts the container only then.
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        container.ended.wait(60)
        self._chunk(json.dumps({"StatusCode": container.exit_code}).encode())
        self._chunk(b"")

    def _take_over(self) -> None:
        """From here on the connection carries what a command reads and writes."""
        self.wfile.write(
            b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        self.wfile.flush()
        self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while length := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(length))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, answer: Any) -> None:
        text = answer if isinstance(answer, str) else "" if answer is None else json.dumps(answer)
        # Progress of builds and pulls: a JSON object a line.
        if isinstance(answer, list) and self.command == "POST":
            text = "".join(json.dumps(line) + "\r\n" for line in answer)
        self.send_response(204 if answer is None else status)
        self.send_header("Api-Version", API)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has heard enough goes; anything else is a fault here, and shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def get_request(self) -> Any:
        request, _ = super().get_request()
        return request, ("unix", 0)


@contextmanager
def engine(socket: Path) -> Iterator[Engine]:
    """An engine without anything, that answers at `socket`."""
    state = Engine()
    with Server(str(socket), type("EngineHandler", (Handler,), {"engine": state})) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
