"""Find the fastest way to run a graph on this machine, and see that it computes the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from approx_perception.clock import Clock, MonotonicClock
from approx_perception.exceptions import ConfigurationError, reason_of
from approx_perception.runtimes._base import Array, Arrays, Graph, GraphSource, RuntimeOptions
from approx_perception.runtimes.agreement import far_sentence
from approx_perception.runtimes.opening import Setup, open_reference, setups
from approx_perception.runtimes.registry import AUTO, installed_runtimes, runtime_named
from approx_perception.runtimes.remembering import Known, Memory

__all__ = ["settled"]

#: A graph that is quicker stays as it is: there is nothing to win.
_WORTH_MS = 1.0
#: Another way must save this share of the time: a second runtime takes 60 MB.
_MIN_GAIN = 0.15
#: One whose second run takes so many times the best one's is given up.
_HOPELESS = 2.0
_MOST_ROUNDS, _MOST_MS = 15, 2000.0
#: Loading of further ones begins only before.
_MOST_LOADING_MS = 4000.0


def settled(
    graph: Graph | GraphSource,
    options: RuntimeOptions,
    inputs: Arrays,
    memory: Memory | None = None,
    clock: Clock | None = None,
) -> Graph:
    """Open a graph in the setup that options want, or in the fastest that they allow.

    Parameters
    ----------
    graph
        What `open_reference` gave, or where that is opened from; of a source it is done only where
        an earlier start did not choose another.
    options
        Where runtime or precision are ``auto``, what is here is measured.
    inputs
        Of a usual shape and a usual picture; outputs are compared at them.
    memory
        Choices of earlier starts; None for the user's.
    clock
        Times runs.

    Returns
    -------
    Graph
        With its `reason`.

    Raises
    ------
    ConfigurationError
        If options name what is not here, or the outputs are far from the reference's.
    WeightsError
        If the only setup that options allow cannot read the graph.
    """
    memory = memory or Memory.of_user()
    source = graph if isinstance(graph, GraphSource) else graph.source
    key = memory.key(source, options, inputs)
    if (again := _as_before(memory.recall(key), graph, source, options)) is not None:
        return again
    reference = _reference(graph, options)
    allowed = list(setups(options))
    trial = _Trial(reference, options, inputs, clock or MonotonicClock())
    if len(allowed) == 1:
        only = trial.only(allowed[0])
        if not runtime_named(only.runtime).compiles_shapes:
            return _settled(only)
    if trial.setup in allowed and trial.ms(reference) < _WORTH_MS:
        return _settled(reference, f"it takes less than {_WORTH_MS:g} ms, so no other was tried")
    best, reason = trial.fastest(allowed)
    memory.remember(key, best.setup, reason)
    return _settled(best.graph, reason)


def _reference(graph: Graph | GraphSource, options: RuntimeOptions) -> Graph:
    if isinstance(graph, Graph):
        return graph
    return open_reference(graph.path, options, graph.content)


def _as_before(
    known: Known | None, graph: Graph | GraphSource, source: GraphSource, options: RuntimeOptions
) -> Graph | None:
    """The graph as an earlier start chose; other runtimes are not even imported."""
    if known is None or not _is_allowed(known.setup, options):
        return None
    if not isinstance(graph, Graph) or known.setup != _setup_of(graph):
        try:
            graph = known.setup.open(source, options.num_threads)
        except Exception:  # whatever the runtime raises: it is not here any more
            return None
    return _settled(
        graph, f"{known.reason} (at an earlier start; to measure again delete {known.file})"
    )


def _is_allowed(setup: Setup, options: RuntimeOptions) -> bool:
    """Whether it is here and options allow it: a file of the user's may say anything."""
    if setup.runtime not in installed_runtimes() or options.runtime not in (AUTO, setup.runtime):
        return False
    try:
        return replace(setup, per_shape=False) in setups(replace(options, runtime=setup.runtime))
    except ConfigurationError:
        return False


def _setup_of(graph: Graph) -> Setup:
    return Setup(graph.runtime, graph.device, graph.precision)


def _settled(graph: Graph, reason: str = "") -> Graph:
    graph.reason = reason
    # A copy of its bytes would stay in memory.
    graph.source = replace(graph.source, content=None)
    return graph


