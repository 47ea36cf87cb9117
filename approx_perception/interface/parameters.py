"""Every parameter of every node: type, unit, range, and whether it can change live."""

from approx_perception.classifiers import DEFAULT_CLASSIFIER, classifier_names
from approx_perception.datasets.image_header import MAX_IMAGE_PX, MAX_IMAGE_PX_RANGE
from approx_perception.detectors import detector_names
from approx_perception.exceptions import choices
from approx_perception.interface.parameter import Parameter
from approx_perception.interface.systems import EXECUTIONS, POLICIES
from approx_perception.runtimes import AUTO, PRECISIONS, runtime_names
from approx_perception.structures import SlaScope
from approx_perception.weights.catalogue import CATALOGUE

__all__ = [
    "CLASSIFICATION_PARAMETERS",
    "KERNEL_PARAMETERS",
    "LOAD_MONITOR_PARAMETERS",
    "PERCEPTION_PARAMETERS",
    "PLAYER_PARAMETERS",
    "SYNTHETIC_FRAME_ID",
    "camera_sla",
    "help_of",
    "parameter_of",
    "task_of_word",
]

Parameters = tuple[Parameter, ...]

TRANSPORTS = ("raw", "compressed")
#: Tells images that the network that ships knows from all others.
SYNTHETIC_FRAME_ID = "synthetic_camera"

_IMAGES: Parameters = (
    Parameter("autostart", True, "Configure and activate by itself; false: wait for a lifecycle "
              "manager."),
    Parameter("cameras", ["image"], "Image topics. Several share the network and their results "
              "are published under the camera's name, which is the topic's without its last part."),
    Parameter("image_transport", "raw", "'raw' subscribes to sensor_msgs/Image on the topics, "
              "'compressed' to sensor_msgs/CompressedImage on TOPIC/compressed.", names=TRANSPORTS),
    Parameter("max_image_px", MAX_IMAGE_PX, "Larger images are refused before they are decoded.",
              MAX_IMAGE_PX_RANGE, unit="px"),
)  # fmt: skip
_MACHINE: Parameters = (
    Parameter("device", "auto", "cpu, cuda, cuda:1, tensorrt or auto."),
    Parameter("runtime", "auto", "Library that runs the network's graph. auto: the fastest one on "
              "this machine, measured at the first start and remembered.",
              names=(AUTO, *runtime_names())),
    Parameter("precision", "auto", "Numbers that the network computes in. auto: the fastest ones "
              "on this machine, as for runtime.", names=PRECISIONS),
    Parameter("num_threads", 0, "CPU threads of one inference; 0: one less than the cores, so "
              "that one is left for ROS and the camera.", (0, 256), option="threads"),
    Parameter("profile", "", "What approx-perception profile wrote on this machine, NAME.json; "
              "empty: calibrate at start."),
    Parameter("calibration.width", 640, "Width of the images to expect; latencies are measured "
              "for it at start.", (32, 16384), unit="px", option="width"),
    Parameter("calibration.height", 480, "Height of the images to expect.", (32, 16384),
              unit="px", option="height"),
)  # fmt: skip
_BUDGET: Parameters = (
    Parameter("sla.latency_ms", 100.0, "Latency budget for processing an image.", (0.1, 1000.0),
              unit="ms", live=True, option="sla_ms"),
    Parameter("sla.quantile", 0.95, "Share of frames (or groups) that must be inside the budget.",
              (0.5, 0.999), live=True, option="sla_quantile"),
    Parameter("sla.scope", "frame", "What the budget counts: every frame, or the mean over a "
              "group of frames.", names=tuple(scope.value for scope in SlaScope), live=True,
              option="sla_scope"),
    Parameter("sla.accuracy", 0.0, "Accuracy wanted (AP50; top-1 of a classifier), for the policy "
              "least_latency; 0.0: none.", (0.0, 1.0), live=True, option="sla_accuracy"),
)  # fmt: skip
_LOAD: Parameters = (
    Parameter("load_topic", "system_load", "Topic of a load_monitor_node (SystemLoad); empty: "
              "none.", live=True),
    Parameter("cpu_load_topic", "", "Topic with the CPU load of all processes together, "
              "std_msgs/Float32 in percent; empty: none.", live=True),
    Parameter("gpu_load_topic", "", "Topic with the GPU load by others, std_msgs/Float32 in "
              "percent; empty: none.", live=True),
    Parameter("load_timeout_s", 2.0, "A load topic without a message for so long counts as "
              "silent.", (0.1, 3600.0), unit="s", live=True),
)  # fmt: skip
_WATCH: Parameters = (
    Parameter("debug.max_rate_hz", 10.0, "Highest rate of annotated images and markers; they are "
              "made only while somebody subscribes.", (0.1, 1000.0), unit="Hz", live=True),
    Parameter("debug.min_score", 0.3, "What is less certain is not drawn.", (0.0, 1.0), live=True),
    Parameter("debug.jpeg_quality", 80, "JPEG quality of debug_image/compressed.", (1, 100),
              live=True),
    Parameter("diagnostics.max_allowed_processing_time_ms", 200.0, "A frame that takes longer is "
              "a warning in diagnostics.", (0.1, 60000.0), unit="ms", live=True),
    Parameter("diagnostics.max_acceptable_consecutive_delay_ms", 1000.0, "An error in "
              "diagnostics: every frame has taken longer for so long, or the worker is stuck.",
              (0.1, 600000.0), unit="ms", live=True),
)  # fmt: skip


