import pytest

from approx_perception.kernels.detection import DetectionKernel
from approx_perception.structures import Detections
from approx_perception.testing.contracts import KernelContract
from approx_perception.testing.fakes import FakeDetector, small_space


class TestDetectionKernel(KernelContract):
    @pytest.fixture
    def kernel(self):
        def find(_image, _settings):
            return Detections.from_arrays([[60, 60, 120, 120]], [0.9], [0])

        return DetectionKernel(FakeDetector(find), small_space())
