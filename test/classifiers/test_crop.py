import numpy as np
import pytest

from approx_perception.classifiers._base import crop


def ramp(width, height):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows + columns], axis=2).astype(np.uint8)


def test_a_region_as_large_as_asked_for_is_cut_as_it_is():
    image = ramp(120, 90)
    np.testing.assert_array_equal(crop(image, [30, 20, 70, 60], 40), image[20:60, 30:70])


def test_what_is_made_smaller_is_averaged():
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    assert crop(noise, [0, 0, 640, 480], 80).std() < noise.std() / 3


@pytest.mark.parametrize(
    "region",
    [
        [-50, -50, 10, 10], [110, 80, 400, 300], [500, 500, 600, 600], [-90, -80, -10, -5],
        [40, 40, 40, 40], [60, 50, 20, 10], [np.nan, 0, np.inf, 20],
    ],
)  # fmt: skip
def test_regions_that_leave_the_image_or_have_no_extent(region):
    assert crop(ramp(120, 90), np.array(region, np.float32), 32).shape == (32, 32, 3)
