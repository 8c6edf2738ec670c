"""A GLB of a head with a rig becomes a VRM 1.0 avatar.

Of the specification (vrm-c/vrm-specification, ``VRMC_vrm-1.0``): a standing person in metres who looks along +z, with
required humanoid bones; expressions as sums of morph targets; eyes that look by their bones; what the model may be used
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import FaceLiftError
from ..arkit import ARKIT_NAMES
from . import faces, glb, humanoid

EXTENSION = "VRMC_vrm"
LICENCE = "https://vrm.dev/licenses/1.0/"
PERMISSIONS = ("onlyAuthor", "onlySeparatelyLicensedPerson", "everyone")
COMMERCIAL = ("personalNonProfit", "personalProfit", "corporation")
MODIFICATION = ("prohibited", "allowModification", "allowModificationRedistribution")
LOOK_SIDE, LOOK_UP, LOOK_DOWN = 35.0, 28.0, 28.0
"""Degrees to which eyes turn, as the rig's own limits have it."""


@dataclass(frozen=True)
class Meta:
    """Whose model it is and what it may be used for; by default as little as the specification has.

    Attributes:
        name: Of the model.
        authors: Who made it, one at least.
        version, copyright, contact: Free text; "" leaves it out.
        third_party: Licences of others that the model is bound to.
        permission: Who may perform with it, of :data:`PERMISSIONS`.
        commercial: Of :data:`COMMERCIAL`.
        modification: Of :data:`MODIFICATION`.
        redistribution: Whether it may be passed on.
        credit: Whether its author must be named.
        violent, sexual, political, hateful: Whether it may be used for such contents.
    """

    name: str
    authors: tuple[str, ...]
    version: str = ""
    copyright: str = ""
    contact: str = ""
    third_party: str = ""
    permission: str = PERMISSIONS[0]
    commercial: str = COMMERCIAL[0]
    modification: str = MODIFICATION[0]
    redistribution: bool = False
    credit: bool = True
    violent: bool = False
    sexual: bool = False
    political: bool = False
    hateful: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as VRM has it.

        Raises:
            FaceLiftError: name or author is missing ("no-author").
        """
        authors = [author.strip() for author in self.authors if author.strip()]
        if not authors or not self.name.strip():
            raise FaceLiftError(
                "A VRM avatar must say its name and its author.",
                "Fill in Name and Author, then export again.",
                code="no-author",
            )
        texts = {
            "version": self.version,
            "copyrightInformation": self.copyright,
            "contactInformation": self.contact,
            "thirdPartyLicenses": self.third_party,
        }
        return {
            "name": self.name.strip(),
            "authors": authors,
            **{key: text.strip() for key, text in texts.items() if text.strip()},
            "licenseUrl": LICENCE,
            "avatarPermission": self.permission,
            "commercialUsage": self.commercial,
            "modification": self.modification,
            "allowRedistribution": self.redistribution,
            "creditNotation": "required" if self.credit else "unnecessary",
            "allowExcessivelyViolentUsage": self.violent,
            "allowExcessivelySexualUsage": self.sexual,
            "allowPoliticalOrReligiousUsage": self.political,
            "allowAntisocialOrHateUsage": self.hateful,
        }


def to_vrm(data: bytes, meta: Meta, unit: float = 1.0) -> bytes:
    """Return the VRM file of a GLB.

    Args:
        data: A GLB with a rig's bones (:data:`humanoid.RIG`) and meshes with ARKit's morph targets, in metres,
            standing: x to the person's left, y up, z forward, the eyes at :data:`humanoid.EYE_HEIGHT` times ``unit``.
        meta: What it says of itself.
        unit: Metres in the file for each metre of the head model: how large the person is.

    Raises:
        FaceLiftError: name or author is missing ("no-author"), or bones of the rig are ("no-bones").
    """
    document, binary = glb.split(data)
    try:
        bones = {name: glb.node_named(document, bone) for name, bone in humanoid.RIG.items()}
    except KeyError as error:
        raise FaceLiftError(
            f"The rig has no bone {error.args[0]!r}.", "Press Add Rig again, then export.", code="no-bones"
        ) from error
    extension = {"specVersion": "1.0", "meta": meta.to_json()}
    bones |= _add_body(document, bones["upperChest"], unit)
    extension["humanoid"] = {"humanBones": {name: {"node": node} for name, node in bones.items()}}
    extension["lookAt"] = _look_at(document, bones)
    extension["expressions"] = _expressions(document)
    document.setdefault("extensions", {})[EXTENSION] = extension
    document["extensionsUsed"] = sorted({*document.get("extensionsUsed", ()), EXTENSION})
    document.pop("animations", None)
    return glb.join(document, binary)


def _add_body(document: dict[str, Any], root: int, unit: float) -> dict[str, int]:
    """Hang the rig's root into a trunk with limbs; return the nodes of the bones that were added."""
    nodes, spaces = document["nodes"], glb.worlds(document)
    above = next((number for number, node in enumerate(nodes) if root in node.get("children", ())), None)
    siblings = document["scenes"][document.get("scene", 0)]["nodes"] if above is None else nodes[above]["children"]
    numbers: dict[str, int] = {}
    # The rig's root takes the place of the upper chest.
    owners = {"": above, "upperChest": root}

    def hang(number: int, owner: int | None, world: np.ndarray) -> None:
        inside = np.eye(4) if owner is None else np.linalg.inv(spaces[owner])
        glb.place(nodes[number], inside @ world)
        (siblings if owner == above else nodes[owner].setdefault("children", [])).append(number)

    for name, (parent, place) in humanoid.added_bones().items():
        numbers[name] = owners[name] = len(nodes)
        nodes.append({"name": name})
        world = np.eye(4)
        world[:3, 3] = place * unit
        spaces[numbers[name]] = world
        hang(numbers[name], owners[parent], world)
    siblings.remove(root)
    hang(root, numbers["chest"], spaces[root])
    return numbers


