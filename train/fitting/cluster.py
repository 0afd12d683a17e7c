"""The machines of a training: who they are, from ``TF_CONFIG``, and whether they can all be reached."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_runtime.errors import SiamliteError, UsageError

_log = logging.getLogger(__name__)

_EXAMPLE = '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", "index": 0}}'
_RETRY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The workers of a training.

    Attributes:
        workers: Address of each, ``host:port``, in an order that all of them share.
        index: Which of them this process is; the first one is the chief.
    """

    workers: tuple[str, ...]
    index: int


def read_cluster(environment: Mapping[str, str] | None = None) -> Cluster | None:
    """The cluster that ``TF_CONFIG`` describes; None without it, or with a single worker.

    Raises:
        UsageError: It is no JSON, or does not describe workers and which of them this one is.
    """
    text = (os.environ if environment is None else environment).get("TF_CONFIG", "")
    if not text.strip():
        return None
    try:
        held = json.loads(text)
    except ValueError as error:
        raise UsageError(f"TF_CONFIG is no JSON ({error}). It must be like {_EXAMPLE}") from error
    workers, index = _parts(held)
    for address in workers:
        _host_and_port(address)
    if len(set(workers)) != len(workers):
        raise UsageError(f"TF_CONFIG names a worker twice: {', '.join(workers)}. Each needs an address of its own.")
    return Cluster(workers=workers, index=index) if len(workers) > 1 else None


def _parts(held: Any) -> tuple[tuple[str, ...], int]:
    """The workers and the index of a parsed ``TF_CONFIG``."""
    try:
        cluster, task = held["cluster"], held["task"]
        others = sorted(set(cluster) - {"worker"})
        workers, kind, index = cluster["worker"], task["type"], task["index"]
    except KeyError as error:
        raise UsageError(f"TF_CONFIG lacks {error}. It must be like {_EXAMPLE}") from error
    except TypeError as error:
        raise UsageError(f"TF_CONFIG has another form than {_EXAMPLE}") from error
    if others or kind != "worker":
        raise UsageError(
            f"TF_CONFIG may name workers only, not {', '.join(map(repr, others)) or repr(kind)}. Write {_EXAMPLE}"
        )
    if not isinstance(workers, list) or not workers or not all(isinstance(address, str) for address in workers):
        raise UsageError(f"TF_CONFIG's cluster.worker must be a list of host:port, not {workers!r}.")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(workers):
        raise UsageError(f"TF_CONFIG's task.index must be from 0 to {len(workers) - 1}, not {index!r}.")
    return tuple(workers), index


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"TF_CONFIG: {address!r} is no host:port, such as 192.168.1.20:2222.")
    return host.strip("[]"), int(port)


def await_workers(cluster: Cluster, wait_s: float) -> None:
    """Return when every other worker answers at its address.

    TensorFlow itself would wait for a missing worker without end and without a word. Each worker therefore listens at
    its own address until it has reached all others; then TensorFlow takes the address over.

    Raises:
        UsageError: This worker's own port is taken.
        SiamliteError: A worker did not answer in time.
    """
    deadline = time.monotonic() + wait_s
    missing = [address for index, address in enumerate(cluster.workers) if index != cluster.index]
    with _listen(cluster.workers[cluster.index]):
        _log.info("worker %d of %d: waiting for %s", cluster.index, len(cluster.workers), ", ".join(missing))
        while missing:
            missing = [address for address in missing if not _answers(address)]
            if missing and time.monotonic() > deadline:
                raise SiamliteError(
                    f"{', '.join(missing)} did not answer within {wait_s:g} s. Start the same command on every machine "
                    "that TF_CONFIG names, and let its port through the firewall."
                )
            if missing:
                time.sleep(_RETRY_S)


def _listen(address: str) -> socket.socket:
    port = _host_and_port(address)[1]
    try:
        return socket.create_server(("", port), backlog=128)
    except OSError as error:
        raise UsageError(
            f"port {port} of this worker cannot be used ({error.strerror or error}). End what uses it, or write "
            "another port into TF_CONFIG on every machine."
        ) from error


def _answers(address: str) -> bool:
    try:
        socket.create_connection(_host_and_port(address), timeout=2.0).close()
    except OSError:
        return False
    return True
