"""Images, and what another node found in them, brought together by stamp."""

from dataclasses import dataclass
from typing import Any

__all__ = ["ImagePairs", "PairCounts"]

#: Images that may wait at once: what comes while the other node works on one, at a camera's rate.
_MOST_IMAGES = 16
#: Results that may come before their image.
_MOST_RESULTS = 64


@dataclass(slots=True)
class PairCounts:
    """What became of images and results so far.

    Attributes
    ----------
    joined
        Images whose result came.
    images_alone
        Images for which no result came in time; of images that the other node drops there is none.
    results_alone
        Results whose image did not come.
    """

    joined: int = 0
    images_alone: int = 0
    results_alone: int = 0


class ImagePairs:
    """Join by stamp, in bounded memory; used from one thread.

    Results come in the order of their images: an image that is older than one whose result is
    there is not waited for any more.
    """

    def __init__(self) -> None:
        self._images: dict[int, Any] = {}
        self._results: dict[int, Any] = {}
        self.counts = PairCounts()

    def put_image(self, stamp_ns: int, image: Any) -> tuple[Any, Any] | None:
        """Take an image; returns it and its result where that came first."""
        if stamp_ns in self._results:
            return self._join(stamp_ns, image, self._results.pop(stamp_ns))
        self.counts.images_alone += stamp_ns in self._images
        self._images[stamp_ns] = image
        if len(self._images) > _MOST_IMAGES:
            self._drop_image()
        return None

    def put_result(self, stamp_ns: int, result: Any) -> tuple[Any, Any] | None:
        """Take a result; returns its image and it where the image is there."""
        if stamp_ns in self._images:
            return self._join(stamp_ns, self._images.pop(stamp_ns), result)
        self.counts.results_alone += stamp_ns in self._results
        self._results[stamp_ns] = result
        if len(self._results) > _MOST_RESULTS:
            self._results.pop(next(iter(self._results)))
            self.counts.results_alone += 1
        return None

    def _join(self, stamp_ns: int, image: Any, result: Any) -> tuple[Any, Any]:
        self.counts.joined += 1
        while self._images and next(iter(self._images)) < stamp_ns:
            self._drop_image()
        return image, result

    def _drop_image(self) -> None:
        self._images.pop(next(iter(self._images)))
        self.counts.images_alone += 1