def _look_at(document: dict[str, Any], bones: dict[str, int]) -> dict[str, Any]:
    """Return how the eyes look: by their bones, from between them."""
    spaces = glb.worlds(document)
    middle = (spaces[bones["leftEye"]] + spaces[bones["rightEye"]])[:, 3] / 2

    def range_map(degrees: float) -> dict[str, float]:
        return {"inputMaxValue": degrees, "outputScale": degrees}

    return {
        "type": "bone",
        "offsetFromHeadBone": (np.linalg.inv(spaces[bones["head"]]) @ middle)[:3].tolist(),
        "rangeMapHorizontalInner": range_map(LOOK_SIDE),
        "rangeMapHorizontalOuter": range_map(LOOK_SIDE),
        "rangeMapVerticalUp": range_map(LOOK_UP),
        "rangeMapVerticalDown": range_map(LOOK_DOWN),
    }


def _expressions(document: dict[str, Any]) -> dict[str, Any]:
    """Return VRM's presets, and ARKit's names for face tracking, by the morph targets of all meshes."""
    targets = [
        (node, list(document["meshes"][item["mesh"]].get("extras", {}).get("targetNames", ())))
        for node, item in enumerate(document["nodes"])
        if "mesh" in item
    ]
    presets = {
        preset: {**_binds(targets, faces.strengths(preset)), **faces.OVERRIDES.get(preset, {})}
        for preset in faces.EXPRESSIONS
    }
    known = [name for name in ARKIT_NAMES if any(name in names for _, names in targets)]
    return {"preset": presets, "custom": {name: _binds(targets, {name: 1.0}) for name in known}}


def _binds(targets: Sequence[tuple[int, list[str]]], strengths: dict[str, float]) -> dict[str, Any]:
    binds = [
        {"node": node, "index": names.index(name), "weight": weight}
        for node, names in targets
        for name, weight in strengths.items()
        if name in names
    ]
    return {"morphTargetBinds": binds, "isBinary": False} if binds else {"isBinary": False}
