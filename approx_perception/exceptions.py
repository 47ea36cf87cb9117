"""The errors that users of the package see: one tree, caught at the border as one type."""

from collections.abc import Iterable

__all__ = [
    "ApproxPerceptionError",
    "ConfigurationError",
    "DatasetError",
    "InferenceError",
    "InvalidFrameError",
    "OutputError",
    "ProcessDiedError",
    "UnknownEncodingError",
    "WeightsError",
    "choices",
    "counted",
    "described",
    "one_line",
    "reason_of",
    "shown",
]


#: Characters; the last defence, for values are cut where they are quoted.
_LONGEST_TEXT = 2000
#: Characters of what another library says.
_LONGEST_FOREIGN_TEXT = 500


class ApproxPerceptionError(Exception):
    """Root of all errors raised on purpose; its text is one sentence for the user."""

    def __str__(self) -> str:
        text, half = super().__str__(), (_LONGEST_TEXT - 3) // 2
        # A path of thousands of characters stands first: the reason is behind it.
        return text if len(text) <= _LONGEST_TEXT else f"{text[:half]}...{text[-half:]}"


class ConfigurationError(ApproxPerceptionError):
    """A parameter, branch, space or command-line value that cannot be used."""


class WeightsError(ApproxPerceptionError):
    """Network weights that are missing, corrupt or of another network."""


class DatasetError(ApproxPerceptionError):
    """A bag, video, folder or ground-truth file that cannot be read or written."""


class InvalidFrameError(ApproxPerceptionError):
    """One image that cannot be processed; the stream goes on after it."""


class InferenceError(ApproxPerceptionError):
    """The network failed on an image, at one setting; others may work."""


class OutputError(ApproxPerceptionError):
    """A file or folder that cannot be written, for example because the disk is full."""


class UnknownEncodingError(InvalidFrameError):
    """An image message in an encoding that we do not decode; others may."""


class ProcessDiedError(ApproxPerceptionError):
    """A process of a run ended although it was still needed."""


def choices(names: Iterable[object]) -> str:
    """List valid values for an error message: ``'a', 'b' or 'c'``."""
    quoted = [repr(name) for name in names]
    if len(quoted) < 2:
        return "".join(quoted) or "nothing"
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def counted(count: int, noun: str) -> str:
    """Write a number with its noun: ``1 image``, ``2 images``, ``3 classes``, ``4 branches``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}{'es' if noun.endswith(('s', 'ch', 'x')) else 's'}"


def shown(value: object, limit: int = 200) -> str:
    """Quote a user's value for an error message or a log line, cut to ``limit`` characters."""
    # Cut first: the repr of megabytes takes long.
    text = repr(value[:limit]) if isinstance(value, (str, bytes)) else repr(value)
    is_cut = len(text) > limit or (isinstance(value, (str, bytes)) and len(value) > limit)
    return f"{text[: limit - 3]}..." if is_cut else text


def described(error: BaseException) -> str:
    """What an error says, never nothing: our own errors are sentences, others need their type.

    What another library says is put on one line and cut.
    """
    if isinstance(error, ApproxPerceptionError) and str(error):
        return str(error)
    return one_line(f"{type(error).__name__}: {error}", _LONGEST_FOREIGN_TEXT).removesuffix(":")


def reason_of(error: BaseException, limit: int = _LONGEST_FOREIGN_TEXT) -> str:
    """What an error of another library says, on one line and cut; its type if it says nothing."""
    return one_line(str(error), limit) or type(error).__name__


def one_line(text: str, limit: int) -> str:
    """Put a text on one line and cut it to ``limit`` characters."""
    words = " ".join(text.split())
    return words if len(words) <= limit else f"{words[: limit - 3]}..."
