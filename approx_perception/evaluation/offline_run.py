"""What the verb run does: one system over one source, and what came out as files."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approx_perception.assembly import Network
from approx_perception.assembly.options import own_values
from approx_perception.assembly.tasks import task_of
from approx_perception.datasets import FrameSource, is_synthetic
from approx_perception.evaluation.ending import ended_in_time
from approx_perception.evaluation.run import run_systems
from approx_perception.evaluation.scenario import Scenario
from approx_perception.evaluation.sources import SourceOptions
from approx_perception.evaluation.system_spec import SystemSpec
from approx_perception.evaluation.systems import BuiltSystem, SystemFactory
from approx_perception.metrics.run_record import RunRecord
from approx_perception.pipeline.driver import Listener
from approx_perception.reports.run_files import RunFiles, write_config
from approx_perception.structures import Frame, FrameResult

__all__ = ["OfflineRun", "run_offline"]


@dataclass(frozen=True, slots=True, eq=False)
class OfflineRun:
    """What came of a source.

    Attributes
    ----------
    record
        Of all frames.
    network, source
        That ran, and what it ran on.
    """

    record: RunRecord
    network: Network
    source: FrameSource


def run_offline(
    spec: SystemSpec,
    options: SourceOptions,
    folder: Path,
    video: bool = False,
    report: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> OfflineRun:
    """Run a source through the pipeline, every frame, and write what came out.

    Parameters
    ----------
    spec, options
        The system and the source.
    folder
        Gets the files of `RunFiles` and ``config.yaml``.
    video
        Whether it gets ``annotated.mp4`` too.
    report
        Called with a line on what is being done before the first frame.
    progress
        Called after each frame with the frames so far and their number, 0 where nobody knows it.

    Raises
    ------
    DatasetError
        If the source has no frames.
    InferenceError
        If every frame failed.
    """
    ran: list[tuple[Network, FrameSource]] = []
    with ExitStack() as stack:

        def listen(system: BuiltSystem, source: FrameSource) -> Sequence[Listener]:
            ran.append((system.network, source))
            caution = "" if is_synthetic(options.name) else system.network.kernel.caution
            write_config(folder / "config.yaml", _effective_config(options, system))
            fps = source.fps if video else None
            task = system.network.kernel.task
            files = RunFiles(
                folder, task, system.class_names, fps, caution, source.frame_paths, source.is_live
            )
            stack.enter_context(files)
            if source.is_live:
                stack.enter_context(ended_in_time(source, options.seconds))
            counts = [n for n in (source.frame_count, options.limit(source)) if n]
            return [files, _Progress(min(counts, default=0), progress)]

        (record,) = run_systems(
            [spec], options, Scenario(), factory=SystemFactory(report=report), listen=listen
        )
    return OfflineRun(record, *ran[0])


class _Progress:
    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, frame: Frame, result: FrameResult | None, *_: Any) -> None:
        self._done += 1
        self._progress(self._done, self._total)


def _effective_config(source: SourceOptions, system: BuiltSystem) -> dict[str, Any]:
    network, options = system.network, system.spec.options
    fixed = {"fixed_branch": str(network.branch)} if options.policy == "fixed" else {}
    return {
        "source": source.public_name,
        **own_values(options),
        task_of(options).family_word: task_of(options).family(options),
        "sla": options.sla.to_dict(),
        "class_names_file": str(options.class_names_file or ""),
        "profile": str(options.profile or ""),
        "image_size": list(options.image_size),
        "network": network.kernel.description,
        **fixed,
        "space_content": network.space.to_dict(),
        "space_hash": network.space.hash,
    }
