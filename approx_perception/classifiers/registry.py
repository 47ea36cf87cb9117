"""Find classifier families by name.

A family ``foo`` is the module ``approx_perception/classifiers/foo.py`` (or a package) with a
function ``load(options: ClassifierOptions) -> Classifier``. Nothing else has to be told of it,
and its heavy imports cost nothing until it is used.
"""

from importlib import import_module

from approx_perception.classifiers._base import Classifier, ClassifierOptions
from approx_perception.detectors.registry import families_in
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["DEFAULT_CLASSIFIER", "check_classifier", "classifier_names", "load_classifier"]

#: Where the user names none.
DEFAULT_CLASSIFIER = "approxnet"
_PACKAGE = "approx_perception.classifiers"


def classifier_names() -> tuple[str, ...]:
    """Names of all families, in alphabetical order."""
    return tuple(sorted(families_in(_PACKAGE)))


def check_classifier(family: str) -> None:
    """Refuse a family that does not exist.

    Raises
    ------
    ConfigurationError
        Naming those that do.
    """
    if family not in classifier_names():
        raise ConfigurationError(
            f"there is no classifier {shown(family)}; choose {choices(classifier_names())}"
        )


def load_classifier(family: str, options: ClassifierOptions) -> Classifier:
    """Load a family's network.

    Raises
    ------
    ConfigurationError
        If there is no such family, or it cannot run on the wanted device.
    WeightsError
        If the weights are missing, corrupt or of another network.
    """
    check_classifier(family)
    classifier: Classifier = import_module(f"{_PACKAGE}.{family}").load(options)
    return classifier
