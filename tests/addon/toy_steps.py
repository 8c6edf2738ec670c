"""A Blender whose extension has one engine more: ``python -m tests.addon.toy_steps RESOURCES TREE PHOTO FURTHER``.

Builds and installs the extension of a tree, makes a head with its toy engine as a user does, another one of two
photos, and prints as JSON what the panel draws and what comes of it. Blender reads the folder of its user once, so
this is a process of its own.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from tests.helpers.drawn import Layout
from tests.helpers.headless import PACKAGE, install_extension, use_resources
from tests.helpers.patience import PATIENCE
from tests.tools.building import packages

CHOSEN = {"count": 77, "roundness": 0.5, "paint": "gray", "solid": False, "seed": 5}
"""What the user sets."""


def module(name: str):
    """Return a module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def settle() -> None:
    """Tick until nothing is going on."""
    session, deadline = module("facelift_addon.making.session").session, time.monotonic() + PATIENCE
    while session.busy:
        session.tick()
        assert time.monotonic() < deadline, "the extension hangs"
        time.sleep(0.01)


def drawn() -> list:
    """Return what the panel draws: the kind of each thing, its name and its text."""
    import bpy

    noted: list = []
    panel = bpy.types.FACELIFT_PT_main
    panel.draw(SimpleNamespace(layout=Layout(noted)), bpy.context)
    return noted


def head_of_two_shots(photo: Path, further: Path) -> dict:
    """Make a head of two photos, then the same again from what the head remembers; return what is found on it."""
    import bpy

    capture, orders = module("core.engines.capture"), module("facelift_addon.making.orders")
    source, session = module("facelift_addon.photo.photos").PhotoSource, module("facelift_addon.making.session").session
    recipes = module("facelift_addon.splats.data.recipes")
    shots = (
        capture.Shot(source.from_file(str(photo))),
        capture.Shot(source.from_file(str(further)), role=capture.FURTHER),
    )
    order = orders.order_for(bpy.context, shots[0].photo)
    order = replace(order, capture=capture.Capture(shots), settings=order.settings | {"paint": "photo", "seed": 9})
    session.generate(order)
    settle()
    head = bpy.context.view_layer.objects.active
    color = module("facelift_addon.splats.data.baking").stored(head).colors[0].tolist()
    again = orders.order_as_made(bpy.context, head, shots[0].photo)
    return {
        "photos": [shot.photo.name for shot in recipes.of(head).capture.shots],
        "roles": [shot.role for shot in recipes.of(head).capture.shots],
        "color": color,
        "again": again.capture == order.capture and again.settings == recipes.of(head).settings,
        "errors": [str(task.error) for task in session.tasks if task.error is not None],
    }


def main() -> None:
    """Do it."""
    resources, tree, photo, further = map(Path, sys.argv[1:])
    use_resources(resources)
    import bpy

    packages.ROOT = tree
    install_extension(packages.build_zip(resources / "facelift.zip"))
    choices = bpy.context.scene.facelift
    engines = choices.bl_rna.properties["engine"].enum_items
    bpy.ops.facelift.choose_photo(filepath=str(photo))
    choices.engine = "toy"
    before = drawn()
    bpy.ops.facelift.choose_photo(filepath=str(photo))
    settle()
    for name, value in CHOSEN.items():
        setattr(choices, name, value)
    bpy.ops.facelift.generate()
    settle()
    session = module("facelift_addon.making.session").session
    head = bpy.context.view_layer.objects.active
    recipe = module("facelift_addon.splats.data.recipes").of(head) if head is not None else None
    properties = {name: choices.bl_rna.properties.get(name) for name in (*CHOSEN, "half")}
    found = {
        "engines": {item.identifier: (item.name, item.description) for item in engines},
        "properties": {
            name: None if each is None else (each.type, each.name, each.description)
            for name, each in properties.items()
        },
        "paint": [(item.identifier, item.name, item.description) for item in properties["paint"].enum_items],
        "roundness": [getattr(properties["roundness"], name) for name in ("default", "hard_min", "hard_max")],
        "drawn": [entry[1] for entry in before if entry[0] == "prop"],
        "errors": [str(task.error) for task in (*session.tasks, *session.photos) if task.error is not None],
        "recipe": None if recipe is None else recipe.to_dict(),
        "splats": None if head is None else len(head.data.points),
    }
    found["two shots"] = head_of_two_shots(photo, further)
    module("facelift_addon.making.connection").close()
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
