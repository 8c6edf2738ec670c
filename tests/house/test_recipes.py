"""What goes into a head and what was done to make it: both travel as JSON, and what earlier versions wrote is read."""

import dataclasses
import json

import pytest

from core.engines import registry
from core.engines.capture import FURTHER, Capture, PhotoFile, Shot, as_capture
from core.engines.description import Takes
from core.engines.recipe import Recipe, UsedPhoto, used
from core.engines.shot_options import ShotOptions
from core.errors import FaceLiftError, PhotoError, SettingsError
from core.photo.decode import decode, from_array
from core.photo.edits import Crop, PhotoEdits
from core.photo.hand_placement import HandPlacement, KeptPin
from core.photo.lens import Lens
from core.processes.codec import ProtocolError
from core.worker.packing import pack_capture, unpack_capture
from tests.helpers.photo import astronaut
from tests.helpers.worker import photo_bytes

DIGEST = "00" * 32
PLACED = HandPlacement(
    Crop(0.5, 0.4, 0.3),
    2.0,
    (0.5, 0.6),
    (1.0, 0.0, 0.0, 0.1, 0.0, 0.0, 1.0, -0.9, 0.0, -1.0, 0.0, 0.2),
    (KeptPin((1, 2, 3), (0.25, 0.25, 0.5), (0.3, 0.4)),),
    True,
)
SEVERAL = Capture(
    (
        Shot(PhotoFile("front.png", b"front"), ShotOptions(lens="mm", lens_mm=85.0), PhotoEdits(Crop(0.5, 0.4, 0.3))),
        Shot(PhotoFile("left ☃.png", b"left"), ShotOptions(face=1), PhotoEdits(matte=b"painted"), "further", PLACED),
    )
)
"""Two photos of a person, each taken in its own way."""


def as_json(value):
    return json.loads(json.dumps(value))


def test_captures_travel_to_the_worker_whole():
    params, attachments = pack_capture(SEVERAL)
    assert unpack_capture(as_json(params), attachments) == SEVERAL


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"photo_name": None, "options": []}, ProtocolError),
        ({"options": {"colour": "red"}}, SettingsError),
        ({"options": {"face": 1.5}}, SettingsError),
        ({"role": "back"}, SettingsError),
        ({"role": "further"}, SettingsError),
        ({"crop": [1, 2]}, PhotoError),
        ({"placement": {"focal": 2}}, PhotoError),
    ],
)
def test_captures_that_are_none_are_refused(change, error):
    params, attachments = pack_capture(Capture.of(PhotoFile("a.png", b"a")))
    params["shots"][0] |= change
    with pytest.raises(error):
        unpack_capture(params, attachments)


def test_a_photo_alone_is_a_capture_of_one_shot():
    photo = from_array(astronaut())
    assert as_capture(photo) == Capture((Shot(photo),))
    assert as_capture(as_capture(photo)) == as_capture(photo)
    with pytest.raises(SettingsError):
        Capture(())


@pytest.mark.parametrize("engine_id", registry.ENGINES)
def test_engines_say_how_many_photos_they_take(engine_id):
    engine = registry.create_engine(engine_id)
    most = engine.description.takes.shots
    photo = from_array(astronaut())
    several = Capture((Shot(photo), *[Shot(photo, role=FURTHER)] * most))
    with pytest.raises(SettingsError, match=f"{most + 1} photos"):
        engine.prepare(several, {}, None)
    Takes(shots=most + 1).check(several)


def test_recipes_travel_as_json_and_keep_every_photo_s_identity():
    photos = SEVERAL.with_photos(decode(photo_bytes(), file.name) for file in SEVERAL.photos)
    recipe = Recipe("draft", "9", {"seed": 3}, used(photos, [Lens(20.0, "chosen")]), "CC0", {"unet": "x"})
    assert Recipe.from_dict(as_json(recipe.to_dict())) == recipe
    assert recipe.digests == tuple(shot.photo.sha256 for shot in photos.shots) and recipe.seed == 3
    assert [shot.options for shot in recipe.capture.shots] == [shot.options for shot in SEVERAL.shots]
    assert recipe.portrait.edits.crop == SEVERAL.portrait.edits.crop
    assert recipe.portrait.photo.lens == Lens(20.0, "chosen")
    assert recipe.capture.shots[1].placement == PLACED
    further = recipe.capture.shots[1].photo
    assert len(further.matte_sha256) == 64 and further.lens is None


