"""The list of chosen photos, and what the panel says of each: what it shows, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import bpy

from ...core.photo import sides
from ...core.photo.sides import HELP, LEFT_OUT, PLACED
from ...core.progress import CROP, PHOTO
from ..by_hand import drawing as hand_drawing
from ..making import together
from ..making.orders import head_together
from ..making.session import session
from ..making.tasks import UNFINISHED, Task
from ..making.together import Place
from ..photo import lenses, rows
from ..splats.data import hand_placements, heads, recipes, shots
from ..splats.data.shots import KeptShot
from .previews import previews
from .widgets import STATE_ICONS, draw_lines

NAME_SHARE = 0.55
"""Of a row's width: for picture and name."""
MOST_ROWS = 6
GONE = "gone"
"""State of a photo whose file is not where it was."""
OUTCOMES = {PLACED: ("CHECKMARK", "Placed"), HELP: ("QUESTION", "Help"), LEFT_OUT: ("X", "Left out")}
STATES = OUTCOMES | {GONE: ("LIBRARY_DATA_BROKEN", "Missing")}
"""Icon and name of each state."""
SIDE_NAMES = dict(zip(sides.SIDES, ("Front", "3/4", "Left", "Right", "Back"), strict=True))
"""As short as rows need them."""
PORTRAIT = "Portrait"
BY_HAND = "By Hand"
"""What a photo says that the user placed."""
NOBODY = "Nobody was found in this photo. Say which side of the head it shows, make the head, then place it by hand."
ASKED = "No face was found. Say which side of the head it shows."


@dataclass(frozen=True)
class Standing:
    """What the list says of a photo.

    Attributes:
        shows: What the photo shows, and what it is to the head.
        state: "placed", "help", "left-out" or "gone"; "" before a head was made.
        message: Sentence for the user; "" where nothing is the matter.
    """

    shows: str
    state: str = ""
    message: str = ""

    @property
    def is_portrait(self) -> bool:
        """Whether it is the one whose face the head gets."""
        return self.shows == PORTRAIT

    @property
    def icon(self) -> str:
        """Icon of the state."""
        if self.shows == BY_HAND:
            return hand_drawing.HAND_ICON
        return STATES[self.state][0] if self.state else "NONE"

    @property
    def needs_attention(self) -> bool:
        """Whether something is the matter."""
        return self.state in (HELP, LEFT_OUT, GONE)

    @property
    def text(self) -> str:
        """What a row has room for: the state where something is the matter, else what the photo shows."""
        return STATES[self.state][1] if self.needs_attention else self.shows


def standing_of(context: bpy.types.Context, photo: Task) -> Standing:
    """Return what the list says of a photo of one person."""
    return standings(context)[photo.id]


def standings(context: bpy.types.Context) -> dict[str, Standing]:
    """Return what the list says of each photo of one person, by the photos' ids."""
    head = head_together(context)
    kept = shots.of(head) if head is not None else ()
    places = together.places(session.photos, context.scene.facelift.engine)
    return {place.photo.id: _standing(place, kept) for place in places}


def _standing(place: Place, of_head: Sequence[KeptShot]) -> Standing:
    """Return what the list says of a photo, of which more is known where its head stands in the scene."""
    photo, number = place.photo, place.number
    kept = of_head[number] if number is not None and number < len(of_head) else None
    if number and photo.order.capture.portrait.placement is not None and photo.state not in UNFINISHED:
        return Standing(BY_HAND)
    shows = PORTRAIT if number == 0 else _side(photo, kept)
    if photo.state in UNFINISHED:
        return Standing(shows)
    if number is None:
        return Standing(shows, GONE if photo.is_gone else LEFT_OUT, place.why)
    if kept is not None:
        return Standing(shows, kept.state, kept.message)
    if together.needs_hand(photo):
        return Standing(shows, HELP, NOBODY)
    return Standing(shows, HELP, ASKED) if together.needs_side(photo) else Standing(shows)


def _side(photo: Task, kept: KeptShot | None) -> str:
    """Return the side that a photo shows: as it was said, as it was found, or as the face lets guess."""
    chosen = photo.order.options.side
    if chosen != sides.AUTO:
        return SIDE_NAMES[chosen]
    if kept is not None and kept.state == PLACED:
        return SIDE_NAMES[kept.side]
    guessed = photo.found.side if photo.found is not None else ""
    return f"{SIDE_NAMES[guessed]}?" if guessed else "Side?"


