"""Named contents: what is in view and how it moves.

Three axes make the knobs matter: few or many objects (proposals), small or large ones
(input shape), slow or fast ones (sampling interval and tracker).
"""

from dataclasses import dataclass
from types import MappingProxyType

from approx_perception.exceptions import DatasetError, choices, shown

__all__ = ["MIXED_SCENARIO", "SCENARIOS", "Scenario", "scenario_names", "scenario_segments"]


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

MIXED_SCENARIO = "mixed"
_MIXED_SEGMENTS = ("calm", "crowd", "race", "distant", "tour", "rush", "dusk", "swarm")


def scenario_names() -> tuple[str, ...]:
    """All names that a synthetic source takes."""
    return (*SCENARIOS, MIXED_SCENARIO)


def scenario_segments(name: str) -> tuple[Scenario, ...]:
    """Contents that a scenario shows one after the other.

    Raises
    ------
    DatasetError
        If there is no scenario of that name.
    """
    if name == MIXED_SCENARIO:
        return tuple(SCENARIOS[segment] for segment in _MIXED_SEGMENTS)
    if name not in SCENARIOS:
        raise DatasetError(
            f"there is no synthetic scenario {shown(name)}; choose {choices(scenario_names())}"
        )
    return (SCENARIOS[name],)
