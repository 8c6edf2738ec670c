"""What a panel or menu draws, as a list."""

from __future__ import annotations


class Layout:
    """Stands for Blender's layouts, and notes what is drawn."""

    def __init__(self, drawn: list) -> None:
        object.__setattr__(self, "drawn", drawn)

    def __getattr__(self, name):
        def draw(*args, **kwargs):
            self.drawn.append((name, *(arg for arg in args if isinstance(arg, str)), kwargs.get("text", "")))
            if name == "panel":
                return Layout(self.drawn), None
            return Layout(self.drawn)

        return draw

    def __setattr__(self, name, value) -> None:
        """Layouts and the operators that they show take any setting."""
