"""TCP ports on the loopback interface: take one, find a free one, see who holds one."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Below the range that Linux gives to outgoing connections, so that a port
# chosen today is still free when a stopped sandbox comes back.
_CANDIDATES = range(20000, 32000)
_LISTENING = "0A"


def hold(port: int) -> socket.socket:
    """A socket that holds the port. OSError when it is taken."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A server that was just stopped leaves connections behind that would
        # otherwise keep its port for a minute.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((LOOPBACK, port))
        # Two can bind with that option, only one can listen.
        taken.listen()
    except OSError:
        taken.close()
        raise
    return taken


def free_port() -> int:
    """A port that nobody uses at the moment."""
    for port in random.sample(_CANDIDATES, 100):
        with contextlib.suppress(OSError):
            hold(port).close()
            return port
    raise OSError(f"no free port between {_CANDIDATES.start} and {_CANDIDATES.stop}")


def holder(port: int) -> str | None:
    """Who listens on a port, as "process 123 (python3)"; None when /proc doesn't tell."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for link in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        with contextlib.suppress(OSError):
            if str(link.readlink()) in inodes:
                process = link.parent.parent
                name = (process / "comm").read_text().strip()
                return f"process {process.name} ({name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