OLD_DRAFT = {
    "engine": "draft",
    "version": "0.1.0",
    "settings": {
        "body": "neck", "quality": "low", "face": 1, "lens": "mm", "lens_degrees": 27.0, "lens_mm": 85.0, "seed": 7,
        "straighten": True, "aligned": False,
    },
    "lens": {"degrees": 11.2, "source": "chosen"},
    "seed": 7,
    "photo": "ada.jpg",
    "sha256": DIGEST,
    "crop": [0.5, 0.4, 0.3],
    "matte_sha256": "11",
}  # fmt: skip
OLD_FACELIFT = {
    "engine": "facelift",
    "version": "0.1.0",
    "settings": {"seed": 11, "steps": 30, "preset": "fast", "auto_crop": False, "face": 0},
    "seed": 11,
    "photo": "ada.jpg",
    "sha256": DIGEST,
    "models": {"unet": "x"},
}


def test_a_recipe_of_the_draft_engine_of_an_earlier_version_is_read():
    recipe = Recipe.from_dict(as_json(OLD_DRAFT))
    assert recipe.settings == {"body": "neck", "quality": "low", "seed": 7, "straighten": True} and recipe.seed == 7
    shot = recipe.portrait
    assert shot.photo == UsedPhoto("ada.jpg", DIGEST, "11", Lens(11.2, "chosen"))
    assert shot.options == ShotOptions(face=1, lens="mm", lens_mm=85.0)
    assert shot.edits.crop == Crop(0.5, 0.4, 0.3)
    registry.describe("draft").read(recipe.settings)


@pytest.mark.parametrize("spelling", ["sha256", "photo_sha256"])
def test_both_spellings_of_the_photo_s_hash_are_read(spelling):
    facts = {name: value for name, value in OLD_FACELIFT.items() if name != "sha256"} | {spelling: DIGEST}
    assert Recipe.from_dict(facts).digests == (DIGEST,)


@pytest.mark.parametrize(("auto_crop", "face", "options"), [
    (False, 0, ShotOptions(aligned=True)),
    (True, 0, ShotOptions()),
    (True, 2, ShotOptions(face=2)),
])  # fmt: skip
def test_the_facelift_engine_s_own_words_become_the_shared_ones(auto_crop, face, options):
    facts = OLD_FACELIFT | {"settings": OLD_FACELIFT["settings"] | {"auto_crop": auto_crop, "face": face}}
    recipe = Recipe.from_dict(facts)
    assert recipe.portrait.options == options
    assert recipe.settings == {"seed": 11, "steps": 30, "preset": "fast"} and recipe.models == {"unet": "x"}
    registry.describe("facelift").read(recipe.settings)


@pytest.mark.parametrize("facts", [{}, {"engine": "draft", "shots": []}, {"engine": 1, "shots": 2}, {"shots": [{}]}])
def test_a_recipe_that_can_not_be_read_says_so(facts):
    with pytest.raises(FaceLiftError) as caught:
        Recipe.from_dict(facts)
    assert caught.value.code == "bad-recipe" and caught.value.advice


def test_engines_mean_the_same_by_the_same_name(monkeypatch):
    settings = registry.settings_by_name()
    assert {"seed", "quality", "steps"} <= set(settings)
    draft, facelift = map(registry.describe, ("draft", "facelift"))
    for other in ({"seed": dataclasses.replace(settings["seed"], high=7)}, {"face": settings["seed"]}):
        name, setting = next(iter(other.items()))
        settings_of = {draft.id: draft.settings, facelift.id: (dataclasses.replace(setting, name=name),)}
        monkeypatch.setattr(type(draft), "settings", property(lambda self, told=settings_of: told[self.id]))
        with pytest.raises(TypeError, match=name):
            registry.settings_by_name()
        monkeypatch.undo()
