"""``python -m core capture``: a face's movement from a clip, as a table of ARKit's expressions."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from ..avatar.recording import Recording, calibrated, in_mirror, save_recording
from ..errors import FaceLiftError
from ..performance.capturing import capture
from ..performance.people import chosen, people_in
from ..performance.types import Capture, CaptureOptions, PersonInClip
from ..photo.types import FaceBox
from ..progress import Progress, Reporter
from ..system.console import Console
from ..video.clip import open_clip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "capture",
        help="capture a face from a video",
        description="Capture expressions, gaze and turns of the head from a video, or from a folder of numbered "
        "pictures, as the table that Live Link Face writes. Ctrl-C ends the capture and keeps what was done.",
    )
    parser.set_defaults(command=_capture)
    parser.add_argument("clip", type=Path, metavar="VIDEO_OR_FOLDER")
    parser.add_argument("-o", "--out", type=Path, help="table to write, such as take.csv")
    parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="where to begin in the clip")
    parser.add_argument("--end", type=float, default=float("inf"), metavar="SECONDS", help="where to end")
    parser.add_argument(
        "--person", type=int, default=None, metavar="N", help="whom to follow, by the number that --people tells"
    )
    parser.add_argument("--people", action="store_true", help="tell who is in the clip, and capture nothing")
    parser.add_argument(
        "--lens", type=float, default=0.0, metavar="DEGREES", help="horizontal angle of view; found where not given"
    )
    parser.add_argument(
        "--steadiness", type=float, default=0.5, metavar="0..1", help="how much trembling to take away (0.5)"
    )
    parser.add_argument(
        "--neutral",
        type=float,
        default=-1.0,
        metavar="SECONDS",
        help="where the face is at rest and looks straight ahead",
    )
    parser.add_argument("--mirror", action="store_true", help="as in a mirror")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def _capture(options: argparse.Namespace, console: Console) -> int:
    label = options.clip.name
    stopped = threading.Event()

    def told(progress: Progress) -> None:
        console.progress(label, progress)

    reporter = Reporter(told, cancel=stopped)
    if options.people:
        with open_clip(options.clip) as clip:
            _tell_people(people_in(clip, reporter, start=options.start, end=options.end), options.json)
        return 0
    if options.out is None:
        raise FaceLiftError("Where to write is not said.", "Add -o take.csv.")
    _check_folder(options.out)
    whom = person_of(options.clip, options.person, options.start, options.end, reporter)
    steadiness = min(max(options.steadiness, 0.0), 1.0)
    asked = CaptureOptions(options.start, options.end, whom, options.lens, steadiness, options.neutral)
    captured = _stoppable(stopped, lambda: capture(options.clip, None, asked, reporter))
    save_recording(_shaped(captured, options), options.out)
    _tell(captured, label, options, console)
    return 0


def person_of(path: Path, number: int | None, start: float, end: float, reporter: Reporter) -> FaceBox | None:
    """Return the face of a person in a part of a clip, by the number that ``--people`` tells.

    None, which follows the largest, stands for no number and for somebody who is alone.

    Raises:
        ClipError: the clip can't be read, or there are not so many.
    """
    if number is None:
        return None
    with open_clip(path) as clip:
        people = people_in(clip, reporter, start=start, end=end)
        face = chosen(people, number, path).box
        # Who is alone may be anywhere in the picture after each loss.
        return None if len(people) == 1 else face


def _shaped(captured: Capture, options: argparse.Namespace) -> Recording:
    recording = captured.recording
    if options.neutral >= 0:
        # Recordings begin with the first face.
        recording = calibrated(recording, options.neutral - float(captured.frames[0]) / captured.frame_rate)
    return in_mirror(recording) if options.mirror else recording


def _check_folder(path: Path) -> None:
    """See to it before the work that what comes of it can be written."""
    if path.is_dir() or not path.parent.is_dir():
        reason = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise FaceLiftError(f"{path} can't be written: {reason}.", "Choose another file with -o.", code="no-folder")


def _stoppable(stopped: threading.Event, work: Callable[[], Capture]) -> Capture:
    """Do work that Ctrl-C ends early instead of losing it."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        return work()
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(captured: Capture, label: str, options: argparse.Namespace, console: Console) -> None:
    for note in captured.notes:
        console.message(f"{label}: {note}")
    moments, seconds = len(captured.frames), captured.recording.seconds
    console.message(f"{label}: {moments:,} moments, {seconds:.1f} s, lens {captured.lens_degrees:.0f} degrees")
    if options.json:
        facts = {"moments": moments, "seconds": seconds, "complete": captured.is_complete, "notes": captured.notes}
        print(json.dumps({"file": str(options.out), "lens_degrees": captured.lens_degrees, **facts}))
    else:
        print(options.out)


def _tell_people(people: tuple[PersonInClip, ...], as_json: bool) -> None:
    rows = [
        {
            "person": number + 1,
            "from": round(person.time, 2),
            "share": round(person.share, 2),
            "box": [round(side) for side in (person.box.x0, person.box.y0, person.box.x1, person.box.y1)],
        }
        for number, person in enumerate(people)
    ]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['person']}: from {row['from']} s, in {row['share']:.0%} of the clip, at {row['box']}")