def _allowed(knob: str, what: str) -> Parameter:
    return Parameter(
        f"allowed.{knob}", "", f"Only branches with these {what}, separated by commas; empty: all. "
        "The policies that run one branch ignore it.", live=True,
    )  # fmt: skip


_DETECTION_NETWORK: Parameters = (
    Parameter("detector", "faster_rcnn", "Detector family. With an ONNX file as weights "
              "faster_rcnn, the default, means onnx, but for what export wrote; yolox is another "
              "word for onnx.",
              names=detector_names()),
    Parameter("weights", "", "A weights file (state dict or ONNX); a network that is downloaded "
              f"once ({', '.join(CATALOGUE)}); or the name of torchvision's, such as "
              "FasterRCNN_ResNet50_FPN_Weights.COCO_V1. Several with commas between, the worst "
              "first, are models of one list of classes to choose from. Empty: the network that "
              "ships."),
    Parameter("class_names_file", "", "Text file with one class name a line; empty: the weights' "
              "own.", option="class_names"),
    Parameter("space", "", "Branch space: a YAML file or the name of a shipped one; empty: the "
              "network's own."),
)  # fmt: skip
_DETECTION: Parameters = (
    Parameter("policy", "most_accurate", "How to choose a branch. most_accurate: the most "
              "accurate one inside the SLA. least_latency: the quickest one that reaches "
              "sla.accuracy. fastest and fixed: as their names say. approxdet: the original's "
              "policy (needs a profile). adascale and triggered: baselines without an SLA.",
              names=POLICIES["detection"], live=True),
    Parameter("branch", "", "Branch for the policies fixed and triggered, as shape=320,nprop=20,"
              "si=4; knobs not named are the largest shape and nprop, and si=1.", live=True),
    Parameter("execution", EXECUTIONS[0], "sequential: an image waits for its detection. "
              "pipelined: the detector runs in a thread of its own, the tracker carries every "
              "image, and detections are brought forward to the newest one.", names=EXECUTIONS,
              live=True),
    _allowed("model", "models, where weights names several"),
    _allowed("shape", "input shapes"),
    _allowed("nprop", "numbers of proposals"),
    _allowed("si", "sampling intervals"),
    _allowed("tracker", "trackers, as median_flow or dis_flow:2 (with their down-sampling)"),
    Parameter("score_threshold", 0.3, "Objects with a lower score are not published. They are "
              "still tracked, from a score of 0.05 on: identities and decisions do not depend on "
              "this.", (0.0, 1.0), live=True),
    Parameter("nms.class_agnostic_iou", 0.7, "Of detections that overlap by more than this IoU, "
              "whatever their classes, only the best one is kept. 1.0 keeps all.",
              (0.0, 1.0), live=True, option="class_agnostic_iou"),
    Parameter("classes", "", "Only objects of these classes, separated by commas; empty: all.",
              live=True),
    Parameter("forecast.horizon_ms", 0.0, "detections_forecast has the boxes for so long after "
              "publishing, carried by each object's motion; 0.0: for the time of publishing; -1.0: "
              "off.", (0.0, 2000.0), unit="ms", live=True, unset=-1.0),
)  # fmt: skip

