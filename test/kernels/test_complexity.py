import cv2
import numpy as np
import pytest

from approx_perception.exceptions import ConfigurationError
from approx_perception.kernels.complexity import (
    ComplexitySensor,
    complexity_edges,
    edge_energy,
    small_grey,
)
from approx_perception.testing.contracts import textured_image

EDGES = np.array([10.0, 20.0, 40.0, 80.0, 160.0, 320.0])


def stripes(period, width=640, height=480):
    """Vertical stripes, as many in each image of a shape."""
    columns = np.arange(width) * 96 // width
    return np.repeat(
        np.where(columns // period % 2, 150, 100).astype(np.uint8)[None, :, None], height, 0
    ).repeat(3, 2)


def test_energy_rises_with_detail_and_falls_with_blur():
    energies = [edge_energy(small_grey(stripes(period))) for period in (24, 12, 6)]
    assert energies == sorted(energies)
    blurred = cv2.GaussianBlur(stripes(6), (0, 0), 20)
    assert edge_energy(small_grey(blurred)) < 0.5 * energies[-1]
    assert edge_energy(small_grey(np.zeros((4, 4, 3), np.uint8))) == 0.0


def test_energy_depends_little_on_the_size_of_the_image():
    large, small = (
        edge_energy(small_grey(stripes(12, *size))) for size in ((1280, 960), (320, 240))
    )
    assert large == pytest.approx(small, rel=0.15)


@pytest.mark.parametrize("region", [[0, 0, 320, 480], [-50, -9, 320.5, 900]])
def test_only_the_region_counts(region):
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 330:] = stripes(3)[:, 330:]
    assert edge_energy(small_grey(image, np.array(region, np.float32))) == 0.0


def test_edges_hold_as_many_images_each():
    energies = np.random.default_rng(0).lognormal(3, 1, 7000)
    edges = complexity_edges(energies)
    assert (np.diff(edges) > 0).all()
    assert np.bincount(np.searchsorted(edges, energies)).tolist() == pytest.approx(
        [1000] * 7, abs=1
    )
    with pytest.raises(ConfigurationError, match="6 images are too few for 7"):
        complexity_edges(energies[:6])


def test_a_cut_is_told_from_motion_and_noise():
    sensor = ComplexitySensor(EDGES)
    plain, busy = np.full((480, 640, 3), 100, np.uint8), stripes(3)
    noise = np.random.default_rng(0).integers(0, 6, plain.shape, np.uint8)
    # Moved sideways it is the same scene.
    shown = (plain, plain + noise, busy, np.roll(busy, 100, axis=1), plain)
    assert [sensor.see(image) for image in shown] == [True, False, True, False, True]
    sensor.reset()
    assert sensor.see(plain)


def test_complexity_is_told_anew_when_the_image_has_become_another(monkeypatch):
    told = []
    monkeypatch.setattr(
        "approx_perception.kernels.complexity.edge_energy",
        lambda grey: told.append(grey) or float(grey.mean()),
    )
    sensor = ComplexitySensor(EDGES)
    assert not sensor.content.is_known
    # A bright area that grows slowly: no frame is a cut, and yet the scene has become another.
    categories = []
    for column in range(0, 640, 8):
        image = np.zeros((480, 640, 3), np.uint8)
        image[:, :column] = 200
        assert sensor.see(image) == (column == 0)
        categories.append(sensor.content.category)
    assert len(told) == 7
    assert categories[0] == 0
    assert categories[-1] == 5
    sensor.reset()
    assert not sensor.content.is_known


def test_images_of_any_size_are_survived():
    sensor = ComplexitySensor(EDGES)
    for width, height in ((1, 1), (33, 1), (1, 500), (2000, 40)):
        sensor.see(textured_image(max(width, 16), max(height, 16))[:height, :width])
        assert 0 <= sensor.content.category <= 6
