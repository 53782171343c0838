"""``healthcheck``: asks the running daemon whether it is alive, for container engines without an HTTP client."""

from __future__ import annotations

import argparse
import sys

from llamaparse_worker.cli.exit_status import ExitStatus

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared with, not bound
_LIMIT_S = 3.0


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("healthcheck", help="exit 0 when the daemon at HOST and PORT is alive, else 1")
    parser.add_argument("--host", help="default: HOST")
    parser.add_argument("--port", type=int, help="default: PORT")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    host, port = args.host, args.port
    if host is None or port is None:
        from llamaparse_worker.settings import WorkerSettings, read

        settings = read(WorkerSettings)
        host, port = host or settings.host, port or settings.port
    reason = _complaint(_WILDCARDS.get(host, host), port)
    if reason is None:
        return ExitStatus.OK
    print(f"not alive: {reason}", file=sys.stderr)
    return ExitStatus.FAILED


def _complaint(host: str, port: int) -> str | None:
    import http.client

    connection = http.client.HTTPConnection(host, port, timeout=_LIMIT_S)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status == http.client.OK else f"/livez answered {status}"
