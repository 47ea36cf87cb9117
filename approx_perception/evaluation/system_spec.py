"""A system to evaluate, from a user's words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from approx_perception.assembly.options import FIELDS, KernelOptions, check_words, own_values
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.files import read_yaml_table
from approx_perception.interface.systems import ALIASES, SYSTEMS, WITH_BRANCH

__all__ = ["SystemSpec", "with_branches"]

_SLA_NAMES = {
    "sla_ms": "latency_ms",
    "sla_quantile": "quantile",
    "sla_scope": "scope",
    "sla_accuracy": "accuracy",
}


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """One system to evaluate.

    Attributes
    ----------
    name
        For tables.
    kind
        A key of `SYSTEMS`; its other words are `ALIASES`.
    options
        Network, space, branch, SLA; the policy follows from the kind.
    """

    name: str
    kind: str
    options: KernelOptions

    @classmethod
    def create(cls, kind: str, options: KernelOptions, name: str = "") -> "SystemSpec":
        """Check the kind and give the options its policy.

        Raises
        ------
        ConfigurationError
            If there is no such kind, or it asks for another branch.
        """
        own = ALIASES.get(kind, kind)
        if own not in SYSTEMS:
            raise ConfigurationError(f"there is no policy {shown(kind)}; choose {choices(SYSTEMS)}")
        if kind == "detector_only" and "si=" in options.branch and "si=1" not in options.branch:
            raise ConfigurationError(
                f"detector_only runs the detector on every frame, but its branch is "
                f"{shown(options.branch)}; leave si out, or take the policy 'fixed'"
            )
        options = replace(options, policy=SYSTEMS[own], only_branch=own in WITH_BRANCH)
        return cls(name or kind, own, options)

    @classmethod
    def read(cls, text: str, defaults: KernelOptions) -> "SystemSpec":
        """Read a system: a policy, one with its branch, or a YAML file with ``policy`` and options.

        Parameters
        ----------
        text
            ``most_accurate``, ``fixed:shape=448,si=4``, or ``path.yaml``.
        defaults
            Options that a file does not name.

        Raises
        ------
        ConfigurationError
            Naming what cannot be used.
        """
        if not text.endswith((".yaml", ".yml")):
            kind, has_branch, branch = text.partition(":")
            if not has_branch:
                return cls.create(text, defaults)
            if ALIASES.get(kind, kind) not in WITH_BRANCH:
                raise ConfigurationError(
                    f"the policy {shown(text)} names a branch; only {choices(WITH_BRANCH)} take one"
                )
            if not branch:
                raise ConfigurationError(
                    f"the policy {shown(text)} names no branch; write one, such as "
                    f"'{kind}:shape=448'"
                )
            return cls.create(kind, replace(defaults, branch=branch), text)
        path = Path(text)
        content = read_yaml_table(path, "description of a system", "'policy' and options")
        kind = content.pop("policy", None) or content.pop("system", None)
        if kind is None:
            raise ConfigurationError(
                f"{path} is no description of a system: it has no 'policy', one of "
                f"{choices(SYSTEMS)}"
            )
        kind, name = str(kind), str(content.pop("name", path.stem))
        return cls.create(kind, _with_options(path, defaults, content), name)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        options = {**own_values(self.options), "sla": self.options.sla.to_dict()}
        for key, value in options.items():
            if isinstance(value, Path):
                options[key] = str(value)
        return {"name": self.name, "system": self.kind, **options}


def _with_options(path: Path, defaults: KernelOptions, content: Mapping[str, Any]) -> KernelOptions:
    """Options of a file over those of the command line."""
    known = {field.name for field in fields(KernelOptions)} - {"policy", "only_branch", "sla"}
    values, sla = asdict(defaults), defaults.sla.to_dict()
    check_words(content, str(content.get("task", defaults.task)))
    for word, value in content.items():
        key = FIELDS.get(word, word)
        if key in _SLA_NAMES:
            sla[_SLA_NAMES[key]] = value
        elif key in known:
            values[key] = value
        else:
            names = choices(sorted(known | {*_SLA_NAMES}))
            raise ConfigurationError(f"{path}: there is no option {shown(word)}; choose {names}")
    try:
        return TypeAdapter(KernelOptions).validate_python({**values, "sla": sla})
    except ValidationError as error:
        reasons = "; ".join(
            f"{entry['loc'][-1]} is {shown(entry['input'])}: {entry['msg']}"
            for entry in error.errors()
        )
        raise ConfigurationError(f"{path}: {reasons}") from error


def with_branches(systems: Sequence[str], branches: Sequence[str]) -> list[str]:
    """Names of systems; those that take a branch once with each of several."""
    if len(branches) < 2:
        return list(systems)
    if not any(ALIASES.get(name, name) in WITH_BRANCH for name in systems):
        raise ConfigurationError(
            f"{len(branches)} branches are given, but no policy takes several: add --policy "
            f"{choices(WITH_BRANCH)}"
        )
    return [
        text
        for name in systems
        for text in (
            [f"{name}:{b}" for b in branches] if ALIASES.get(name, name) in WITH_BRANCH else [name]
        )
    ]