@dataclass(slots=True)
class _Candidate:
    setup: Setup
    graph: Graph
    times_ms: list[float] = field(default_factory=list)

    @property
    def ms(self) -> float:
        """The quickest run: what else runs here can only add."""
        return min(self.times_ms)

    @property
    def words(self) -> str:
        return f"{self.setup.words} {self.ms:.1f} ms"


class _Trial:
    """Runs of one graph at the same inputs."""

    def __init__(
        self, reference: Graph, options: RuntimeOptions, inputs: Arrays, clock: Clock
    ) -> None:
        self._reference, self._inputs, self._clock = reference, inputs, clock
        self._num_threads = options.num_threads
        self._expected: Sequence[Array] = reference.run(inputs)
        self.setup = _setup_of(reference)

    def open(self, setup: Setup) -> Graph:
        """The graph in a setup."""
        if setup == self.setup:
            return self._reference
        return setup.open(self._reference.source, self._num_threads)

    def only(self, setup: Setup) -> Graph:
        """The graph in the setup that a user names; refused if it computes something else."""
        graph = self.open(setup)
        if problem := self._problem(graph):
            raise ConfigurationError(
                f"{graph.source.path.name} cannot run in {setup.words}: {problem}; choose "
                "another precision or runtime"
            )
        return graph

    def _problem(self, graph: Graph) -> str:
        """Why a graph cannot stand for the reference; runs it once, which makes it warm."""
        if graph is self._reference:
            return ""
        try:
            graph.prepare(self._inputs)
            given = graph.run(self._inputs)
        except Exception as error:  # whatever the runtime raises
            return f"it fails ({reason_of(error, 160)})"
        return far_sentence(given, self._expected, graph.precision)

    def ms(self, graph: Graph) -> float:
        """What one run takes."""
        start_ns = self._clock.monotonic_ns()
        graph.run(self._inputs)
        return (self._clock.monotonic_ns() - start_ns) / 1e6

    def fastest(self, allowed: Sequence[Setup]) -> tuple[_Candidate, str]:
        """Measure setups in turns; returns the best one and what was measured.

        Raises
        ------
        ConfigurationError
            If none computes what the reference does.
        """
        candidates, notes = self._candidates(allowed)
        if not candidates:
            raise ConfigurationError(
                f"{self._reference.source.path.name} runs in no runtime that the options allow: "
                f"{'; '.join(notes)}"
            )
        best = self._best(candidates)
        if runtime_named(best.setup.runtime).compiles_shapes:
            compiled, more = self._candidates([replace(best.setup, per_shape=True)])
            notes += more
            candidates += compiled
            best = self._best([best, *compiled])
        others = [each.words for each in candidates if each is not best]
        return best, f"{', '.join([best.words, *others])}{'; '.join(['', *notes])}"

    def _candidates(self, allowed: Sequence[Setup]) -> tuple[list[_Candidate], list[str]]:
        """Those worth measuring, warm; and what became of the others."""
        candidates: list[_Candidate] = []
        notes = []
        start_ns = self._clock.monotonic_ns()
        for setup in allowed:
            if candidates and self._clock.monotonic_ns() - start_ns > 1e6 * _MOST_LOADING_MS:
                notes.append(f"{setup.words} was not tried, loading takes long")
                continue
            try:
                candidate = _Candidate(setup, self.open(setup))
                problem = self._problem(candidate.graph)
            except Exception as error:  # whatever the runtime raises
                problem = reason_of(error, 160)
            if problem:
                notes.append(f"{setup.words} was left out: {problem}")
                continue
            candidate.times_ms.append(self.ms(candidate.graph))
            if candidates and candidate.ms > _HOPELESS * min(each.ms for each in candidates):
                notes.append(f"{candidate.words} in its first run")
                continue
            candidates.append(candidate)
        return candidates, notes

    def _best(self, candidates: Sequence[_Candidate]) -> _Candidate:
        """Time them in turns, so that what else runs here hits all alike."""
        for each in candidates:
            each.times_ms.clear()
        start_ns = self._clock.monotonic_ns()
        for _ in range(_MOST_ROUNDS if len(candidates) > 1 else 1):
            for each in candidates:
                each.times_ms.append(self.ms(each.graph))
            if self._clock.monotonic_ns() - start_ns > 1e6 * _MOST_MS:
                break
        best = candidates[0]
        for other in candidates[1:]:
            # Those before it are plainer.
            if other.ms < (1 - _MIN_GAIN) * best.ms:
                best = other
        return best
