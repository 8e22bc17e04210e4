"""Runs commands of dikast in this process, with every socket, name look-up and child process watched.

    python watched.py PLAN        PLAN: {"ways": [{"args": [...], "stop_s": null}], "names": {"public.test": [...]}}

Prints a JSON object for each way: its exit code, what it said, which addresses it wanted to connect or send to, which
names it looked up, and what it started. No address outside this machine is ever reached: the attempt is an error.
"""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import uvloop

seen: dict[str, list[Any]] = {"left": [], "inside": [], "looked_up": [], "started": []}
PLAN = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
_real_getaddrinfo = socket.getaddrinfo


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple):
            inside = ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
            seen["inside" if inside else "left"].append(list(address[:2]))
            if not inside:
                raise PermissionError(f"watched: {address} is no address of this machine")
    elif event == "socket.gethostbyname":
        seen["looked_up"].append(arguments[0])
    elif event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"):
        seen["started"].append(str(arguments[0]))


def resolved(host: Any, port: Any, *rest: Any, **named: Any) -> list[Any]:
    """The names of the plan, this machine's own, and literals; nobody is asked for any other."""
    name = host.decode() if isinstance(host, bytes) else host
    try:
        if name is not None:
            ipaddress.ip_address(str(name).partition("%")[0])
        return _real_getaddrinfo(host, port, *rest, **named)
    except ValueError:
        pass
    if name == "localhost":
        return _real_getaddrinfo(host, port, *rest, **named)
    seen["looked_up"].append(name)
    if name not in PLAN["names"]:
        raise socket.gaierror(socket.EAI_NONAME, "watched: no such name")
    return [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port or 0)))
        for address in PLAN["names"][name]
    ]


class Loop(uvloop.Loop):
    """uvloop asks for names and makes connections below Python, where no audit event tells of it."""

    async def getaddrinfo(self, host: Any, port: Any, **named: Any) -> list[Any]:
        return resolved(host, port, **named)

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **named: Any) -> Any:
        if host is not None:
            for *_, address in resolved(host, port, type=socket.SOCK_STREAM):
                watch("socket.connect", (None, address))
        return await super().create_connection(factory, host, port, **named)

    async def sock_connect(self, sock: Any, address: Any) -> Any:
        watch("socket.connect", (sock, address))
        return await super().sock_connect(sock, address)


def run(args: list[str], stop_s: float | None) -> dict[str, Any]:
    from dikast.cli import main

    for each in seen.values():
        each.clear()
    stopper = threading.Timer(stop_s or 0, os.kill, (os.getpid(), signal.SIGINT)) if stop_s else None
    with tempfile.TemporaryFile() as said:
        kept = os.dup(1), os.dup(2)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        try:
            if stopper:
                stopper.start()
            main(args)
        except SystemExit as ended:
            code: Any = ended.code
        except BaseException as error:  # a traceback is a finding, not the end of the test
            code = f"{type(error).__name__}: {error}"
        finally:
            if stopper:
                stopper.cancel()
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
        said.seek(0)
        return {"code": code, "said": said.read().decode("utf-8", "replace"), **{k: list(v) for k, v in seen.items()}}


socket.getaddrinfo = resolved  # type: ignore[assignment]
uvloop.new_event_loop = Loop  # type: ignore[assignment,misc]
sys.addaudithook(watch)
print(json.dumps([run(way["args"], way.get("stop_s")) for way in PLAN["ways"]]))
