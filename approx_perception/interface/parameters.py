"""Every parameter of every node: type, unit, range, and whether it can change live."""

from dataclasses import dataclass

from approx_perception.datasets.image_header import MAX_IMAGE_PX, MAX_IMAGE_PX_RANGE
from approx_perception.detectors import detector_names
from approx_perception.exceptions import ConfigurationError, choices, shown
from approx_perception.interface.systems import POLICY_NAMES
from approx_perception.structures import SlaScope

__all__ = [
    "LOAD_MONITOR_PARAMETERS",
    "PERCEPTION_PARAMETERS",
    "PLAYER_PARAMETERS",
    "SYNTHETIC_FRAME_ID",
    "Parameter",
    "Value",
    "camera_sla",
    "help_of",
]

Value = bool | int | float | str | list[str]

TRANSPORTS = ("raw", "compressed")
#: Tells images that the network that ships knows from all others.
SYNTHETIC_FRAME_ID = "synthetic_camera"
#: How ROS names the type of a default, and what a user has to write.
_TYPES: dict[type, tuple[str, str]] = {
    bool: ("bool", "true or false"), int: ("integer", "a whole number"),
    float: ("double", "a number"), str: ("string", "a text; put it in quotes"),
    list: ("string_array", "a list of texts"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    name
        With dots between groups.
    default
        Its type is the parameter's type.
    description
        Sentences for users.
    limits
        Ends of a number's range, both included.
    names
        What a text may be; empty: anything.
    unit
        Of a number.
    live
        Whether it can change while the node runs; all others are read once, at start.
    unset
        A number below the range that means that nothing is set; None where there is none.
    option
        What commands and the Python API call it; empty: as it is called here.

    Raises
    ------
    ConfigurationError
        If the default is not allowed, or a range is empty: rqt divides by its width.
    """

    name: str
    default: Value
    description: str
    limits: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    unit: str = ""
    live: bool = False
    unset: float | None = None
    option: str = ""

    def __post_init__(self) -> None:
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ConfigurationError(f"the range of {self.name} is empty: {self.limits}")
        self.accept(self.default)

    @property
    def word(self) -> str:
        """What commands and the Python API call it."""
        return self.option or self.name

    @property
    def is_double(self) -> bool:
        """Whether it is a number with a point; whole numbers are taken as such."""
        return isinstance(self.default, float)

    @property
    def type_name(self) -> str:
        """As ROS calls it."""
        return _TYPES[type(self.default)][0]

    @property
    def text(self) -> str:
        """Description with unit."""
        return f"{self.description} In {self.unit}." if self.unit else self.description

    @property
    def constraints(self) -> str:
        """What a text may be, in words."""
        return f"one of {choices(self.names)}" if self.names else ""

    def accept(self, value: object) -> Value:
        """Check a value, and return it as this parameter's type.

        A whole number is 20.0 for a double, and "20" for a text: ROS reads it without quotes.

        Raises
        ------
        ConfigurationError
            If it is of another type, outside the range or not among the names; echoes it.
        """
        wanted = type(self.default)
        if wanted is list and value is None:
            # How ROS gives an empty list.
            value = []
        if wanted is str and type(value) is int:
            value = str(value)
        # Larger ones have no double.
        is_whole = type(value) is int and value.bit_length() < 1024
        is_taken = type(value) is wanted or (self.is_double and is_whole)
        if isinstance(value, list):
            is_taken = is_taken and all(isinstance(item, str) for item in value)
        if not is_taken:
            raise ConfigurationError(f"{self.name} {_said(value)}; it must be {_TYPES[wanted][1]}")
        if self.names and value not in self.names:
            raise ConfigurationError(f"{self.name} {_said(value)}; choose {choices(self.names)}")
        if self.limits is not None and isinstance(value, (int, float)):
            low, high = self.limits
            # Written so that nan is refused.
            if not low <= value <= high and value != self.unset:
                unset = "" if self.unset is None else f", or {self.unset!r}"
                raise ConfigurationError(
                    f"{self.name} {_said(value)}; it must be from {low:g} to {high:g}{unset}"
                )
        return float(value) if self.is_double else value  # type: ignore[arg-type, return-value]


def _said(value: object) -> str:
    return "has no value" if value is None else f"is {shown(value)}"


PERCEPTION_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("autostart", True, "Configure and activate by itself; false: wait for a lifecycle "
              "manager."),
    Parameter("cameras", ["image"], "Image topics. Several share the detector and their results "
              "are published under the camera's name, which is the topic's without its last part."),
    Parameter("image_transport", "raw", "'raw' subscribes to sensor_msgs/Image on the topics, "
              "'compressed' to sensor_msgs/CompressedImage on TOPIC/compressed.", names=TRANSPORTS),
    Parameter("max_image_px", MAX_IMAGE_PX, "Larger images are refused before they are decoded.",
              MAX_IMAGE_PX_RANGE, unit="px"),
    Parameter("detector", "faster_rcnn", "Detector family. With an ONNX file as weights "
              "faster_rcnn, the default, means yolox.", names=detector_names()),
    Parameter("weights", "", "A weights file (state dict or ONNX) or the name of torchvision's, "
              "such as FasterRCNN_ResNet50_FPN_Weights.COCO_V1; empty: the network that ships."),
    Parameter("class_names_file", "", "Text file with one class name a line; empty: the weights' "
              "own.", option="class_names"),
    Parameter("space", "", "Branch space: a YAML file or the name of a shipped one; empty: the "
              "detector's own."),
    Parameter("device", "auto", "cpu, cuda, cuda:1 or auto."),
    Parameter("precision", "auto", "Number format of faster_rcnn's backbone; auto: the faster one "
              "on this machine.",
              names=("auto", "float32", "bfloat16")),
    Parameter("num_threads", 0, "CPU threads of one inference; 0: one less than the cores, so "
              "that one is left for ROS and the camera.", (0, 256), option="threads"),
    Parameter("profile", "", "What approx-perception profile wrote on this machine, NAME.json; "
              "empty: calibrate at start."),
    Parameter("calibration.width", 640, "Width of the images to expect; latencies are measured "
              "for it at start.", (32, 16384), unit="px", option="width"),
    Parameter("calibration.height", 480, "Height of the images to expect.", (32, 16384),
              unit="px", option="height"),
    Parameter("sla.latency_ms", 100.0, "Latency budget for processing an image.", (0.1, 1000.0),
              unit="ms", live=True, option="sla_ms"),
    Parameter("sla.quantile", 0.95, "Share of frames (or groups) that must be inside the budget.",
              (0.5, 0.999), live=True, option="sla_quantile"),
    Parameter("sla.scope", "frame", "What the budget counts: every frame, or the mean over a "
              "group of frames.", names=tuple(scope.value for scope in SlaScope), live=True,
              option="sla_scope"),
    Parameter("sla.accuracy", 0.0, "Accuracy wanted (AP50), for the policy least_latency; 0.0: "
              "none.", (0.0, 1.0), live=True, option="sla_accuracy"),
    Parameter("policy", "most_accurate", "How to choose a branch. most_accurate: the most "
              "accurate one inside the SLA. least_latency: the quickest one that reaches "
              "sla.accuracy. fastest and fixed: as their names say. approxdet: the original's "
              "policy (needs a profile). adascale and triggered: baselines without an SLA.",
              names=POLICY_NAMES, live=True),
    Parameter("branch", "", "Branch for the policies fixed and triggered, as shape=320,nprop=20,"
              "si=4; knobs not named are the largest shape and nprop, and si=1.", live=True),
    *(
        Parameter(f"allowed.{knob}", "", f"Only branches with these {what}, separated by commas; "
                  "empty: all. The policies fixed and triggered ignore it.", live=True)
        for knob, what in (
            ("shape", "input shapes"), ("nprop", "numbers of proposals"),
            ("si", "sampling intervals"), ("tracker", "trackers, as median_flow or dis_flow:2 "
             "(with their down-sampling)"),
        )
    ),
    Parameter("score_threshold", 0.3, "Objects with a lower score are not published. They are "
              "still tracked, from a score of 0.05 on: identities and decisions do not depend on "
              "this.", (0.0, 1.0), live=True),
    Parameter("nms.class_agnostic_iou", 0.7, "Of detections that overlap by more than this IoU, "
              "whatever their classes, only the best one is kept. 1.0 keeps all.",
              (0.0, 1.0), live=True, option="class_agnostic_iou"),
    Parameter("classes", "", "Only objects of these classes, separated by commas; empty: all.",
              live=True),
    Parameter("load_topic", "system_load", "Topic of a load_monitor_node (SystemLoad); empty: "
              "none.", live=True),
    Parameter("cpu_load_topic", "", "Topic with the CPU load of all processes together, "
              "std_msgs/Float32 in percent; empty: none.", live=True),
    Parameter("gpu_load_topic", "", "Topic with the GPU load by others, std_msgs/Float32 in "
              "percent; empty: none.", live=True),
    Parameter("load_timeout_s", 2.0, "A load topic without a message for so long counts as "
              "silent.", (0.1, 3600.0), unit="s", live=True),
    Parameter("debug.max_rate_hz", 10.0, "Highest rate of annotated images and markers; they are "
              "made only while somebody subscribes.", (0.1, 1000.0), unit="Hz", live=True),
    Parameter("debug.min_score", 0.3, "Weaker objects are not drawn.", (0.0, 1.0), live=True),
    Parameter("debug.jpeg_quality", 80, "JPEG quality of debug_image/compressed.", (1, 100),
              live=True),
    Parameter("diagnostics.max_allowed_processing_time_ms", 200.0, "A frame that takes longer is "
              "a warning in diagnostics.", (0.1, 60000.0), unit="ms", live=True),
    Parameter("diagnostics.max_acceptable_consecutive_delay_ms", 1000.0, "An error in "
              "diagnostics: every frame has taken longer for so long, or the worker is stuck.",
              (0.1, 600000.0), unit="ms", live=True),
)  # fmt: skip

LOAD_MONITOR_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("period_s", 0.2, "Time between two readings.", (0.05, 10.0), unit="s"),
    Parameter("own_processes", "perception_node", "Processes with one of these words in their "
              "command line count as ours; separated by commas."),
)  # fmt: skip

PLAYER_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("source", "", "A bag, a video, a folder of images or synthetic:SCENARIO."),
    Parameter("topic", "", "Image topic of a bag that has several."),
    Parameter(
        "max_image_px",
        MAX_IMAGE_PX,
        "Larger images are refused before they are decoded.",
        MAX_IMAGE_PX_RANGE,
        unit="px",
    ),
    Parameter("rate", 1.0, "Speed: 2.0 plays twice as fast.", (0.01, 100.0)),
    Parameter("loop", False, "Start over at the end."),
    Parameter("frames", 300, "Length of a synthetic video.", (1, 10_000_000)),
    Parameter("seed", 0, "Variant of a synthetic video.", (0, 2**31 - 1)),
    Parameter(
        "frame_id",
        "",
        f"For the headers; empty: {SYNTHETIC_FRAME_ID} for a synthetic "
        "video, by which the perception node knows it, else camera.",
    ),
    Parameter("wait_for_subscriber", False, "Publish nothing before somebody subscribes."),
    Parameter("log_file", "", "CSV that gets index and stamp_ns of each image sent."),
)


def camera_sla(camera: str) -> Parameter:
    """Budget of one camera of several; has the limits of the common one."""
    return Parameter(
        f"{camera}.sla.latency_ms", 0.0, "Latency budget of this camera; 0.0: sla.latency_ms.",
        _BY_NAME["sla.latency_ms"].limits, unit="ms", live=True, unset=0.0,
    )  # fmt: skip


_BY_NAME = {parameter.name: parameter for parameter in PERCEPTION_PARAMETERS}


def help_of(name: str) -> str:
    """Help of a command's option that means what this parameter of the node means."""
    parameter = _BY_NAME[name]
    unit = f" In {parameter.unit}." if parameter.unit else ""
    names = f" {choices(parameter.names).capitalize()}." if parameter.names else ""
    return f"{parameter.description}{names}{unit}"
