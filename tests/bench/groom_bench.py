"""Hair as curves against the photo: colour, directions, outline, bald spots, hair over the face. With pictures to see.

The product's own way: a draft head, its base mesh, *Hair to Curves*, rendered by Cycles through the photo's camera in
an even white world. ``python -m tests.bench.groom_bench [NAME...]`` measures subjects whose names contain a word;
``build/bench/groom/`` gets a sheet of each: photo, splats, curves from the front, 45, 90 and 180 degrees.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from core.cameras import front_camera
from core.colors import rgb_to_lab, to_encoded, to_linear
from core.engines.draft.engine import DraftEngine, fit_portrait
from core.engines.draft.segmentation import segment
from core.hair.directions import gradient_tensor, strand_directions
from core.progress import Reporter
from core.splats.parts import Part
from tests.bench.draft_subjects import ROOT, Subject, subjects
from tests.bench.groom_scene import GroomedHead, encoded
from tests.bench.report import Measurement, print_table
from tests.helpers import addon as addon_helpers
from tests.helpers.draft import PreparedEngine

SHEETS = ROOT / "build" / "bench" / "groom"
SIZE, SAMPLES = 512, 24
SHEET_SIZE, SHEET_SAMPLES, SIDES = 256, 12, (45, 90, 180)
EDGE = 3
"""Pixels at the border of regions that are mixed of both sides."""
COVERED = 0.5
"""Share of a pixel from which it shows hair."""
CLEAR = 0.4
"""Coherence from which a photo's strands have a direction."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Of an aligned photo [512, 512].

    Attributes:
        rgb: [512, 512, 3], 0..1, free of the background.
        hair: Scalp hair.
        face: Bare skin of the face, eyes and mouth, away from the hair.
    """

    rgb: np.ndarray
    hair: np.ndarray
    face: np.ndarray


def main() -> None:
    """Measure and print."""
    SHEETS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        for subject in subjects(sys.argv[1:]):
            _measure(extension, subject)


def _measure(extension: addon_helpers.Extension, subject: Subject) -> None:
    """Measure one head; one without hair is told as such."""
    prepared = DraftEngine().prepare(subject.capture, subject.settings, Reporter())
    result = PreparedEngine(prepared).generate(subject.capture, subject.settings, Reporter())
    lens = subject.capture.portrait.lens(prepared.alignment)
    portrait = fit_portrait(prepared, front_camera(fov=lens.degrees))
    parts = segment(portrait).parts
    hair = parts == Part.HAIR
    bare = np.isin(parts, (Part.SKIN, Part.EYES, Part.MOUTH)) & portrait.face_oval
    regions = Regions(portrait.rgb, hair, bare & ~ndimage.binary_dilation(hair, iterations=EDGE))
    try:
        head = GroomedHead(extension, result, subject.name)
    except RuntimeError as error:
        print(f"\nHair as curves, {subject.name}: {error}")
        return
    camera = head.photo_camera()
    front, shares = head.picture(camera, SIZE, SAMPLES), head.shares(camera, SIZE)
    behind = head.camera_around(180)
    print_table(f"Hair as curves, {subject.name}", _figures(head, regions, front, shares, head.shares(behind, SIZE)))
    sides = [head.picture(head.camera_around(side), SHEET_SIZE, SHEET_SAMPLES) for side in SIDES]
    photo = regions.rgb * portrait.alpha[..., None] + 1 - portrait.alpha[..., None]
    pictures = [photo, head.splats(SIZE), encoded(front), *map(encoded, sides)]
    small = [Image.fromarray(np.uint8(255 * np.clip(each, 0, 1))).resize((SHEET_SIZE,) * 2) for each in pictures]
    Image.fromarray(np.concatenate(small, 1)).save(SHEETS / f"{subject.name.replace(' ', '-')}.png")
    pair = np.concatenate([photo, encoded(front)], 1)
    Image.fromarray(np.uint8(255 * np.clip(pair, 0, 1))).save(SHEETS / f"{subject.name.replace(' ', '-')}-front.png")


def _figures(
    head: GroomedHead, regions: Regions, front: np.ndarray, shares: dict[str, np.ndarray], behind: dict[str, np.ndarray]
) -> list[Measurement]:
    rendered = shares["hair"] > COVERED
    inside = ndimage.binary_erosion(regions.hair, iterations=EDGE) & (front[..., 3] > 0.98)
    photo, curves = to_linear(regions.rgb[inside].astype(np.float64)), front[inside][:, :3].astype(np.float64)
    difference = rgb_to_lab(to_encoded(curves.mean(0))) - rgb_to_lab(to_encoded(photo.mean(0)))
    both = inside & ndimage.binary_erosion(rendered, iterations=EDGE)
    covered = behind["hair"] + behind["scalp"]
    region = (covered > 0.98) & ndimage.binary_erosion(covered > COVERED, iterations=EDGE)
    rows = [
        Measurement("mean colour of the hair, CIE76", float(np.linalg.norm(difference)), "", "<= 6"),
        Measurement("the same, lightness alone", float(difference[0]), ""),
        Measurement("strand directions, median angle", _angle(regions, encoded(front), both), "deg", "<= 20"),
        Measurement("outline of the hair, IoU", _overlap(rendered, regions.hair), "", ">= 0.93"),
        Measurement("hair that the photo has and curves don't", _missing(regions.hair, rendered), "%"),
        Measurement("hair that curves have and the photo doesn't", _missing(rendered, regions.hair), "%"),
        Measurement("scalp seen through hair from behind", 100 * float(behind["scalp"][region].mean()), "%", "<= 2"),
        Measurement("face covered by hair", 100 * float(rendered[regions.face].mean()), "%", "0"),
        Measurement("guides", head.guides, ""),
        Measurement("hairs", head.hairs / 1000, "k"),
        Measurement("Hair to Curves with the fit of the mesh, processor time", head.seconds, "s"),
    ]
    return rows


def _angle(regions: Regions, picture: np.ndarray, where: np.ndarray) -> float:
    """Return the median angle in degrees between the photo's strands and the picture's where the photo's are clear."""
    photo = strand_directions(gradient_tensor(regions.rgb, regions.hair), regions.hair)
    other = strand_directions(gradient_tensor(picture, where), where)
    clear = where & (photo.coherence > CLEAR)
    cosine = np.clip((photo.double * other.double).sum(-1)[clear], -1, 1)
    return float(np.degrees(np.median(np.arccos(cosine))) / 2)


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / max((first | second).sum(), 1))


def _missing(wanted: np.ndarray, there: np.ndarray) -> float:
    return 100 * float((wanted & ~there).sum() / max(wanted.sum(), 1))


if __name__ == "__main__":
    main()
