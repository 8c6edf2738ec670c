"""The aligned picture at the photo's own resolution."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import data

from core.photo.decode import from_array
from core.photo.fine import fine_cut_out
from core.photo.prepare import prepare_photo
from core.progress import Reporter


def test_a_large_photo_is_cut_out_again_as_it_was_and_finer():
    large = np.asarray(Image.fromarray(data.astronaut()).resize((1536, 1536), Image.Resampling.LANCZOS))
    photo = from_array(large, "large.png")
    aligned = prepare_photo(photo, None, Reporter()).aligned
    fine = fine_cut_out(photo, aligned, Reporter())
    assert fine is not None and fine.shape == (1024, 1024, 4)
    halved = fine.reshape(512, 2, 512, 2, 4).mean(axis=(1, 3))
    person = aligned[..., 3] > 250
    assert np.abs(halved - aligned)[person].mean() < 2
    # Another picture's person is not put in its place.
    assert fine_cut_out(photo, aligned[:, ::-1], Reporter()) is None


def test_a_small_photo_has_nothing_finer():
    photo = from_array(data.astronaut(), "astronaut.png")
    aligned = prepare_photo(photo, None, Reporter()).aligned
    assert fine_cut_out(photo, aligned, Reporter()) is None
