"""Named contents: what is in view and how it moves.

Three axes make the knobs matter: few or many objects (proposals), small or large ones
(input shape), slow or fast ones (sampling interval and tracker).
"""

from dataclasses import dataclass
from types import MappingProxyType

from approx_perception.exceptions import DatasetError, choices, shown

__all__ = [
    "CLIP_SCENARIOS",
    "MIXED_CLIPS",
    "MIXED_SCENARIO",
    "SCENARIOS",
    "ClipScenario",
    "Scenario",
    "scenario_names",
    "scenario_segments",
    "scenario_summaries",
]


@dataclass(frozen=True)
class Scenario:
    """Ranges from which a video draws its content; lengths refer to a 480 px high image.

    Attributes
    ----------
    summary
        One line for ``--help`` and the documentation.
    object_count
        Fewest and most objects in the scene.
    size_px
        Smallest and largest height of an object, in px.
    speed_px_per_frame
        Slowest and fastest motion of an object.
    camera_pan_px
        Amplitude of the camera's sway.
    camera_zoom
        Amplitude of the zoom as a share of 1.
    illumination_swing
        Amplitude of the brightness as a share of 1.
    scale_swing
        Amplitude of each object's own change of size (log scale).
    exposure
        Share of the frame period during which the shutter is open (motion blur).
    """

    summary: str
    object_count: tuple[int, int]
    size_px: tuple[float, float]
    speed_px_per_frame: tuple[float, float]
    camera_pan_px: float = 4.0
    camera_zoom: float = 0.0
    illumination_swing: float = 0.1
    scale_swing: float = 0.1
    exposure: float = 0.3


@dataclass(frozen=True)
class ClipScenario(Scenario):
    """Ranges from which a clip draws its content: one dominant object among smaller ones.

    ``object_count`` are the smaller ones; ``size_px`` is the side of a square as large as the box
    of the dominant one.

    Attributes
    ----------
    clutter_share
        Smallest and largest size of the others, as a share of the dominant one's.
    occlusion
        Probability that an object moves along in front of the dominant one.
    own_colour
        Whether the dominant object has the colour of its class.
    detail
        Of the background: 0 is plain, 1 as in other scenarios, more is fine texture on top.
    """

    clutter_share: tuple[float, float] = (0.25, 0.45)
    occlusion: float = 0.0
    own_colour: bool = False
    detail: float = 1.0


SCENARIOS: MappingProxyType[str, Scenario] = MappingProxyType(
    {
        "calm": Scenario("few, large, slow objects", (2, 4), (70, 180), (0.0, 1.5)),
        "crowd": Scenario("many objects that hide each other", (18, 30), (36, 90), (0.3, 2.0)),
        "distant": Scenario("few, small, slow objects", (3, 7), (14, 28), (0.3, 1.5)),
        "swarm": Scenario("many small objects", (18, 32), (14, 30), (0.5, 3.0)),
        "race": Scenario(
            "few, large, fast objects with motion blur",
            (2, 5),
            (60, 150),
            (8.0, 18.0),
            exposure=0.5,
        ),
        "rush": Scenario(
            "many fast objects with motion blur", (12, 20), (36, 90), (6.0, 14.0), exposure=0.5
        ),
        "tour": Scenario(
            "a camera that pans and zooms",
            (5, 10),
            (30, 120),
            (0.0, 2.0),
            camera_pan_px=60.0,
            camera_zoom=0.25,
            scale_swing=0.25,
        ),
        "dusk": Scenario(
            "brightness that rises and falls",
            (4, 9),
            (30, 110),
            (0.5, 3.0),
            illumination_swing=0.65,
        ),
    }
)

#: One dominant object each, from easy to hard, for classification.
CLIP_SCENARIOS: MappingProxyType[str, ClipScenario] = MappingProxyType(
    {
        "object_easy": ClipScenario(
            "one large object in the colour of its class, before a plain background",
            (0, 0), (190, 330), (0.0, 2.0), own_colour=True, detail=0.1,
        ),
        "object_fair": ClipScenario(
            "one object and a few small ones",
            (0, 4), (120, 240), (0.5, 4.0), detail=0.5, illumination_swing=0.2,
        ),
        "object_busy": ClipScenario(
            "one object, perhaps partly hidden, among small ones",
            (4, 12), (80, 150), (1.0, 8.0), occlusion=0.4, illumination_swing=0.35, exposure=0.5,
        ),
        "object_hard": ClipScenario(
            "one small object, smeared and perhaps partly hidden, in clutter",
            (10, 22), (46, 92), (1.0, 12.0), occlusion=0.5, detail=1.5, illumination_swing=0.5,
            exposure=0.6,
        ),
    }
)  # fmt: skip
#: Clips of a video: with one, its label would be one draw of chance.
_CLIPS = 8
MIXED_CLIPS = "object_mixed"
_MIXED_CLIPS = ("easy", "hard", "fair", "busy", "hard", "easy", "busy", "fair") * 2

MIXED_SCENARIO = "mixed"
_MIXED_SEGMENTS = ("calm", "crowd", "race", "distant", "tour", "rush", "dusk", "swarm")


def scenario_names() -> tuple[str, ...]:
    """All names that a synthetic source takes."""
    return (*SCENARIOS, MIXED_SCENARIO, *CLIP_SCENARIOS, MIXED_CLIPS)


def scenario_summaries() -> dict[str, str]:
    """One line of each name that a synthetic source takes."""
    single = {name: each.summary for name, each in (SCENARIOS | CLIP_SCENARIOS).items()}
    several = {
        MIXED_SCENARIO: f"{', '.join(_MIXED_SEGMENTS)}, one after the other",
        MIXED_CLIPS: "clips of all four kinds, in turn",
    }
    return {name: (single | several)[name] for name in scenario_names()}


def scenario_segments(name: str) -> tuple[Scenario, ...]:
    """Contents that a scenario shows one after the other.

    Raises
    ------
    DatasetError
        If there is no scenario of that name.
    """
    if name == MIXED_SCENARIO:
        return tuple(SCENARIOS[segment] for segment in _MIXED_SEGMENTS)
    if name == MIXED_CLIPS:
        return tuple(CLIP_SCENARIOS[f"object_{segment}"] for segment in _MIXED_CLIPS)
    if name in CLIP_SCENARIOS:
        return (CLIP_SCENARIOS[name],) * _CLIPS
    if name not in SCENARIOS:
        raise DatasetError(
            f"there is no synthetic scenario {shown(name)}; choose {choices(scenario_names())}"
        )
    return (SCENARIOS[name],)
