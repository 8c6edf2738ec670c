"""Whom to follow: where a clip shows several people, their faces are shown, and the user clicks on one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import bpy
from bpy.props import IntProperty

from ...core.errors import FaceLiftError
from ...core.performance.people import chosen
from ...core.photo.types import FaceBox
from ...core.progress import Progress
from ...core.worker.capturing import ReceivedPerson
from ..interface.explaining import Explained
from ..interface.previews import previews
from ..interface.widgets import SidebarPanel, draw_lines
from ..making import connection
from ..making.timers import redraw
from ..making.waiting import waited

PICTURE_SCALE = 5.0
COLUMNS = 3
CHOOSING = Progress("Choose whom to follow", 0, 1, 0.0, None)
"""What is told while the user chooses."""


@dataclass(eq=False)
class Question:
    """A clip whose people are shown until one is chosen.

    Attributes:
        number: By which buttons name it.
        path: Of the clip.
        people: Who is in it.
        answer: Who was chosen.
    """

    number: int
    path: Path
    people: tuple[ReceivedPerson, ...]
    answer: ReceivedPerson | None = None

    @property
    def text(self) -> str:
        """The question."""
        return f"{self.path.name} shows {len(self.people)} people. Whom to follow?"

    @property
    def pictures(self) -> str:
        """What the keys of its pictures begin with."""
        return f"whom/{self.number}/"


open_questions: dict[int, Question] = {}
_numbers = count(1)


def to_follow(
    path: Path, start: float, end: float, number: int, asks: bool
) -> Generator[Progress | None, None, FaceBox | None]:
    """Find out whom to follow in a part of a clip, waiting for the worker and for the user.

    Args:
        path: Of the clip.
        start: Second at which the part begins.
        end: Second at which it ends.
        number: Of the person, from 1, as ``python -m core capture --people`` counts; 0 for none.
        asks: Whether the user is asked where no number is given and there are several.

    Returns:
        The face where it is first seen, in pixels of the clip; None follows the largest, as where there is one only.

    Raises:
        FaceLiftError: the clip can't be read, shows no face or not so many people, or looking was stopped.
    """
    if not number and not asks:
        return None
    stopped = FaceLiftError("Looking who is in the clip was stopped.", code="cancelled")
    people = yield from waited(connection.request_people(path, start, end), stopped)
    somebody = chosen(people, number, path) if number else None
    if len(people) == 1:
        # Who is alone may be anywhere in the picture after each loss.
        return None
    if somebody is not None:
        return somebody.face
    return (yield from _asked(Question(next(_numbers), path, people)))


def _asked(question: Question) -> Generator[Progress | None, None, FaceBox]:
    """Show the faces until the user chooses one."""
    open_questions[question.number] = question
    for number, person in enumerate(question.people):
        previews.show(f"{question.pictures}{number}", person.png)
    try:
        redraw()
        _open_popup()
        while question.answer is None:
            yield CHOOSING
        return question.answer.face
    finally:
        del open_questions[question.number]
        previews.forget(question.pictures)
        redraw()


def _open_popup() -> None:
    """Show the panel where the mouse is; who moves it away finds it in the sidebar."""
    windows = bpy.context.window_manager.windows
    if bpy.app.background or not windows:
        return
    # Timers run without a window.
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.wm.call_panel("INVOKE_DEFAULT", name=FACELIFT_PT_whom.__name__, keep_open=False)


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw who is in each clip that waits for a choice."""
    for question in open_questions.values():
        box = layout.box()
        draw_lines(box, context, question.text)
        _draw_people(box, question)


def _draw_people(layout: bpy.types.UILayout, question: Question) -> None:
    """Draw everybody's face, and below it a button."""
    for first in range(0, len(question.people), COLUMNS):
        row = layout.row()
        for number, person in enumerate(question.people[first : first + COLUMNS], first):
            column = row.column(align=True)
            column.template_icon(previews.icon(f"{question.pictures}{number}"), scale=PICTURE_SCALE)
            button = column.operator("facelift.follow_person", text=f"From {person.time:.1f} s")
            button.question, button.person = question.number, number


class FACELIFT_OT_follow_person(Explained, bpy.types.Operator):
    """Follow this person through the clip"""

    bl_idname = "facelift.follow_person"
    bl_label = "Follow"
    bl_options = {"INTERNAL"}

    question: IntProperty(options={"HIDDEN", "SKIP_SAVE"})
    person: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def obstacle(cls, _context: bpy.types.Context) -> str:
        """Somebody must be there to choose from."""
        return "" if open_questions else "There is nobody to choose from"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Answer."""
        question = open_questions.get(self.question)
        if question is None or not 0 <= self.person < len(question.people):
            return {"CANCELLED"}
        question.answer = question.people[self.person]
        return {"FINISHED"}


class FACELIFT_PT_whom(SidebarPanel, bpy.types.Panel):
    """The people of clips that wait for a choice."""

    bl_label = "Whom to Follow"
    bl_order = -1
    bl_ui_units_x = 15

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """A clip must wait."""
        return bool(open_questions)

    def draw(self, context: bpy.types.Context) -> None:
        """Draw who is in each clip."""
        draw(self.layout, context)


CLASSES = (FACELIFT_OT_follow_person, FACELIFT_PT_whom)