_CLASSIFICATION_NETWORK: Parameters = (
    Parameter("classifier", DEFAULT_CLASSIFIER, "Classifier family.", names=classifier_names()),
    Parameter("weights", "", "An ONNX file of the family; empty: the network that ships."),
    Parameter("class_names_file", "", "Text file with one class name a line; empty: the weights' "
              "own.", option="class_names"),
    Parameter("space", "", "Branch space: a YAML file or the name of a shipped one; empty: the "
              "network's own."),
)  # fmt: skip
_CLASSIFICATION: Parameters = (
    Parameter("policy", "most_accurate", "How to choose a branch. most_accurate: the most "
              "accurate one inside the SLA. least_latency: the quickest one that reaches "
              "sla.accuracy. fastest and fixed: as their names say.",
              names=POLICIES["classification"], live=True),
    Parameter("branch", "", "Branch for the policy fixed, as shape=128,exit=3; a knob not named is "
              "the largest.", live=True),
    _allowed("shape", "input shapes"),
    _allowed("exit", "exits"),
    Parameter("top_k", 5, "Classes to tell, the most probable first.", (1, 1000), live=True),
    Parameter("smoothing", 0.0, "Weight of the images before in the probabilities, until the scene "
              "changes; 0.0: each image by itself.", (0.0, 0.99), live=True),
    Parameter("region", "", "Part of the image to classify, as left,top,right,bottom in shares of "
              "its size, such as 0.25,0,0.75,1; empty: all of it.", live=True),
    Parameter("detections_topic", "", "Classify the objects of this topic (approx_perception/"
              "DetectionArray or vision_msgs/Detection2DArray) in the image of the same stamp; "
              "empty: the region."),
    Parameter("max_regions", 32, "Most objects of an image to classify, the most certain "
              "ones.", (1, 1000)),
)  # fmt: skip


def _of_node(network: Parameters, own: Parameters) -> Parameters:
    return (*_IMAGES, *network, *_MACHINE, *_BUDGET, *own, *_LOAD, *_WATCH)


PERCEPTION_PARAMETERS = _of_node(_DETECTION_NETWORK, _DETECTION)
CLASSIFICATION_PARAMETERS = _of_node(_CLASSIFICATION_NETWORK, _CLASSIFICATION)
#: Of the nodes that run a network, by task.
KERNEL_PARAMETERS = {
    "detection": PERCEPTION_PARAMETERS,
    "classification": CLASSIFICATION_PARAMETERS,
}

LOAD_MONITOR_PARAMETERS: Parameters = (
    Parameter("period_s", 0.2, "Time between two readings.", (0.05, 10.0), unit="s"),
    Parameter("own_processes", "perception_node,classification_node", "Processes with one of "
              "these words in their command line count as ours; separated by commas."),
)  # fmt: skip

PLAYER_PARAMETERS: Parameters = (
    Parameter(
        "source",
        "",
        "A bag, a video, a folder of images, synthetic:SCENARIO, or a "
        "camera: camera:0, /dev/video0, rtsp://..., or http://... of MJPEG.",
    ),
    Parameter("topic", "", "Image topic of a bag that has several."),
    Parameter(
        "max_image_px",
        MAX_IMAGE_PX,
        "Larger images are refused before they are decoded.",
        MAX_IMAGE_PX_RANGE,
        unit="px",
    ),
    Parameter("rate", 1.0, "Speed: 2.0 plays twice as fast. Not for cameras.", (0.01, 100.0)),
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


_BY_NAME = {own.name: own for own in (*CLASSIFICATION_PARAMETERS, *PERCEPTION_PARAMETERS)}
_NAMES = {
    task: {name for own in parameters for name in (own.name, own.word)}
    for task, parameters in KERNEL_PARAMETERS.items()
}


def parameter_of(name: str) -> Parameter:
    """Parameter of a node by its name; of detection where nodes differ in what it says."""
    return _BY_NAME[name]


def task_of_word(word: str) -> str | None:
    """Task that alone knows a parameter's name or word; None where all or none do."""
    having = [task for task, names in _NAMES.items() if word in names]
    return having[0] if len(having) == 1 else None


def help_of(name: str) -> str:
    """Help of a command's option that means what this parameter of the nodes means."""
    parameter = parameter_of(name)
    unit = f" In {parameter.unit}." if parameter.unit else ""
    names = f" {choices(parameter.names).capitalize()}." if parameter.names else ""
    return f"{parameter.description}{names}{unit}"
