"""Systems that choose when all is over, for others to be judged by."""

from collections.abc import Sequence

from approx_perception.assembly.tasks import task_of
from approx_perception.datasets import LabelledFrame
from approx_perception.datasets.class_map import ClassMap
from approx_perception.evaluation.systems import BuiltSystem
from approx_perception.exceptions import ConfigurationError, DatasetError
from approx_perception.metrics.scoring.by_task import scoring_of
from approx_perception.pipeline.driver import Conditions
from approx_perception.simulation.hindsight import BranchOutcomes, KnownAfterwards, follow_branches
from approx_perception.simulation.replay import matcher

__all__ = ["Hindsight"]


class Hindsight:
    """Chooses for systems after their source was run; follows the branches of each space once.

    Parameters
    ----------
    frames
        Of the source, in memory.
    source_name
        For errors.
    """

    def __init__(self, frames: Sequence[LabelledFrame], source_name: str) -> None:
        self._frames, self._name = frames, source_name
        self._followed: dict[str, BranchOutcomes] = {}

    def system(
        self, built: BuiltSystem, conditions: Conditions, class_map: ClassMap
    ) -> KnownAfterwards:
        """The system, as if it had known.

        Raises
        ------
        ConfigurationError
            If frames are to be dropped, or no branch keeps the SLA.
        DatasetError
            If a frame has no ground truth.
        """
        spec = built.spec
        if conditions.camera:
            raise ConfigurationError(
                f"the system {spec.kind!r} knows nothing of dropped frames; leave camera out"
            )
        if any(entry.ground_truth is None for entry in self._frames):
            raise DatasetError(
                f"{self._name} has frames without ground truth, by which the system "
                f"{spec.kind!r} chooses"
            )
        outcomes = self._follow(built, class_map)
        slas = [conditions.sla(entry.frame.sequence) for entry in self._frames]
        choose = outcomes.best_fixed if spec.kind == "best_fixed" else outcomes.oracle
        choice = choose(slas)
        if choice is None:
            raise ConfigurationError(
                f"no fixed branch meets the SLA of {spec.options.sla.latency_ms:g} ms on "
                f"{self._name}; leave the system 'best_fixed' out"
            )
        return KnownAfterwards(outcomes, choice, slas[0])

    def _follow(self, built: BuiltSystem, class_map: ClassMap) -> BranchOutcomes:
        stream, machine = built.network.stream(), built.machine
        if machine is None:
            raise AssertionError("such systems are built on a recorded machine only")
        kernel, options = stream.kernel, built.spec.options
        state_options = task_of(options).state_options(options)
        key = f"{kernel.description}, {kernel.space.hash}, {state_options}"
        if key not in self._followed:
            match = matcher(scoring_of(kernel.task), self._frames, class_map)
            self._followed[key] = follow_branches(
                kernel, self._frames, machine, match, len(class_map.truth_names), stream.state
            )
        return self._followed[key]
