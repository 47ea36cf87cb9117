"""YAML and JSON of others: depth, size and kinds of values are bounded before anything is built."""

import json
import math
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from approx_perception.exceptions import ApproxPerceptionError, ConfigurationError, reason_of, shown
from approx_perception.files.content import UnreadableError, text_of

__all__ = ["read_json", "read_json_table", "read_yaml_table"]

_DEEPEST = 64
_LONGEST_REASON = 300
_LARGEST_YAML_BYTES = 2**22
#: Aliases count as often as they are used.
_MOST_YAML_VALUES = 100_000
_LARGEST_INTEGER = 2**63
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "merge")
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in _KINDS}
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
#: Where a value stands: what holds it, and its key or, in a list, its index; None for the top.
_Place: TypeAlias = "tuple[_Place | None, object, bool] | None"
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml_table(path: Path, what: str, must_hold: str) -> dict[Any, Any]:
    """Read a YAML file whose top level is ``key: value`` lines.

    Values are texts, numbers, true, false, null, lists and tables. Anchors may be used.

    Parameters
    ----------
    path
        File to read.
    what
        What it should be, as ``scenario``, for the error.
    must_hold
        What such a file holds, likewise.

    Raises
    ------
    ConfigurationError
        If it cannot be read or is no table; if a key comes twice, a date is not quoted, a number
        is out of range, or nesting has no end.
    """
    try:
        content = _build(text_of(path, _LARGEST_YAML_BYTES))
        if not isinstance(content, dict):
            raise UnreadableError(f"it must hold {must_hold}")
    except UnreadableError as reason:
        raise ConfigurationError(f"{path} is no {what}: {reason}") from reason
    return content


def _build(text: str) -> Any:
    """Build the values of a YAML text once it is known that they are few and plain."""
    loader = None
    try:
        _check_depth(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_nodes(loader, node)
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        # What PyYAML lets through of values that contradict their tag.
        raise UnreadableError(f"it is no YAML: {reason_of(error)}") from error
    finally:
        if loader is not None:
            loader.dispose()


def _check_depth(text: str) -> None:
    """Look at events only: building calls itself at each level and would run out of stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise UnreadableError(f"it is nested more than {_DEEPEST} levels deep")


def _check_nodes(loader: Any, root: yaml.Node) -> None:
    """Follow aliases as often as they are used: one that holds itself, or a few that double."""
    waiting: list[tuple[yaml.Node, int, _Place]] = [(root, 1, None)]
    count = 0
    while waiting:
        node, depth, place = waiting.pop()
        count += 1
        line = node.start_mark.line + 1
        if depth > _DEEPEST or count > _MOST_YAML_VALUES:
            raise UnreadableError(
                f"it holds more than {_MOST_YAML_VALUES} values or {_DEEPEST} levels (line {line})"
            )
        if node.tag not in _PLAIN:
            kind = node.tag.rpartition(":")[2][:_LONGEST_REASON]
            raise UnreadableError(
                f"line {line} holds {shown(node.value)} of the kind {kind}; write it in quotes"
            )
        if node.tag in _NUMBERS:
            _check_number(place, loader.construct_object(node), f"line {line}: ")
        waiting += [(child, depth + 1, inner) for child, inner in _children(node, place)]


def _children(node: yaml.Node, place: _Place) -> list[tuple[yaml.Node, _Place]]:
    if isinstance(node, yaml.SequenceNode):
        return [(child, (place, index, True)) for index, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return []
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                line = key.start_mark.line + 1
                raise UnreadableError(f"line {line} has the key {shown(key.value)} a second time")
            seen.add((key.tag, key.value))
    found: list[tuple[yaml.Node, _Place]] = []
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "a list"
        found += [(key, (place, "a key", False)), (value, (place, name, False))]
    return found


def read_json(
    path: Path, what: str, error: type[ApproxPerceptionError] = ConfigurationError
) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path
        File to read.
    what
        What it should be, as ``accuracy table``, for the error.
    error
        Class of the error.

    Raises
    ------
    ApproxPerceptionError
        Of the class ``error``, if the file cannot be read or is no JSON; if a number is not finite
        or out of range, or values are nested deeper than 64 levels.
    """
    try:
        text = text_of(path)
        try:
            content = json.loads(text, parse_constant=_refuse)
        except RecursionError as reason:
            raise UnreadableError(f"it is nested more than {_DEEPEST} levels deep") from reason
        except ValueError as reason:
            raise UnreadableError(f"it is no JSON: {reason}") from reason
        _check_values(content)
    except UnreadableError as reason:
        raise error(f"cannot read the {what} {path}: {reason}") from reason
    return content


def read_json_table(
    path: Path, what: str, error: type[ApproxPerceptionError] = ConfigurationError
) -> dict[str, Any]:
    """Read a JSON file whose top level is ``{"name": value}``; see `read_json`."""
    content = read_json(path, what, error)
    if not isinstance(content, dict):
        raise error(f"cannot read the {what} {path}: it holds no table at the top")
    return content


def _refuse(name: str) -> Any:
    raise UnreadableError(f"it holds {name}, which is no number")


def _check_values(content: Any) -> None:
    """Refuse numbers that no setting can have, and depth at which other code calls itself."""
    level: list[tuple[Any, _Place]] = [(content, None)] if isinstance(content, list | dict) else []
    for _ in range(_DEEPEST):
        below: list[tuple[Any, _Place]] = []
        for value, place in level:
            is_list = isinstance(value, list)
            for key, item in enumerate(value) if is_list else value.items():
                if isinstance(item, list | dict):
                    below.append((item, (place, key, is_list)))
                elif isinstance(item, int | float):
                    _check_number((place, key, is_list), item)
        if not below:
            return
        level = below
    raise UnreadableError(f"it is nested more than {_DEEPEST} levels deep")


def _check_number(place: _Place, value: float, line: str = "") -> None:
    if abs(value) < _LARGEST_INTEGER:
        return
    if isinstance(value, int):
        reason = f"an integer of {value.bit_length()} bits; at most 63 fit"
    elif math.isfinite(value):
        reason = f"{value}; numbers must be below {_LARGEST_INTEGER:g}"
    else:
        reason = f"{value}, which is no finite number"
    raise UnreadableError(f"{line}{_path(place)} is {reason}")


def _path(place: _Place) -> str:
    """Where a value stands, as ``limits[0].mean_ms``."""
    steps: list[str] = []
    while place is not None:
        place, key, is_index = place
        steps.append(f"[{key}]" if is_index else f".{str(key)[:_LONGEST_REASON]}")
    return "".join(reversed(steps)).removeprefix(".")[-_LONGEST_REASON:] or "the value"
