"""Where things are kept that can be made or had again."""

import os
from pathlib import Path

from approx_perception.exceptions import ConfigurationError

__all__ = ["user_cache"]


def user_cache() -> Path:
    """Folder of ours in ``$XDG_CACHE_HOME`` or ``~/.cache``; it need not be there yet.

    Raises
    ------
    ConfigurationError
        If the user has no folder for that.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not root.is_absolute():
        try:
            root = Path.home() / ".cache"
        except RuntimeError as error:
            raise ConfigurationError(
                "there is no home folder to keep networks in; name a folder as XDG_CACHE_HOME"
            ) from error
    return root / "approx_perception"
