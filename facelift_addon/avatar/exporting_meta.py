"""What a VRM avatar says of itself, as options of its export."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.avatar.handoff.vrm import Meta
from ..splats.data import recipes
from . import base_objects

NON_COMMERCIAL = "non-commercial"
"""Part of the names of licences that forbid to earn money with what was made under them."""


class VrmMeta:
    """Mix-in of an operator that writes VRM: the fields, what they mean, and how they are drawn."""

    vrm_name: StringProperty(name="Name", description="Name of the avatar; that of the head where it is empty")
    vrm_author: StringProperty(name="Author", description="Who made the avatar. VRM files must say it")
    vrm_version: StringProperty(name="Version", description="Version of the avatar")
    vrm_copyright: StringProperty(name="Copyright", description="Who holds the rights")
    vrm_contact: StringProperty(name="Contact", description="How to reach the author")
    vrm_permission: EnumProperty(
        name="Who May Use It",
        description="Who may perform as this avatar",
        items=(
            ("onlyAuthor", "Only the Author", "Nobody but its author"),
            ("onlySeparatelyLicensedPerson", "Whom the Author Allows", "Those who got a licence from its author"),
            ("everyone", "Everyone", "Anybody"),
        ),
    )
    vrm_commercial: EnumProperty(
        name="Commercial",
        description="Whether money may be earned with it",
        items=(
            ("personalNonProfit", "None", "Persons, without profit"),
            ("personalProfit", "Persons", "Persons, also for profit"),
            ("corporation", "Companies Too", "Persons and companies"),
        ),
    )
    vrm_modification: EnumProperty(
        name="Changes",
        description="Whether it may be changed",
        items=(
            ("prohibited", "Forbidden", "It stays as it is"),
            ("allowModification", "Allowed", "It may be changed for one's own use"),
            ("allowModificationRedistribution", "Allowed and Shared", "It may be changed, and passed on changed"),
        ),
    )
    vrm_redistribution: BoolProperty(name="May Pass It On", description="Others may pass the file on")
    vrm_credit: BoolProperty(name="Name the Author", description="Who uses it names its author", default=True)
    vrm_violent: BoolProperty(name="Violence", description="May be used for excessively violent content")
    vrm_sexual: BoolProperty(name="Sexuality", description="May be used for excessively sexual content")
    vrm_political: BoolProperty(
        name="Politics, Religion", description="May be used for political or religious purposes"
    )
    vrm_hateful: BoolProperty(name="Hate", description="May be used for antisocial content or hate speech")

    def meta(self, mesh: bpy.types.Object) -> Meta:
        """Return the fields; a head of an engine under a non-commercial licence says so, and is not let out of it."""
        head = base_objects.head_of(mesh)
        recipe = recipes.of(head) if head is not None else None
        licence = recipe.licence if recipe is not None else ""
        return Meta(
            name=self.vrm_name or (head or mesh).name,
            authors=(self.vrm_author,),
            version=self.vrm_version,
            copyright=self.vrm_copyright,
            contact=self.vrm_contact,
            third_party=licence,
            permission=self.vrm_permission,
            commercial="personalNonProfit" if NON_COMMERCIAL in licence else self.vrm_commercial,
            modification=self.vrm_modification,
            redistribution=self.vrm_redistribution,
            credit=self.vrm_credit,
            violent=self.vrm_violent,
            sexual=self.vrm_sexual,
            political=self.vrm_political,
            hateful=self.vrm_hateful,
        )

    def draw_meta(self, layout: bpy.types.UILayout) -> None:
        """Draw the fields."""
        column = layout.column()
        column.prop(self, "vrm_name")
        row = column.row()
        row.alert = not self.vrm_author.strip()
        row.prop(self, "vrm_author")
        for name in ("vrm_version", "vrm_copyright", "vrm_contact"):
            column.prop(self, name)
        column = layout.column()
        for name in ("vrm_permission", "vrm_commercial", "vrm_modification"):
            column.prop(self, name)
        column = layout.column(heading="Others")
        column.prop(self, "vrm_credit")
        column.prop(self, "vrm_redistribution")
        column = layout.column(heading="Allow")
        for name in ("vrm_violent", "vrm_sexual", "vrm_political", "vrm_hateful"):
            column.prop(self, name)
