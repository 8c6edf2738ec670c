"""Who is doubted: each portrait with each further photo, of the same person and of others, and whose hair is told.

People lie beside the checkout (``shared``): the scan, the two sample heads, and portraits of which there is one photo.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from core.cameras import front_camera
from core.engines.capture import Shot
from core.engines.shot_options import ShotOptions
from core.head.fitting import fit_head
from core.photo.decode import decode
from core.photo.prepare import prepare_photo
from core.photo.sides import AUTO, BACK, HELP
from core.placing import PlacedShot, place_shots
from core.progress import Reporter
from tests.bench.report import Measurement, print_table

SHARED = Path(__file__).resolve().parents[3] / "shared"
SCAN, SIX, VIEWS = SHARED / "truth-heads" / "scan", SHARED / "sample-head" / "six", SHARED / "sample-head" / "views"
PEOPLE = {
    SCAN / "photo_35.png": [SCAN / f"shot_{side}.png" for side in ("045", "090", "180", "270", "315")],
    SIX / "cam_000.png": [SIX / f"cam_00{number}.png" for number in range(1, 6)],
    VIEWS / "cam_025.png": [VIEWS / f"cam_0{number}.png" for number in ("00", "18", "21", "23", "28", "30")],
    **{path: [] for path in sorted((SHARED / "portraits").glob("*.png"))},
}
"""Each person's portrait, and further photos."""
FROM_BEHIND = (SCAN / "shot_180.png", SIX / "cam_003.png")
"""Of which the side is said."""


def main() -> None:
    """Measure and print."""
    tried, doubted, hair = Counter[str](), Counter[str](), Counter[str]()
    for portrait, own in PEOPLE.items():
        others = [path for photos in PEOPLE.values() for path in photos]
        for path, shot in zip(others, _placed(portrait, others), strict=True):
            kind = f"{shot.side}, {'the same person' if path in own else 'another'}"
            tried[kind] += 1
            doubted[kind] += shot.state == HELP and "another person" in shot.message
            hair[kind] += shot.other_hair
    rows = []
    for kind in sorted(tried):
        aim = "0" if "same" in kind else ""
        rows += [
            Measurement(f"{kind}: doubted, of {tried[kind]}", doubted[kind], "photos", aim),
            Measurement(f"{kind}: told to have other hair, of {tried[kind]}", hair[kind], "photos", aim),
        ]
    print_table("Who is doubted", rows)


def _placed(portrait: Path, others: list[Path]) -> list[PlacedShot]:
    """Return what becomes of each photo alone beside a portrait."""
    first = Shot(decode(portrait.read_bytes(), portrait.name), ShotOptions())
    prepared = prepare_photo(first.photo, None, Reporter())
    camera = front_camera(fov=first.lens(prepared.alignment).degrees)
    fit = fit_head(prepared.landmarks.points, camera, prepared.alpha > 0.5)
    result = []
    for path in others:
        side = BACK if path in FROM_BEHIND else AUTO
        shot = Shot(decode(path.read_bytes(), path.name), ShotOptions(side=side))
        result += place_shots(prepared, fit, camera, [shot], Reporter())[0]
    return result


if __name__ == "__main__":
    main()
