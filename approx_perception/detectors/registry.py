"""Find detector families by name.

A family ``foo`` is the module ``approx_perception/detectors/foo.py`` (or a package) with a
function ``load(options: DetectorOptions) -> Detector``. Nothing else has to be told of it,
and its heavy imports cost nothing until it is used.
"""

import pkgutil
from dataclasses import replace
from importlib import import_module, resources
from pathlib import Path

from approx_perception.detectors._base import Detector, DetectorOptions, check_class_names
from approx_perception.detectors._onnx_properties import is_exported
from approx_perception.detectors._tiers import tiers
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.extras import needed_for
from approx_perception.weights.cache import is_named, weights_file

__all__ = [
    "DEFAULT_DETECTOR",
    "check_detector",
    "detector_names",
    "families_in",
    "family_for",
    "load_detector",
]

#: Where the user names none.
DEFAULT_DETECTOR = "faster_rcnn"
_PACKAGE = "approx_perception.detectors"
#: Other words for families.
_ALIASES = {"yolox": "onnx"}


def families_in(package: str) -> set[str]:
    """Names of the families that stand in a package, one module each."""
    modules = (module.name for module in pkgutil.iter_modules([str(resources.files(package))]))
    return {name for name in modules if name[0] != "_" and name != "registry"}


def detector_names() -> tuple[str, ...]:
    """Names of all families, and other words for them, in alphabetical order."""
    return tuple(sorted(families_in(_PACKAGE) | _ALIASES.keys()))


def check_detector(family: str) -> None:
    """Refuse a family that does not exist.

    Raises
    ------
    ConfigurationError
        Naming those that do.
    """
    if family not in detector_names():
        raise ConfigurationError(
            f"there is no detector {shown(family)}; choose {choices(detector_names())}"
        )


def family_for(detector: str, weights: str) -> str:
    """Family that is meant, by its own name: the default reads no ONNX file of others.

    Networks that are had by name are ONNX files.
    """
    names = tiers(weights)
    is_onnx = bool(names) and all(n.lower().endswith(".onnx") or is_named(n) for n in names)
    if is_onnx and detector == DEFAULT_DETECTOR and not is_exported(Path(names[0])):
        return "onnx"
    return _ALIASES.get(detector, detector)


def load_detector(family: str, options: DetectorOptions) -> Detector:
    """Load a family's network.

    Raises
    ------
    ConfigurationError
        If there is no such family, it cannot run on the wanted device, or PyTorch is missing
        and it needs it.
    WeightsError
        If the weights are missing, corrupt or of another network; see also `weights_file`.
    """
    check_detector(family)
    options = replace(options, weights=weights_file(options.weights))
    with needed_for(f"the detector {family}", "train"):
        module = import_module(f"{_PACKAGE}.{_ALIASES.get(family, family)}")
        detector: Detector = module.load(options)
    check_class_names(detector.class_names, detector.weights_path)
    return detector
