"""What was found fastest at an earlier start, in the user's cache folder."""

import hashlib
import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError
from approx_perception.files import read_json_table, replace_text, user_cache
from approx_perception.machine import describe_cpu, versions
from approx_perception.notices import notice
from approx_perception.runtimes._base import Arrays, GraphSource, RuntimeOptions
from approx_perception.runtimes.opening import Setup
from approx_perception.runtimes.registry import runtime_names

__all__ = ["Known", "Memory"]


@dataclass(frozen=True, slots=True)
class Known:
    """A choice of an earlier start.

    Attributes
    ----------
    setup
        That was the best.
    reason
        What was measured.
    file
        To delete for measuring again.
    """

    setup: Setup
    reason: str
    file: Path


@dataclass(frozen=True, slots=True)
class Memory:
    """One small file for each graph, machine and choice of options.

    Attributes
    ----------
    folder
        Where they lie; made where it is needed. None: nothing is remembered.
    """

    folder: Path | None

    @classmethod
    def of_user(cls) -> "Memory":
        """In the user's cache."""
        try:
            return cls(user_cache() / "runtimes")
        except ConfigurationError:
            return cls(None)

    @staticmethod
    def key(source: GraphSource, options: RuntimeOptions, inputs: Arrays) -> dict[str, Any]:
        """All that a choice depends on, known without importing a runtime; plain JSON."""
        here = versions()
        return {
            "graph": source.digest,
            "machine": describe_cpu(),
            "versions": {name: here.get(name) for name in runtime_names()},
            "options": asdict(options),
            "shapes": [list(array.shape) for array in inputs.values()],
        }

    def recall(self, key: dict[str, Any]) -> Known | None:
        """What is known for a key; None where nothing is, or the file cannot be read."""
        file = self._file(key)
        if file is None or not file.is_file():
            return None
        try:
            table = read_json_table(file, "choice of a runtime")
            setup, reason = Setup(*table["setup"]), str(table["reason"])
        except (ApproxPerceptionError, LookupError, TypeError):
            return None  # It is measured and written anew.
        return Known(setup, reason, file)

    def remember(self, key: dict[str, Any], setup: Setup, reason: str) -> None:
        """Write a choice down; where that is not possible, each start measures."""
        content = {"setup": list(astuple(setup)), "reason": reason, **key}
        if (file := self._file(key)) is None:
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_text(file, json.dumps(content, indent=1) + "\n")
        except (ApproxPerceptionError, OSError) as error:
            notice(f"the choice of a runtime is not remembered: {error}")

    def _file(self, key: dict[str, Any]) -> Path | None:
        if self.folder is None:
            return None
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
        return self.folder / f"{name}.json"
