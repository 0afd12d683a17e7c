"""The whole comparison: environments, files, alternating frames, cold starts; one result."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.demo.att import extract_att
from benchmarks.peers.device import describe_device
from benchmarks.peers.driver import Look, Ready, Worker, take_turns
from benchmarks.peers.environments import environment_bytes, make_environment
from benchmarks.peers.figures import accuracy, latency
from benchmarks.peers.frames import PICTURE_PX, People, frames_bgr, read_people
from benchmarks.peers.own_file import parse_file
from benchmarks.peers.page import section
from benchmarks.peers.protocol import SIAMLITE, Peer, known_peers
from benchmarks.peers.weights import find_weights, parse_weights, size_bytes
from edge_runtime.commands.console import EXIT_OK, emit, say
from edge_runtime.errors import UsageError
from edge_runtime.files import read_json, write_json
from edge_runtime.home import cache_folder
from edge_runtime.machine.device import OtherWork

_WARM_UP = 3


def main(arguments: argparse.Namespace) -> int:
    """Compare the peers that the options name."""
    peers, given = _chosen(arguments)
    sets = _sets(arguments)
    ready, absent = _prepare(peers, given, arguments)
    if len(ready) < 2:
        raise UsageError(f"siamlite has no peer left to be compared with: {absent[0]['command']}" if absent else _FEW)
    result = _begun(arguments, ready) if arguments.add else _head(ready, absent)
    try:
        for people in sets:
            measured = measure_set(ready, people)
            measured |= {"command": _command(arguments), "date": time.strftime("%Y-%m-%d")}
            others = [held for held in result["sets"] if held["label"] != people.label]
            result["sets"] = [*others, measured]
            write_json(arguments.out, result)
        if not arguments.add:
            result["cold_starts"] = cold_starts(ready, sets[0], runs=arguments.cold_starts)
    except KeyboardInterrupt:
        say(f"interrupted; what was whole is in {arguments.out}" if result["sets"] else "interrupted")
        return 130
    write_json(arguments.out, result)
    emit(result) if arguments.json else print(section(result))
    say(f"wrote {arguments.out}. Next: python -m benchmarks.peers --page")
    return EXIT_OK


_FEW = "two peers are needed at least: leave --peers out, or name one beside siamlite."


def _chosen(arguments: argparse.Namespace) -> tuple[list[Peer], dict[str, Path]]:
    known = known_peers()
    unknown = sorted(set(arguments.peers or ()) - set(known))
    if unknown:
        raise UsageError(f"unknown peer {unknown[0]!r}; known are {', '.join(known)}. For a file: --file NAME=PATH.")
    own = [parse_file(text) for text in arguments.file]
    peers = [peer for name, peer in known.items() if not arguments.peers or name in {SIAMLITE, *arguments.peers}]
    peers += [peer for peer, _ in own]
    if len({peer.name for peer in peers}) < len(peers):
        raise UsageError("--file needs names that no other peer has.")
    given = parse_weights(arguments.weights, {name for peer in peers for name in peer.weights})
    return peers, {**given, **{path.name: path for _, path in own}}


def _sets(arguments: argparse.Namespace) -> list[People]:
    if arguments.add and arguments.people is None:
        raise UsageError("--add needs --people DIR: whom to add to the result.")
    sets = []
    if not arguments.add:
        att = extract_att(cache_folder() / "att", wheel=arguments.files)
        sets.append(read_people(att, label="AT&T faces", most=arguments.limit))
    if arguments.people is not None:
        label = arguments.label or arguments.people.name
        sets.append(read_people(arguments.people, label=label, each=arguments.each, most=arguments.limit))
    return sets


def _prepare(
    peers: Sequence[Peer], given: Mapping[str, Path], arguments: argparse.Namespace
) -> tuple[list[Ready], list[dict[str, str]]]:
    ready, absent = [], []
    folder = arguments.environments or cache_folder() / "peers"
    for peer in peers:
        weights, missing = find_weights(peer.weights, given=given, files=arguments.files)
        if missing:
            options = " ".join(f"--weights {name}=PATH" for name in missing)
            command = f"python -m benchmarks.peers --peers {peer.name} {options}"
            absent.append({"name": peer.name, "title": peer.title, "licence": peer.licence, "command": command})
            continue
        say(f"{peer.name}: environment of {', '.join(peer.requirements)}")
        python = make_environment(folder, peer.requirements, links=arguments.files)
        ready.append(Ready(peer=peer, python=python, weights=weights))
    return ready, absent


def _begun(arguments: argparse.Namespace, ready: Sequence[Ready]) -> dict[str, Any]:
    """The result that is there, which must be of the same peers."""
    result = read_json(arguments.out, what="the result to add to")
    here, there = {one.peer.name for one in ready}, {about["name"] for about in result.get("peers", [])}
    if here != there:
        raise UsageError(f"{arguments.out} is of {', '.join(sorted(there))}; --add needs the same --peers and files.")
    return result


def _head(ready: Sequence[Ready], absent: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "schema": 1,
        "device": describe_device(),
        "frame": {"width": 640, "height": 480, "picture_px": PICTURE_PX, "threads": 1},
        "peers": [_about(one) for one in ready],
        "absent": absent,
        "sets": [],
        "cold_starts": {},
    }


def _command(arguments: argparse.Namespace) -> str:
    """The command with the options that change what is measured; the user's folders are not named."""
    words = ["python -m benchmarks.peers"]
    words += ["--peers", *arguments.peers] if arguments.peers else []
    words += ["--file " + text.partition("=")[0] + "=PATH" for text in arguments.file]
    words += ["--people DIR"] if arguments.people is not None else []
    words += [f"--each {arguments.each}"] if arguments.each else []
    words += ["--add"] if arguments.add else []
    return " ".join([*words, *([f"--limit {arguments.limit}"] if arguments.limit else [])])


