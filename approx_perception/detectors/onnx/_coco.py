"""Class names of COCO (Lin et al., 2014)."""

__all__ = ["coco_names"]

_NO_CLASS = "N/A"
#: By category id from 0 to 90.
_BY_ID = (
    """
N/A, person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
fire hydrant, N/A, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow,
elephant, bear, zebra, giraffe, N/A, backpack, umbrella, N/A, N/A, handbag, tie, suitcase,
frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
surfboard, tennis racket, bottle, N/A, wine glass, cup, fork, knife, spoon, bowl, banana,
apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted
plant, bed, N/A, dining table, N/A, N/A, toilet, N/A, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, N/A, book, clock, vase, scissors,
teddy bear, hair drier, toothbrush
""".replace("\n", " ")
    .strip()
    .split(", ")
)


def coco_names(count: int) -> tuple[str, ...]:
    """Names of 80 classes without gaps, of 90 by id from 1, or of 91 by id from 0."""
    if count == 80:
        return tuple(name for name in _BY_ID if name != _NO_CLASS)
    return tuple(_BY_ID[len(_BY_ID) - count :])
