"""Real services for tests and benchmarks: RabbitMQ, PostgreSQL and an S3 server, each on free ports of the loopback.

Every service is a context manager that works without pytest; the fixtures of the same meaning start it once a session
(once a worker process under pytest-xdist), when the first test asks for it.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_START_TIMEOUT_S = 50.0
_STOP_TIMEOUT_S = 20.0
_RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_RABBITMQ_CONFIG = """\
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 50MB
collect_statistics_interval = 1000
"""
_RABBITMQ_TERMS = "{quorum_tick_interval, 500}"
"""Figures of quorum queues are renewed every tick, by default every 5 s."""


class ServiceMissing(Exception):
    """A server program is not installed; the text says which package brings it."""


class ServiceFailed(Exception):
    """A server did not come up; the text holds the end of its output."""


def free_ports(count: int) -> tuple[int, ...]:
    """Give different ports that nobody listens on at the moment."""
    with contextlib.ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return tuple(one.getsockname()[1] for one in opened)


@dataclass(slots=True)
class Server:
    """A server process in a process group of its own, which can be stopped and started again."""

    command: tuple[str, ...]
    folder: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str]
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with (self.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(crash=True)
                output_end = (self.folder / "output.log").read_text(errors="replace")[-2000:]
                raise ServiceFailed(f"{self.command[0]} did not start: {output_end}")
            time.sleep(0.05)

    def stop(self, *, crash: bool = False) -> None:
        """Stop the process, in order or by SIGKILL; safe to repeat."""
        if self._process is None:
            return
        if not crash:
            self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


@dataclass(frozen=True, slots=True)
class RabbitMq:
    """A RabbitMQ node with its management API."""

    amqp_url: str
    """Without the credentials."""
    management_url: str
    username: str
    password: str
    _server: Server = field(repr=False)

    def stop(self, *, crash: bool = False) -> None:
        """Take the node down; messages stay on the disk."""
        self._server.stop(crash=crash)

    def start(self) -> None:
        """Bring the node up again on the same ports, with the same data."""
        self._server.start()


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL cluster."""

    port: int
    username: str
    _programs: Path = field(repr=False)
    _server: Server = field(repr=False)

    def database(self) -> str:
        """Create an empty database and give its DSN."""
        name = f"test_{uuid.uuid4().hex}"
        options = ("-h", "127.0.0.1", "-p", str(self.port), "-U", self.username)
        subprocess.run([self._programs / "createdb", *options, name], check=True, timeout=30)
        return f"postgresql://{self.username}@127.0.0.1:{self.port}/{name}"

    def stop(self, *, crash: bool = False) -> None:
        """Take the cluster down; connections break."""
        self._server.stop(crash=crash)

    def start(self) -> None:
        """Bring the cluster up again on the same port, with the same data."""
        self._server.start()


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3 server that keeps objects in memory: ``stop`` loses them."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str
    _port: int = field(repr=False)
    _server: Server = field(repr=False)

    def bucket(self) -> str:
        """Create an empty bucket and give its name."""
        name = f"test-{uuid.uuid4().hex}"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        with contextlib.closing(connection):
            connection.request("PUT", f"/{name}")
            status = connection.getresponse().status
        if status != http.HTTPStatus.OK:
            raise ServiceFailed(f"creating a bucket answered {status}")
        return name

    def stop(self, *, crash: bool = False) -> None:
        """Take the server down, with all objects."""
        self._server.stop(crash=crash)

    def start(self) -> None:
        """Bring an empty server up again on the same port."""
        self._server.start()


@contextlib.contextmanager
def rabbitmq_node(*terms: str) -> Iterator[RabbitMq]:
    """Run a RabbitMQ node of its own: nothing is shared with another node of this machine.

    Args:
        terms: More settings of the application ``rabbit``, in Erlang, such as ``{consumer_timeout, 3000}``.
    """
    _require(_RABBITMQ_SERVER, package="rabbitmq-server")
    epmd = shutil.which("epmd")
    if epmd is None:
        raise ServiceMissing("epmd is not installed: apt-get install erlang-base")
    port, distribution_port, management_port, epmd_port = free_ports(4)
    with _folder("rabbitmq") as folder:
        environment = _rabbitmq_environment(folder, port, distribution_port, epmd_port)
        (folder / "rabbitmq.conf").write_text(_RABBITMQ_CONFIG.format(management_port=management_port))
        (folder / "advanced.config").write_text(f"[{{rabbit, [{', '.join((_RABBITMQ_TERMS, *terms))}]}}].\n")
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        names = Server(
            command=(epmd, "-address", "127.0.0.1", "-port", str(epmd_port)),
            folder=folder,
            ready=lambda: _listens(epmd_port),
            environment=environment,
        )
        node = Server(
            command=(str(_RABBITMQ_SERVER),),
            folder=folder,
            ready=lambda: _listens(port) and _answers(management_port),
            environment=environment,
        )
        with _running(names), _running(node, crash_at_end=True):  # an orderly stop takes seconds
            yield RabbitMq(f"amqp://127.0.0.1:{port}", f"http://127.0.0.1:{management_port}", "guest", "guest", node)


@contextlib.contextmanager
def postgres_cluster() -> Iterator[Postgres]:
    """Run a PostgreSQL cluster that does not wait for the disk."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/lib/postgresql/15/bin"))
    _require(programs / "initdb", package="postgresql")
    (port,) = free_ports(1)
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    with _folder("postgres") as folder:
        if user is not None:
            shutil.chown(folder, user, user)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "--auth=trust", "--username=worker", "--encoding=UTF8", "--no-sync", "-D", data],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            user=user,
            group=user,
            timeout=50,
        )
        options = f"-D {data} -h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        server = Server(
            command=(str(programs / "postgres"), *options.split()),
            folder=folder,
            ready=lambda: _accepts_queries(programs, port),
            environment=dict(os.environ),
            user=user,
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients
        )
        with _running(server):
            yield Postgres(port, "worker", programs, server)


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a stand-in for S3 in a process of its own."""
    (port,) = free_ports(1)
    with _folder("s3") as folder:
        server = Server(
            command=(sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)),
            folder=folder,
            ready=lambda: _listens(port),
            environment=dict(os.environ),
        )
        with _running(server):
            yield S3Server(f"http://127.0.0.1:{port}", "test-key", "test-secret", "us-east-1", port, server)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMq]:
    """A running RabbitMQ node; a test that stops it starts it again."""
    with rabbitmq_node() as node:
        yield node


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL cluster; a test that stops it starts it again."""
    with postgres_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A running S3 server; a test that stops it starts it again."""
    with s3_server() as server:
        yield server


def _require(program: Path, *, package: str) -> None:
    if not program.exists():
        raise ServiceMissing(f"{program} is not installed: apt-get install {package}")


@contextlib.contextmanager
def _folder(service: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"test-{service}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(server: Server, *, crash_at_end: bool = False) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop(crash=crash_at_end)


def _rabbitmq_environment(folder: Path, port: int, distribution_port: int, epmd_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),  # the Erlang cookie is made there
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_NODENAME": f"t{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
    }


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/api/overview")
            return connection.getresponse().status == http.HTTPStatus.UNAUTHORIZED
        except (OSError, http.client.HTTPException):
            return False


def _accepts_queries(programs: Path, port: int) -> bool:
    asked = subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False, timeout=10)
    return asked.returncode == 0