def _about(one: Ready) -> dict[str, Any]:
    peer = one.peer
    return {
        "name": peer.name,
        "title": peer.title,
        "parts": peer.parts,
        "licence": peer.licence,
        "metric": peer.metric,
        # A path in a requirement is this machine's.
        "requirements": [text.partition(" @ ")[0] for text in peer.requirements],
        "environment_bytes": environment_bytes(one.python),
        "weights_bytes": size_bytes(one.weights),
    }


def measure_set(ready: Sequence[Ready], people: People) -> dict[str, Any]:
    """Every picture of a set through every peer, in turns.

    Args:
        ready: The peers, siamlite first: the ratios are to it.
        people: The pictures.

    Raises:
        SiamliteError: A peer failed.
        DataError: A peer found too few faces.
    """
    other = OtherWork()
    looks: list[list[Look]] = []
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(one)) for one in ready]
        for worker in workers:
            worker.wait_ready()
        first = next(frames_bgr(people))
        for worker in workers * _WARM_UP:
            worker.look(first)
        turns = take_turns(workers, frames_bgr(people))
        looks += tqdm(turns, total=len(people.paths), desc=people.label, unit="frame", disable=None)
        costs = [worker.cost() for worker in workers]
    rows = []
    for at, one in enumerate(ready):
        seen = [turn[at] for turn in looks]
        rows.append(
            {"name": one.peer.name, **_row(seen, people.whose, one.peer), "peak_bytes": costs[at]["peak_bytes"]}
        )
    for row, siamlite in ((row, rows[0]) for row in rows):
        row["ratio"] = {
            clock: round(row["latency"][clock]["total"]["median"] / siamlite["latency"][clock]["total"]["median"], 2)
            for clock in ("wall_ms", "cpu_ms")
        }
    return {
        "label": people.label,
        "people": people.count,
        "pictures": len(people.paths),
        "most_each": people.each,
        "busy_cores_of_others": other.busy_cores(),
        "peers": rows,
        "versions": {one.peer.name: cost["versions"] for one, cost in zip(ready, costs, strict=True)},
    }


def _row(seen: Sequence[Look], whose: npt.NDArray[np.int64], peer: Peer) -> dict[str, Any]:
    found = [look for look in seen if look.vector is not None]
    return {
        "accuracy": accuracy([look.vector for look in seen], whose, metric=peer.metric),
        "latency": latency([look.wall_ms for look in found], [look.cpu_ms for look in found]),
    }


def cold_starts(ready: Sequence[Ready], people: People, *, runs: int) -> dict[str, Any]:
    """From the start of each process to its first vector, in turns; medians.

    Args:
        ready: The peers.
        people: The first picture is shown.
        runs: How often each is started; 0 for not at all.

    Raises:
        SiamliteError: A peer failed.
    """
    frame = next(frames_bgr(people))
    held: dict[str, list[tuple[float, float, int]]] = {one.peer.name: [] for one in ready}
    for one in tqdm([*ready] * runs, desc="cold starts", unit="start", disable=None):
        with Worker(one) as worker:
            worker.wait_ready()
            look = worker.look(frame)
            held[one.peer.name].append((time.monotonic() - worker.started_s, look.cpu_s, look.peak_bytes or 0))
    return {
        name: dict(zip(("wall_s", "cpu_s", "peak_bytes"), np.round(np.median(rows, axis=0), 3).tolist(), strict=True))
        for name, rows in held.items()
        if rows
    }
