"""The session: the chosen photo, the queue of heads being made, and the one tick that moves them.

Only :meth:`Session.tick` reacts to the worker, on Blender's main thread, and it never waits.
Nothing here holds a pointer into the .blend between ticks, so undo and file load can't break it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import bpy

from ...core.errors import FaceLiftError
from ...core.progress import PHOTO
from ..interface.previews import previews
from ..photo import editing as photo_editing
from ..reporting import REPORT
from ..splats.scene import arrival_view
from . import connection
from .tasks import UNFINISHED, Order, State, Task

logger = logging.getLogger(__name__)

KEPT_ARRIVALS = 3
"""Finished heads whose arrays stay in memory, so that the adjust-last-operation panel can redo them."""


class Session:
    """What happens between the user, the worker and the scene.

    Attributes:
        photos: Preparations of the chosen photos, in their order. They wait for Generate.
        photo: The one of them that is shown, or None.
        together: Whether several photos are of one person, and make one head.
        tasks: Heads asked for, in their order, finished ones too until they are dismissed.
        listeners: Called when other photos are chosen, or in another order.
    """

    def __init__(self) -> None:
        self.photos: list[Task] = []
        self.photo: Task | None = None
        self.together = False
        self.tasks: list[Task] = []
        self.listeners: list[Callable[[], None]] = []

    def choose(self, *orders: Order, together: bool = False) -> None:
        """Make photos the chosen ones, for a head each or one of them all, and show the first: look for the faces."""
        self.clear_photos()
        self.together = together
        self.add(*orders)
        self.photo = self.photos[0]

    def add(self, *orders: Order) -> None:
        """Choose further photos, and show the last."""
        added = [Task(order, "prepare", further=self.together) for order in orders]
        self.photos += added
        self.photo = added[-1]
        for photo in added:
            photo.start()
        self._photos_changed()

    def move_photo(self, photo: Task, steps: int) -> None:
        """Move a photo down the list, or up by negative steps, as far as it goes."""
        place = self.photos.index(photo)
        del self.photos[place]
        self.photos.insert(max(0, place + steps), photo)
        self._photos_changed()

    def set_together(self, together: bool) -> None:
        """Make one head of the chosen photos, or one of each. Where a face is missing, they are looked at again."""
        if together != self.together:
            self.together = together
            for photo in list(self.photos):
                if photo.state in UNFINISHED or not photo.shows_face:
                    self._prepare_anew(photo, photo.order)

    def change_photo(self, order: Order) -> None:
        """Prepare the shown photo anew, with other settings."""
        self._prepare_anew(self.photo, order)

    def _prepare_anew(self, before: Task, order: Order) -> None:
        before.cancel()
        # What was found before is shown until the photo is looked at anew, and so are its pictures.
        earlier = before if before.result is not None else before.earlier
        photo = Task(order, "prepare", earlier=earlier, further=self.together)
        previews.show_as(f"{photo.id}/{PHOTO}", f"{before.id}/{PHOTO}")
        for each in (before, before.earlier):
            if each is not None and each is not earlier:
                previews.forget(each.id)
        if earlier is not None:
            earlier.earlier = None
        self.photos[self.photos.index(before)] = photo
        if before is self.photo:
            self.photo = photo
        photo.start()
        self._photos_changed()

    def put_away(self, photo: Task) -> None:
        """Forget one of the chosen photos; if it was shown, the one after it is shown."""
        place = self.photos.index(photo)
        self._end_photo(photo)
        del self.photos[place]
        if photo is self.photo:
            self.photo = self.photos[min(place, len(self.photos) - 1)] if self.photos else None
        if len(self.photos) < 2:
            self.set_together(False)
        self._photos_changed()

    def clear_photos(self) -> None:
        """Forget the chosen photos."""
        for photo in self.photos:
            self._end_photo(photo)
        self.photos, self.photo, self.together = [], None, False
        self._photos_changed()

    def _photos_changed(self) -> None:
        for listener in self.listeners:
            listener()

    @staticmethod
    def _end_photo(photo: Task) -> None:
        photo.cancel()
        for each in filter(None, (photo, photo.earlier)):
            previews.forget(each.id)

    def generate(self, order: Order) -> Task:
        """Queue a head: one is made at a time, in the order in which they were asked for."""
        self.tasks = [task for task in self.tasks if task.state is not State.DONE or self.unfinished]
        task = Task(order, "generate")
        self.tasks.append(task)
        task.start()
        return task

    def find(self, identifier: str) -> Task | None:
        """Return the head with an id."""
        return next((task for task in self.tasks if task.id == identifier), None)

    def find_photo(self, identifier: str) -> Task | None:
        """Return the chosen photo with an id."""
        return next((photo for photo in self.photos if photo.id == identifier), None)

    def dismiss(self, task: Task) -> None:
        """Take a head off the list; stop it first if it is still being made."""
        task.cancel()
        previews.forget(task.id)
        self.tasks.remove(task)

    @property
    def unfinished(self) -> list[Task]:
        """Heads being made or waiting."""
        return [task for task in self.tasks if task.state in UNFINISHED]

    @property
    def busy(self) -> bool:
        """Whether anything is going on."""
        return (
            bool(self.unfinished)
            or photo_editing.is_moving()
            or any(photo.state in UNFINISHED for photo in self.photos)
        )

    def reset(self) -> None:
        """Cancel and forget everything, as when another file is opened. The worker lives on."""
        self.clear_photos()
        photo_editing.leave()
        for task in list(self.tasks):
            self.dismiss(task)

    def tick(self) -> None:
        """Handle the worker's messages and bring finished heads in. The only place that does."""
        if connection.is_running() or self.busy:
            connection.poll()
        # One that arrives in this tick waits for the next: each tick does little.
        arrived = next((task for task in self.tasks if task.has_arrived), None)
        for row in (self.photos, self.tasks):
            self._tick(row)
        photo_editing.follow(self)
        self.tasks = [task for task in self.tasks if task.state is not State.CANCELLED]
        # While Blender renders in the background, the scene must not change.
        if arrived in self.tasks and not bpy.app.is_job_running("RENDER"):
            self._bring_in(arrived)

    @staticmethod
    def _tick(row: list[Task]) -> None:
        """Let tasks go on. None overtakes one before it whose photo is still being read: disks differ."""
        reading = False
        for task in row:
            if task.state in UNFINISHED and not (reading and task.state is State.READING):
                task.tick()
            reading = reading or task.state is State.READING

    def _bring_in(self, task: Task) -> None:
        try:
            bpy.ops.facelift.bring_in("EXEC_DEFAULT", True, task=task.id)
        except RuntimeError as error:
            logger.exception("bringing a head in failed")
            task.fail(FaceLiftError(f"The head could not be added: {error}", REPORT))
        else:
            task.state = State.DONE
            arrival_view.welcome(bpy.context.view_layer.objects.active)
        kept = [task for task in self.tasks if task.state is State.DONE]
        for older in kept[:-KEPT_ARRIVALS]:
            older.arrival = None


session = Session()
