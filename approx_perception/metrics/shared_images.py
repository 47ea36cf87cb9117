"""Sources that hold the same images: they are no new data, whatever they are called."""

from collections import Counter
from collections.abc import Iterable

from approx_perception.metrics.run_record import RunRecord

__all__ = ["shared_images"]


def shared_images(records: Iterable[RunRecord]) -> list[str]:
    """Return a sentence for each two sources that have images in common.

    Parameters
    ----------
    records
        Of one system. Repetitions of a source are one source.
    """
    holders: dict[int, list[str]] = {}
    hashes: dict[str, str] = {}
    for record in records:
        source = record.metadata["source"]
        hashes.setdefault(source, record.metadata["data_hash"])
        for image in set(record.frames["image_hash"].tolist()) - {0}:
            owners = holders.setdefault(image, [])
            if source not in owners:
                owners.append(source)
    pairs = Counter(
        (first, second)
        for owners in holders.values()
        for index, second in enumerate(owners)
        for first in owners[:index]
    )
    return [
        f"{second} has the images of {first}: intervals take both for one source"
        if hashes[first] == hashes[second]
        else f"{count} images of {second} are in {first} too: intervals take them for new data, "
        "and are too narrow"
        for (first, second), count in pairs.items()
    ]
