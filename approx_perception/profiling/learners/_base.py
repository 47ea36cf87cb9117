"""What profiling asks of a task whose accuracy it measures."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from approx_perception.accuracy.learned import LearnedAccuracy
from approx_perception.branches import Space
from approx_perception.files import Columns
from approx_perception.structures import Content

__all__ = ["AccuracyLearner", "LearnedFit"]


class LearnedFit(Protocol):
    """What came of a fit.

    Attributes
    ----------
    model
        Fitted on all sources.
    errors
        ``{variant: mean absolute error}`` on sources left out.
    """

    @property
    def model(self) -> LearnedAccuracy:
        """See the class."""
        ...

    @property
    def errors(self) -> dict[str, float]:
        """See the class."""
        ...

    def words(self) -> str:
        """How far off predictions are, for users."""
        ...


class AccuracyLearner(ABC):
    """Learns what branches are worth, from snippets of labelled video; without state.

    Attributes
    ----------
    feature_names
        Of the F features that tell the content of a snippet.
    snippet_frames
        Length of the pieces of video whose accuracy is predicted.
    least_snippets
        With objects; from fewer, nothing can be learned.
    wanted_snippets
        With objects; so many are taken where they are there and the user asks for no number.
    default_sources
        Names of sources that the shipped network was not trained on: many and short, for frames of
        one video tell nearly the same.
    """

    feature_names: tuple[str, ...]
    snippet_frames: int
    least_snippets: int
    wanted_snippets: int
    default_sources: tuple[str, ...]

    @property
    def least_frames(self) -> int:
        """Of a single source."""
        return self.least_snippets * self.snippet_frames

    @property
    def default_frames(self) -> int:
        """Of each default source: as many as hold the wanted snippets."""
        return -(-self.wanted_snippets // len(self.default_sources)) * self.snippet_frames

    @abstractmethod
    def features_of(self, content: Content) -> npt.NDArray[np.float64]:
        """``(F,)`` features; nan where they are not known."""

    @abstractmethod
    def fit(self, records: Columns, space: Space[Any]) -> LearnedFit:
        """Fit a predictor.

        Parameters
        ----------
        records
            Accuracy columns of `ProfileRecords`.
        space
            Of the branches.

        Raises
        ------
        ConfigurationError
            If there are too few snippets with objects.
        """
