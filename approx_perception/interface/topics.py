"""Topics and services of the nodes that run a network."""

from dataclasses import dataclass

__all__ = [
    "CLASSIFICATION_SERVICES",
    "CLASSIFICATION_TOPICS",
    "DETECTIONS_TYPES",
    "DETECTION_SERVICES",
    "DETECTION_TOPICS",
    "Service",
    "Topic",
]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; names are relative, so that namespaces and remapping work.

    Attributes
    ----------
    name
        For one camera; with several it stands below the camera's name.
    type
        As ROS writes it, ``package/msg/Name``.
    text
        What is on it.
    direction
        ``in`` or ``out``.
    qos
        In words; which of `approx_perception.ros.qos` that is, the node knows.
    optional
        Whether its message package may be missing; the topic is then left out.
    lazy
        Whether it is made only while somebody subscribes.
    is_debug
        Whether ``debug.max_rate_hz`` limits it.
    """

    name: str
    type: str
    text: str
    direction: str = "out"
    qos: str = "reliable, keep last 10"
    optional: bool = False
    lazy: bool = False
    is_debug: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service; names are private to the node."""

    name: str
    type: str
    text: str


#: Types of a topic with detections to classify.
DETECTIONS_TYPES = ("approx_perception/msg/DetectionArray", "vision_msgs/msg/Detection2DArray")

_INPUTS = (
    Topic("image", "sensor_msgs/msg/Image", "Images; parameter cameras names the topics.", "in",
          "best effort, keep last 1; qos_overrides change it"),
    Topic("image/compressed", "sensor_msgs/msg/CompressedImage", "In place of it with "
          "image_transport compressed.", "in",
          "best effort, keep last 1; qos_overrides change it"),
    Topic("system_load", "approx_perception/msg/SystemLoad", "Of a load_monitor_node; parameter "
          "load_topic.", "in", "best effort, keep last 1"),
)  # fmt: skip
_DECISION = Topic("decision", "approx_perception/msg/SchedulerDecision", "For each image: branch, "
                  "expected and measured latency, contention, reason.")  # fmt: skip
_LABEL_INFO = Topic("label_info", "vision_msgs/msg/LabelInfo", "Names of the classes.",
                    qos="reliable, transient local", optional=True)  # fmt: skip
_DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "Once a second: how "
                     "the node and each camera are.")  # fmt: skip


def _debug_images(content: str) -> tuple[Topic, ...]:
    return (
        Topic("debug_image", "sensor_msgs/msg/Image", f"The image with {content}.", lazy=True,
              is_debug=True),
        Topic("debug_image/compressed", "sensor_msgs/msg/CompressedImage", "The same as JPEG.",
              lazy=True, is_debug=True),
    )  # fmt: skip


DETECTION_TOPICS: tuple[Topic, ...] = (
    *_INPUTS,
    Topic("detections", "approx_perception/msg/DetectionArray", "Objects of each image, with the "
          "image's header untouched."),
    _DECISION,
    Topic("detections_2d", "vision_msgs/msg/Detection2DArray", "The same objects for tools that "
          "know vision_msgs: identity in id (empty for none), class name and score in the one "
          "hypothesis; its pose is unknown (the first number of its covariance is -1).",
          optional=True, lazy=True),
    Topic("detections_forecast", "approx_perception/msg/DetectionArray", "The same objects where "
          "they are at the time of the header's stamp, as their motion tells; parameter "
          "forecast.horizon_ms.", lazy=True),
    Topic("detections_forecast_2d", "vision_msgs/msg/Detection2DArray", "The same forecast for "
          "tools that know vision_msgs.", optional=True, lazy=True),
    _LABEL_INFO,
    Topic("annotations", "foxglove_msgs/msg/ImageAnnotations", "Boxes and labels to lay over the "
          "image in Foxglove.", optional=True, lazy=True),
    Topic("markers", "visualization_msgs/msg/ImageMarker", "Boxes as lines to lay over the image.",
          lazy=True, is_debug=True),
    *_debug_images("boxes, identities and branch"),
    _DIAGNOSTICS,
)  # fmt: skip

CLASSIFICATION_TOPICS: tuple[Topic, ...] = (
    *_INPUTS,
    Topic("detections", f"{DETECTIONS_TYPES[0]} or {DETECTIONS_TYPES[1]}", "Objects to classify; "
          "parameter detections_topic. Each is joined with the image of the same stamp.", "in",
          "best effort, keep last 10"),
    Topic("classification", "approx_perception/msg/Classification", "The likeliest classes of each "
          "image, or of each object in it, with the image's header untouched."),
    _DECISION,
    Topic("classification_2d", "vision_msgs/msg/Classification", "The same for tools that know "
          "vision_msgs; of an image, not of objects in it, for which it has no place.",
          optional=True, lazy=True),
    _LABEL_INFO,
    Topic("annotations", "foxglove_msgs/msg/ImageAnnotations", "What was looked at, with class, "
          "to lay over the image in Foxglove.", optional=True, lazy=True),
    Topic("markers", "visualization_msgs/msg/ImageMarker", "What was looked at as lines to lay "
          "over the image.", lazy=True, is_debug=True),
    *_debug_images("classes and branch"),
    _DIAGNOSTICS,
)  # fmt: skip


def _services(reset: Service) -> tuple[Service, ...]:
    return (
        Service("~/enable", "std_srvs/srv/SetBool", "False: images are received and dropped, "
                "nothing is computed or published; true: go on."),
        reset,
        Service("~/recalibrate", "std_srvs/srv/Trigger", "Forget what was learned of latencies; "
                "without a profile, measure every part again, which takes seconds without "
                "results."),
        Service("~/change_state, ~/get_state ...", "lifecycle_msgs/srv/...", "Of every lifecycle "
                "node: configure, activate, deactivate, cleanup, shutdown."),
    )  # fmt: skip


DETECTION_SERVICES = _services(
    Service("~/reset_tracks", "std_srvs/srv/Trigger", "Forget all identities; the next image of "
            "each camera is detected.")
)  # fmt: skip
CLASSIFICATION_SERVICES = _services(
    Service("~/reset", "std_srvs/srv/Trigger", "Forget the scene: smoothing and complexity start "
            "anew with the next image.")
)  # fmt: skip
