"""Time the parts of a kernel one by one."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from approx_perception.clock import Clock
from approx_perception.files import Columns
from approx_perception.kernels import Kernel, Trial
from approx_perception.latency.records import LATENCY_COLUMNS

__all__ = ["PartTimer", "Report"]

Image = npt.NDArray[np.uint8]
#: Called with what is being done.
Report = Callable[[str], None]

#: Runs of a part until it is warm; what is timed first does not count either.
_PREHEATS = 1


class PartTimer:
    """Runs the trials of a kernel and writes down what each took, as columns of records.

    Parameters
    ----------
    kernel
        What is measured.
    clock
        Times it.
    """

    def __init__(self, kernel: Kernel, clock: Clock) -> None:
        self._kernel, self._clock = kernel, clock
        self._parts = kernel.space.compiled.parts
        self._content = [
            field.name
            for field in fields(kernel.cost_terms.content_type)
            if field.name != "is_known"
        ]

    def preheat(self, images: Sequence[Image], report: Report = lambda _: None) -> None:
        """Run every part; the first runs of a network are many times slower."""
        runs: Counter[int] = Counter()
        for trial in self._kernel.trials(images):
            if not runs[trial.part]:
                report(f"preheating {self._parts[trial.part].name}")
            runs[trial.part] += 1
            if runs[trial.part] <= _PREHEATS:
                trial.prepare()
                trial.run()

    def time(
        self,
        images: Sequence[Image],
        level: int = 0,
        turn: int = 0,
        report: Report = lambda _: None,
    ) -> Columns:
        """Time every trial on successive images of one size, but the first of each part.

        Each turn begins elsewhere, so that drift of the machine hits all parts alike.

        Parameters
        ----------
        images
            See `Kernel.trials`.
        level, turn
            Written into every row; the turn is the ``round``.
        report
            Called with the name of each part before it is timed.
        """
        trials = list(self._kernel.trials(images, seed=turn))
        start = len(trials) * (turn % 3) // 3
        begun: set[int] = set()
        rows = []
        for trial in [*trials[start:], *trials[:start]]:
            if trial.part not in begun:
                report(self._parts[trial.part].name)
            ms = self._ms(trial)
            if trial.part in begun:
                rows.append(self._row(trial, -1, level, turn, ms))
            begun.add(trial.part)
        return self._columns(rows)

    def switches(self, order: Sequence[int], images: Sequence[Image], turn: int = 0) -> Columns:
        """Time what starts groups in an order: each is a first one after the part before it.

        Parameters
        ----------
        order
            Positions among the parts that start groups.
        images, turn
            See `time`.
        """
        starting = self._kernel.space.compiled.main_parts[0]
        trials: dict[int, list[Trial]] = {int(part): [] for part in starting}
        for trial in self._kernel.trials(images):
            if trial.part in trials:
                trials[trial.part].append(trial)
        before, rows = int(starting[order[-1]]), []
        for step, position in enumerate(order):
            own = trials[part := int(starting[position])]
            trial = own[step % len(own)]
            ms = self._ms(trial)
            if step:
                rows.append(self._row(trial, before, 0, turn, ms))
            before = part
        return self._columns(rows)

    def _ms(self, trial: Trial) -> float:
        trial.prepare()
        start_ns = self._clock.monotonic_ns()
        trial.run()
        return (self._clock.monotonic_ns() - start_ns) / 1e6

    def _row(self, trial: Trial, before: int, level: int, turn: int, ms: float) -> list[float]:
        content = [float(getattr(trial.content, name)) for name in self._content]
        return [trial.part, before, level, turn, *trial.image_size, ms, *content]

    def _columns(self, rows: Sequence[Sequence[float]]) -> Columns:
        names = (*LATENCY_COLUMNS, *self._content)
        table = np.array(rows, np.float64).reshape(-1, len(names))
        # What is unknown of a trial's content is nothing that its cost depends on.
        return dict(zip(names, np.nan_to_num(table).T, strict=True))
