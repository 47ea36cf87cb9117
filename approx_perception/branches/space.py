"""The ordered set of branches to choose from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from itertools import chain, product
from typing import Any

from approx_perception.branches._base import Space
from approx_perception.branches.branch import (
    TRACKER_NAMES,
    Branch,
    TrackerSettings,
    parse_branch,
)
from approx_perception.branches.compiled import MOST_STEPS, CompiledSpace, Part, Run, compile_space
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["BranchSpace"]

_KEYS = ("shape", "nprop", "si", "trackers", "models")


class BranchSpace(Space[Branch]):
    """Branches of detection and tracking.

    The order is that of a table with a row for each of the D `detector_settings` and a column for
    each of the K `cadences`: B = D K.

    Parameters
    ----------
    name
        For messages.
    shapes, nprops, sampling_intervals, trackers
        Values of each knob; ``nprops`` is empty for a family without proposals.
    models
        Of each of several networks (tiers), the worst one first: its shapes, none where it has no
        branch; empty for one network.

    Raises
    ------
    ConfigurationError
        If a knob has no values, doubled values or values outside its range.
    """

    task = "detection"
    knobs = ("model", "shape", "nprop", "si", "tracker")

    def __init__(
        self,
        name: str,
        shapes: Sequence[int],
        nprops: Sequence[int],
        sampling_intervals: Sequence[int],
        trackers: Sequence[TrackerSettings],
        models: Sequence[Sequence[int]] = (),
    ) -> None:
        self.name = name
        self.models = tuple(map(tuple, models))
        self.shapes = tuple(sorted({*chain(*self.models)})) if models else tuple(shapes)
        self.nprops = tuple(nprops)
        self.sampling_intervals = tuple(sampling_intervals)
        self.trackers = tuple(trackers)
        self._check_values()
        super().__init__(name, tuple(self._enumerate()))

    def _check_values(self) -> None:
        knobs: dict[str, Sequence[object]] = {
            "shape": self.shapes,
            "nprop": self.nprops,
            "si": self.sampling_intervals,
            "trackers": self.trackers,
            **{f"shape of model {n}": own for n, own in enumerate(self.models, 1)},
        }
        for knob, values in knobs.items():
            if len(set(values)) < len(values):
                raise ConfigurationError(f"space {self.name!r} names a value of {knob} twice")
        if not self.shapes or not self.sampling_intervals:
            raise ConfigurationError(f"space {self.name!r} needs values for shape and si")
        if max(self.sampling_intervals) > 1 and not self.trackers:
            raise ConfigurationError(f"space {self.name!r} has si above 1 but no trackers")

    def _enumerate(self) -> Iterator[Branch]:
        """Yield distinct branches: the tracker does not matter at si = 1."""
        for setting, (si, tracker) in product(self.detector_settings, self.cadences):
            shape, nprop, model = setting
            if tracker is None:
                yield Branch(shape, nprop, model=model)
            else:
                yield Branch(shape, nprop, si, tracker.name, tracker.ds, model)

    @property
    def default_branch(self) -> Branch:
        """The last model, the largest shape and nprop, detected on every frame."""
        shape, _, model = max(self.detector_settings, key=lambda own: (own[2] or 0, own[0]))
        return Branch(shape, max(self.nprops, default=None), model=model)

    @property
    def detector_settings(self) -> list[tuple[int, int | None, int | None]]:
        """Distinct ``(shape, nprop, model)`` in order."""
        tiers: Sequence[tuple[int | None, Sequence[int]]] = list(enumerate(self.models, 1))
        return [
            (shape, nprop, model)
            for model, shapes in tiers or [(None, self.shapes)]
            for shape, nprop in product(shapes, self.nprops or (None,))
        ]

    @property
    def cadences(self) -> list[tuple[int, TrackerSettings | None]]:
        """Distinct ``(si, tracker)`` in order; no tracker at si = 1."""
        return [
            (si, tracker)
            for si in self.sampling_intervals
            for tracker in (self.trackers if si > 1 else (None,))
        ]

    @cached_property
    def compiled(self) -> CompiledSpace:
        """What the scheduler knows of it.

        A group is one frame that is detected, which starts the tracker, and si - 1 that are
        tracked. Parts are the D detector settings, the start of each of T trackers and the step of
        each, in this order.
        """
        detections, starts, steps = parts = self._parts()

        def group(branch: Branch) -> list[Run]:
            detection, tracker = detections[branch.detector_settings], branch.tracker_settings
            if tracker is None:
                return [Run("detect", (detection,))]
            return [
                Run("detect", (detection, starts[tracker])),
                Run("track", (steps[tracker],), branch.si - 1),
            ]

        groups = [group(branch) for branch in self]
        return compile_space(
            [part for own in parts for part in own.values()], groups, self._longer()
        )

    def _compile_beside(self) -> CompiledSpace | None:
        """See `Space.beside`: a frame of the first kind is one on which a detection comes back.

        It starts the tracker on the frame that the detection is of, and steps it to the present
        one. Without a tracker nothing could carry the frames meanwhile.
        """
        if not self.trackers:
            return None
        detections, starts, steps = parts = self._parts()

        def first(branch: Branch, count: int) -> Run:
            tracker = branch.tracker_settings
            if tracker is None:
                return Run("detect", (detections[branch.detector_settings],))
            return Run("detect", (starts[tracker], *[steps[tracker]] * count))

        def group(branch: Branch) -> list[Run]:
            run, tracker = first(branch, MOST_STEPS), branch.tracker_settings
            return [run, Run("track", (steps[tracker],), branch.si - 1)] if tracker else [run]

        beside = [detections[b.detector_settings] if b.tracker_settings else None for b in self]
        return compile_space(
            [part for own in parts for part in own.values()],
            [group(branch) for branch in self], self._longer(), beside,
            [[first(branch, count + 1) for branch in self] for count in range(MOST_STEPS)],
        )  # fmt: skip

    def _parts(self) -> tuple[dict[Any, Part], dict[Any, Part], dict[Any, Part]]:
        """Of each detector setting, of each tracker's start and of its step."""
        detections = {
            setting: Part(_setting_name(setting), "detection", _setting_name(setting))
            for setting in self.detector_settings
        }
        starts, steps = (
            {
                tracker: Part(f"{what} of {tracker}", "tracker", f"tracker {tracker}")
                for tracker in self.trackers
            }
            for what in ("start", "step")
        )
        return detections, starts, steps

    def _longer(self) -> list[list[int]]:
        """For each si, the shortest first, branches that track; columns differ in si alone."""
        intervals = sorted(si for si in self.sampling_intervals if si > 1)
        alike = [branch for branch in self if intervals and branch.si == intervals[0]]
        return [[self.index(replace(branch, si=si)) for branch in alike] for si in intervals]

    def parse(self, text: str, default: Branch | None = None) -> Branch:
        """See `Space` and `parse_branch`; a model alone is taken with its largest shape."""
        branch = parse_branch(text, default or self.default_branch)
        if branch.model is None or "shape" in text or branch.model > len(self.models):
            return branch
        shapes = self.models[branch.model - 1]
        return branch if branch.shape in shapes else replace(branch, shape=max(shapes))

    def values(self, branch: Branch, knob: str) -> set[str]:
        """See `Space`; a tracker may be called with its down-sampling or without."""
        if knob != "tracker":
            return super().values(branch, knob)
        return set() if branch.tracker is None else {branch.tracker, str(branch.tracker_settings)}

    def with_branch(self, branch: Branch) -> "BranchSpace":
        """Return the space of that one branch."""
        trackers = [branch.tracker_settings] if branch.tracker_settings else []
        nprops = [] if branch.nprop is None else [branch.nprop]
        # Other models have no shapes, so that this one keeps its number.
        others: list[list[int]] = [[]] * ((branch.model or 1) - 1)
        models = [*others, [branch.shape]] if branch.model else []
        return BranchSpace(str(branch), [branch.shape], nprops, [branch.si], trackers, models)

    def with_shapes(self, shapes: Sequence[int]) -> "BranchSpace":
        """Return the space with other shapes."""
        if tuple(shapes) == self.shapes:
            return self
        return BranchSpace(self.name, shapes, self.nprops, self.sampling_intervals, self.trackers)

    def with_models(self, models: Sequence[Sequence[int]]) -> "BranchSpace":
        """Return the space for several networks, given the shapes of each."""
        return BranchSpace(
            self.name, (), self.nprops, self.sampling_intervals, self.trackers, models
        )

    def describe(self) -> str:
        """One line with the values of every knob."""
        trackers = " ".join(f"{tracker.name}/{tracker.ds}" for tracker in self.trackers)
        models = range(1, len(self.models) + 1)
        knobs = {
            "model": models,
            "shape": self.shapes,
            "nprop": self.nprops,
            "si": self.sampling_intervals,
        }
        values = [f"{name} {' '.join(map(str, knob))}" for name, knob in knobs.items() if knob]
        return ", ".join([*values, f"trackers {trackers}"] if trackers else values)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that `from_dict` reads."""
        return {
            "name": self.name,
            **({"models": [list(own) for own in self.models]} if self.models else {}),
            "shape": [] if self.models else list(self.shapes),
            "nprop": list(self.nprops),
            "si": list(self.sampling_intervals),
            "trackers": [asdict(tracker) for tracker in self.trackers],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], origin: str) -> "BranchSpace":
        """Build a space from parsed YAML; ``origin`` names it in errors."""
        allowed = {"name", *_KEYS}
        if unknown := sorted(set(data) - allowed, key=str):
            raise ConfigurationError(
                f"{origin} has the unknown key {shown(unknown[0])}; choose "
                f"{choices(sorted(allowed))}"
            )
        values = {key: data.get(key) or [] for key in allowed - {"name"}}
        for key, value in values.items():
            if not isinstance(value, list):
                raise ConfigurationError(f"{origin}: {key} is {shown(value)}, expected a list")
        trackers = [_tracker_from(entry, origin) for entry in values["trackers"]]
        name = str(data.get("name", origin))
        try:
            return cls(
                name, values["shape"], values["nprop"], values["si"], trackers, values["models"]
            )
        except (ConfigurationError, TypeError) as error:
            raise ConfigurationError(f"{origin}: {error}") from error


def _setting_name(setting: tuple[int, int | None, int | None]) -> str:
    shape, nprop, model = setting
    return f"detector setting {Branch(shape, nprop, model=model)}".replace(",si=1", "")


def _tracker_from(entry: object, origin: str) -> TrackerSettings:
    if not isinstance(entry, Mapping) or not {"name"} <= set(entry) <= {"name", "ds"}:
        raise ConfigurationError(
            f"{origin}: tracker {shown(entry)} must be a mapping with 'name' and, if wanted, 'ds'"
        )
    if entry["name"] not in TRACKER_NAMES:
        raise ConfigurationError(
            f"{origin}: there is no tracker {shown(entry['name'])}; choose {choices(TRACKER_NAMES)}"
        )
    return TrackerSettings(entry["name"], entry.get("ds", 1))