class FACELIFT_UL_photos(bpy.types.UIList):
    """The chosen photos."""

    standings: ClassVar[Mapping[str, Standing]] = {}
    """What rows say of photos of one person: it takes a look at the whole scene, once for all rows."""

    def draw_item(self, context, layout, _data, item, _icon, _active_data, _active_property, _index=0, _flag=0) -> None:
        """Draw a photo's picture, its name, what it shows and what became of it."""
        photo = session.find_photo(item.photo)
        if photo is None:
            return
        # One line: Blender's lists select by their first line only.
        split = layout.split(factor=NAME_SHARE)
        icon = previews.icon(picture_of(photo))
        split.label(text=item.name, icon_value=icon) if icon else split.label(text=item.name, icon="FILE_IMAGE")
        row = split.row()
        row.alignment = "RIGHT"
        standing = self.standings.get(photo.id)
        if standing is not None:
            # Text and icon in one: apart, each would get half of the room, and words would be cut off.
            row.active = standing.needs_attention
            row.label(text=standing.text, icon="TIME" if photo.state in UNFINISHED else standing.icon)
        else:
            row.label(icon=STATES[GONE][0] if photo.is_gone else STATE_ICONS.get(photo.state, "TIME"))


def picture_of(photo: Task) -> str:
    """Return the key of a photo's picture: its crop, or else the whole of it; "" before it was read."""
    keys = (f"{each.id}/{kind}" for kind in (CROP, PHOTO) for each in (photo, photo.earlier) if each is not None)
    return next((key for key in keys if key in previews), "")


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the switch between one head and several, and the list with what changes it."""
    layout.row().prop(context.scene.facelift, "heads", expand=True)
    row = layout.row()
    manager, count = context.window_manager, len(session.photos)
    FACELIFT_UL_photos.standings = standings(context) if session.together else {}
    row.template_list(
        FACELIFT_UL_photos.__name__,
        "",
        manager,
        "facelift_photos",
        manager,
        "facelift_photo_shown",
        rows=min(count, MOST_ROWS),
        maxrows=MOST_ROWS,
    )
    column = row.column(align=True)
    column.operator("facelift.choose_photo", text="", icon="ADD").add = True
    column.operator("facelift.clear_photo", text="", icon="REMOVE")
    column.separator()
    column.operator("facelift.move_photo", text="", icon="TRIA_UP").direction = "UP"
    column.operator("facelift.move_photo", text="", icon="TRIA_DOWN").direction = "DOWN"


def draw_own(layout: bpy.types.UILayout, context: bpy.types.Context, photo: Task, standing: Standing) -> None:
    """Draw what is chosen about a photo of one person, and what there is to say of it."""
    row = rows.row_of(context, photo)
    if row is None:
        return
    if standing.message:
        draw_lines(layout, context, standing.message, icon=standing.icon)
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    if not standing.is_portrait:
        column.prop(row, "side")
    _draw_by_hand(layout, context, photo, standing)
    if together.takes(context.scene.facelift.engine).lens:
        lenses.draw(column, row)


def _draw_by_hand(layout: bpy.types.UILayout, context: bpy.types.Context, photo: Task, standing: Standing) -> None:
    """Draw the way to place a photo whose head stands in the scene, and the way back."""
    head = head_together(context)
    numbers = {place.photo.id: place.number for place in together.places(session.photos, context.scene.facelift.engine)}
    number = numbers.get(photo.id)
    row = layout.row(align=True)
    if head is not None and number is not None:
        hand_drawing.draw_button(row, number, head.get(heads.ID_KEY, ""), "Place by Hand")
    if standing.shows == BY_HAND:
        row.operator(
            "facelift.clear_placement", text="" if head is not None else "Forget Placement", icon="X"
        ).photo = photo.id


def draw_kept(layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Draw what became of each photo of a head that was made of several, and the way to its camera."""
    kept, recipe = shots.of(head), recipes.of(head)
    if len(kept) < 2 or recipe is None or len(recipe.capture.shots) != len(kept):
        return
    box, waiting = layout.box(), hand_placements.of(head)
    cameras, column = heads.photo_cameras_of(head), box.column(align=True)
    for number, (shot, taken) in enumerate(zip(kept, recipe.capture.shots, strict=True)):
        icon, state = OUTCOMES[shot.state]
        by_hand = waiting.get(number, taken.placement) is not None
        if by_hand:
            icon, state = hand_drawing.HAND_ICON, BY_HAND
        elif number in waiting:
            state = ""
        elif shot.state == PLACED:
            state = SIDE_NAMES[shot.side]
        split = column.split(factor=NAME_SHARE)
        split.label(text=taken.photo.name, icon=icon)
        row = split.row(align=True)
        row.alignment = "RIGHT"
        shows = row.row()
        shows.active = False
        shows.label(text=state)
        if number in cameras:
            seen = context.scene.camera == cameras[number]
            row.operator("facelift.look_through_photo", text="", icon="VIEW_CAMERA", depress=seen).photo = number
        if number:
            hand_drawing.draw_button(row, number)
        if shot.message and number not in waiting:
            draw_lines(column, context, shot.message, icon="BLANK1")
    hand_drawing.draw_waiting(box, context, head)


CLASSES = (FACELIFT_UL_photos,)
