"""Arguments of a node's command line that are not ROS's: help, or a mistake."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rclpy.utilities import remove_ros_args

from approx_perception.exceptions import ConfigurationError, shown
from approx_perception.interface import Parameter

__all__ = ["refuse_what_is_not_of_ros"]

_HELP = ("-h", "--help")


def refuse_what_is_not_of_ros(
    arguments: Sequence[str] | None, parameters: Sequence[Parameter]
) -> None:
    """Print help and end where it is asked for; refuse what would be ignored.

    Raises
    ------
    ConfigurationError
        If anything is left that is neither ROS's nor asks for help.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    # rclpy takes these for unknown arguments, and says no more.
    if any(word in given for word in _HELP):
        print(_help(parameters))
        sys.exit(0)
    # With arguments of ROS that cannot be, removing raises what rclpy.init does. It takes what
    # stands before them as NAME:=NAME for an old way to rename, also where it is a parameter.
    before = given[: given.index("--ros-args")] if "--ros-args" in given else given
    names = {parameter.name for parameter in parameters}
    meant = [word for word in before if word.partition(":=")[0] in names and ":=" in word]
    if left := meant or remove_ros_args(given):
        raise ConfigurationError(
            f"cannot use the argument {shown(left[0])}: {_advice(left[0])}; --help tells more"
        )


def _advice(word: str) -> str:
    if ":=" in word and not word.startswith("-"):
        return f"for a parameter write --ros-args -p {word[:100]}, for a name -r in place of -p"
    return "a node takes those of ROS, behind --ros-args"


def _help(parameters: Sequence[Parameter]) -> str:
    lines = [
        f"usage: {Path(sys.argv[0]).stem} [--ros-args [-p NAME:=VALUE]... [-r NAME:=NAME]... "
        "[--params-file FILE]]",
        "",
        "-p sets a parameter, -r renames a topic or node, --params-file reads parameters of YAML.",
        "Parameters and their defaults (docs/node.md says more):",
        *(f"  {parameter.name}: {parameter.default!r}" for parameter in parameters),
    ]
    return "\n".join(lines)
