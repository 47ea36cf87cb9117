"""Run the parts of an exported Faster R-CNN one behind the other."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from approx_perception.detectors._test_picture import test_picture
from approx_perception.detectors.faster_rcnn.file import NetworkFile
from approx_perception.detectors.faster_rcnn.parts import part_of
from approx_perception.detectors.faster_rcnn.pooling import pool
from approx_perception.detectors.faster_rcnn.sizes import padded_size
from approx_perception.runtimes import Graph, GraphSource, RuntimeOptions, open_reference, settled

__all__ = ["ExportedNetwork", "Features", "Objects"]

Array = npt.NDArray[Any]
#: Height and width that runtimes are compared at: an image of 4:3 at a middle shape.
_TRIAL_SIZE = padded_size(320, 427)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the front makes of a batch.

    Attributes
    ----------
    sizes
        ``(N, 2)`` int64, height and width of the images without padding.
    cells
        ``(N, cells, C)`` float32, of all levels that boxes are pooled from.
    maps
        The RPN's answers, by name.
    grids
        ``(L, 2)`` rows and columns of the levels.
    """

    sizes: npt.NDArray[np.int64]
    cells: npt.NDArray[np.float32]
    maps: dict[str, Array]
    grids: npt.NDArray[np.int64]

    def levels(self) -> list[npt.NDArray[np.float32]]:
        """``(N, cells of the level, C)`` each."""
        return np.split(self.cells, np.cumsum(self.grids.prod(axis=1))[:-1], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """What is seen in a batch, best first in each image.

    Attributes
    ----------
    boxes
        ``(D, 4)`` px of the input.
    scores, class_ids, image_ids
        ``(D,)``.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    image_ids: npt.NDArray[np.int64]


class ExportedNetwork:
    """A file's parts, resident; proposals and head compute with coordinates, in float32.

    Parameters
    ----------
    file
        From `open_file`.
    options
        How the front is run; see `settled`.

    Raises
    ------
    ConfigurationError
        If options name what is not here.
    WeightsError
        If a runtime does not read the file.
    """

    def __init__(self, file: NetworkFile, options: RuntimeOptions) -> None:
        front = GraphSource(file.path, part_of(file.content, "front"))
        self._proposals, self._head = (
            open_reference(file.path, options, part_of(file.content, part))
            for part in ("proposals", "head")
        )
        for graph in (self._proposals, self._head):
            # A copy of its bytes would stay in memory.
            graph.source = replace(graph.source, content=None)
        picture = test_picture(_TRIAL_SIZE[::-1])[None]
        self.front = settled(front, options, {"images": picture})
        self._metadata = file.metadata

    def features(self, images: npt.NDArray[np.uint8], size: tuple[int, int]) -> Features:
        """Run the front.

        Parameters
        ----------
        images
            ``(N, H, W, 3)``, padded.
        size
            Height and width without padding.
        """
        maps = _run(self.front, {"images": images})
        cells = maps.pop("features")
        levels = range(len(self._metadata.strides))
        grids = np.array([maps[f"objectness_{level}"].shape[2:] for level in levels])
        return Features(np.array([size] * len(images)), cells, maps, grids)

    def objects(self, features: Features, nprop: int) -> Objects:
        """Propose, pool and judge.

        Parameters
        ----------
        features
            Of a batch.
        nprop
            Proposals of each image.
        """
        sizes = {"sizes": features.sizes}
        found = _run(self._proposals, {**sizes, **features.maps, "nprop": np.array([nprop])})
        boxes, images = found["proposals"], found["proposal_images"]
        pooled = pool(features.cells, features.grids, boxes, images, self._metadata)
        return Objects(**_run(self._head, {**sizes, **found, "pooled": pooled}))


def _run(graph: Graph, inputs: dict[str, Array]) -> dict[str, Array]:
    """Outputs by name."""
    names = (port.name for port in graph.outputs)
    return dict(zip(names, graph.run(inputs), strict=True))
