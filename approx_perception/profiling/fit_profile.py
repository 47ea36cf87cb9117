"""From the records of a profiling run to the predictors of a space."""

from dataclasses import replace

import numpy as np

from approx_perception.assembly.bundle import PredictorBundle
from approx_perception.branches import read_space
from approx_perception.kernels.by_task import cost_terms_of
from approx_perception.latency.fit import fit_latency
from approx_perception.latency.records import ProfileRecords
from approx_perception.profiling.learners._base import LearnedFit
from approx_perception.profiling.learners.by_task import learner_of

__all__ = ["fit_profile"]

_INHERITED = (
    "created", "versions", "network", "machine", "precision", "space", "space_hash", "data",
    "data_hash", "frames_per_source",
)  # fmt: skip


def fit_profile(records: ProfileRecords) -> tuple[PredictorBundle, LearnedFit | None]:
    """Fit everything; no accuracy where the data had no ground truth.

    Raises
    ------
    ConfigurationError
        If the records are too few.
    """
    metadata = records.metadata
    space = read_space(metadata["space"], "the profile's space")
    # A share that no monitor told is null in the file.
    load = np.array(
        [[level["cpu_others"], level["gpu_others"]] for level in metadata["levels"]], np.float64
    )
    terms = cost_terms_of(space)
    # Records of older versions do not tell.
    beside = np.array(metadata.get("beside", ()), np.float64)
    latency = replace(fit_latency(records.latency, load, space.compiled, terms), beside=beside)
    kept = {name: metadata[name] for name in _INHERITED}
    kept |= {name: metadata.get(name) for name in ("idleness", "runtime")}
    if not records.accuracy:
        return PredictorBundle(kept, None, latency), None
    accuracy = learner_of(space.task).fit(records.accuracy, space)
    kept["accuracy_errors_left_out"] = {k: round(v, 4) for k, v in accuracy.errors.items()}
    kept["accuracy_goes_by"] = accuracy.words()
    return PredictorBundle(kept, accuracy.model, latency), accuracy
