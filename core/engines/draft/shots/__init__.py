"""Heads of several photos: what further shots of a person change on the head that the portrait gave."""
