"""Options of the commands, each declared once; those of the nodes' parameters take their words."""

from dataclasses import replace
from pathlib import Path

from approx_perception.datasets import SOURCE_HELP
from approx_perception.datasets.synthetic import scenario_summaries
from approx_perception.exceptions import choices
from approx_perception.interface.option import GROUPS, REQUIRED, Option
from approx_perception.interface.parameters import help_of, parameter_of, task_of_word
from approx_perception.interface.systems import POLICY_NAMES, SYSTEMS, TASKS
from approx_perception.structures.thresholds import TRACKED_SCORE

__all__ = ["DISUSED", "OPTIONS", "options_of"]

_RUNS = ("run", "evaluate", "compare")
_JUDGES = ("evaluate", "compare")


def _as_parameter(name: str, verbs: tuple[str, ...], group: str, advanced: bool = False) -> Option:
    """An option that means what a parameter of the node means; its name is taken, too."""
    own, task = parameter_of(name), task_of_word(name)
    text = help_of(name) if advanced or task is None else f"For {task}. {help_of(name)}"
    option = Option(
        own.word, own.default, text, verbs, group, own.limits or (None, None), advanced, task=task
    )
    alias = f"--{name.replace('.', '-').replace('_', '-')}"
    return option if alias == option.flag else replace(option, aliases=(alias,))


def _file(option: Option) -> Option:
    return replace(option, kind=Path, default=None)


_POLICY = _as_parameter("policy", ("run",), "Latency budget")
_BRANCH = _as_parameter("branch", ("run",), "Latency budget")
_SCOPE = _as_parameter("sla.scope", _RUNS, "Latency budget", advanced=True)
_TOPIC = Option(
    "topic", None, "Image topic, where a bag has several.", ("run",), "Source", advanced=True
)
_WITH_SLA = (
    _as_parameter("sla.latency_ms", _RUNS, "Latency budget"),
    _as_parameter("sla.quantile", _RUNS, "Latency budget", advanced=True),
    _SCOPE,
    _as_parameter("sla.accuracy", _RUNS, "Latency budget", advanced=True),
    replace(_SCOPE, default="gof", verbs=("demo",), advanced=False),
)  # fmt: skip

OPTIONS: tuple[Option, ...] = (
    # What is seen.
    Option("source", REQUIRED, SOURCE_HELP, ("run",), "", metavar="SOURCE"),
    Option("source", "synthetic:mixed", SOURCE_HELP, ("demo",), "", metavar="SOURCE"),
    Option("sources", REQUIRED, SOURCE_HELP, _JUDGES, "", is_several=True, metavar="SOURCE"),
    Option("sources", None, f"{SOURCE_HELP} Without ground truth, latency alone is profiled. "
           "Default: several videos of each synthetic scenario.", ("profile",), "",
           is_several=True, metavar="SOURCE", aliases=("--data",)),
    Option("ground_truth", None, "Ground truth of the sources in their order: COCO .json, "
           "MOTChallenge .txt, a folder of .xml (Pascal VOC, ImageNet VID) or of YOLO's .txt, "
           "detections.txt of a run, or a topic of the bag. Default: what the source has.",
           (*_JUDGES, "profile"), "Source", is_several=True),
    Option("frames", None, "Frames of each source to run. Default: all.", _RUNS, "Source",
           (1, None), kind=int),
    Option("seconds", None, "Length to run, in s. Default: all; a camera until Ctrl-C.", ("run",),
           "Source", (0.1, None), kind=float, advanced=True),
    Option("frames", None, "Frames of each source. Default: as few as accuracy is learned from.",
           ("profile",), "Source", (16, None), kind=int),
    Option("scenario", None, "YAML with sla_steps, contention_steps, camera and limits.", _JUDGES,
           "Source", kind=Path),
    Option("class_map", None, "YAML from the detector's class names to the data set's ('name: "
           "name'); lines of 'number: name' name the classes of a MOTChallenge file.",
           (*_JUDGES, "profile"), "Source", kind=Path, advanced=True),
    _TOPIC,
    replace(_TOPIC, help="Image topic of the bags; several are runs of their own.", verbs=_JUDGES,
            is_several=True),
    Option("seed", 0, "Seed of what is random.", _RUNS, "Source", advanced=True),
    _as_parameter("max_image_px", (*_RUNS, "profile"), "Source", advanced=True),
    # What sees.
    Option("weights", "", "A weights file, or the name of a network, as --weights of run. Default: "
           "the network that ships.", ("check",), "", metavar="WEIGHTS"),
    Option("weights", REQUIRED, "A state dict, what train leaves, or the name of torchvision's "
           "weights.", ("export",), "", metavar="WEIGHTS"),
    Option("image", "", "An image, or another source, whose first image counts. Default: a "
           "synthetic one.", ("check",), "", metavar="IMAGE"),
    Option("task", None, f"What the network does: {choices(TASKS)}. Default: whichever its file is "
           "for.", ("check",), "Network"),
    Option("task", TASKS[0], f"What is done with the images: {choices(TASKS)}.",
           (*_RUNS, "demo", "profile", "train"), "Network"),
    _as_parameter("detector", (*_RUNS, "demo", "profile", "check"), "Network"),
    _as_parameter("classifier", (*_RUNS, "demo", "profile"), "Network", advanced=True),
    _as_parameter("weights", (*_RUNS, "demo", "profile"), "Network"),
    _file(_as_parameter("class_names_file", (*_RUNS, "demo", "profile", "check"), "Network",
                        advanced=True)),
    _file(_as_parameter("class_names_file", ("export",), "Network")),
    _as_parameter("space", (*_RUNS, "demo", "profile"), "Network", advanced=True),
    _as_parameter("device", (*_RUNS, "profile", "check", "train"), "Network", advanced=True),
    _as_parameter("runtime", (*_RUNS, "profile", "check"), "Network", advanced=True),
    _as_parameter("precision", (*_RUNS, "profile", "check"), "Network", advanced=True),
    _as_parameter("num_threads", (*_RUNS, "demo", "profile", "check"), "Network", advanced=True),
    # The SLA checks its own numbers, which may be larger than the node's.
    *(replace(option, limits=(None, None)) for option in _WITH_SLA),
    replace(_POLICY, default=None, aliases=("--system",),
            help=f"{_POLICY.help} Default: fixed where --branch is given, "
            "least_latency where --sla-accuracy is, else most_accurate."),
    replace(_POLICY, default=None, aliases=("--system",), verbs=("evaluate",),
            help=f"{', '.join(POLICY_NAMES)}, as in run; oracle and best_fixed choose when all is "
            "over; or a YAML file with a policy and options of its own. Default: as in run."),
    replace(_POLICY, default=REQUIRED, aliases=("--system", "-s"), verbs=("compare",),
            is_several=True, help=f"Repeat for each: one of {', '.join(SYSTEMS)}, one with its "
            "branch (fixed:shape=448,si=4), or a YAML file with a policy and options of its own. "
            "The others are compared with the first one."),
    _BRANCH,
    replace(_BRANCH, verbs=("evaluate",), advanced=True),
    replace(_BRANCH, default=None, verbs=("compare",), is_several=True, advanced=True,
            help=f"{_BRANCH.help} Given several times, the policies that take a branch run "
            "once with each."),
    _file(_as_parameter("profile", (*_RUNS, "demo"), "Latency budget")),
    _as_parameter("execution", _RUNS, "Latency budget", advanced=True),
    replace(_as_parameter("score_threshold", _RUNS, "Results", advanced=True),
            default=TRACKED_SCORE),
    _as_parameter("nms.class_agnostic_iou", _RUNS, "Results", advanced=True),
    *(
        _as_parameter(name, _RUNS, "Results", advanced=True)
        for name in ("top_k", "smoothing", "region")
    ),
    # How it runs.
    Option("repeats", 1, "How often all sources are run.", ("compare",), "Run", limits=(1, None),
           advanced=True),
    Option("camera", False, "Frames come in real time: those that come too soon are dropped.",
           ("evaluate",), "Run", advanced=True),
    Option("live", False, "Play the source over ROS through the real node.", ("evaluate",), "Run",
           advanced=True),
    Option("latency_trace", None, "NAME.records.json of a profile: latencies come from it and not "
           "from this machine, so that the run is the same everywhere.", _JUDGES, "Run",
           kind=Path, advanced=True),
    Option("processes", 1, "Sources that run at the same time.", ("evaluate",), "Run",
           limits=(1, 64), advanced=True),
    Option("ray", None, "Address of a Ray cluster to spread sources over, or 'local'.",
           ("evaluate",), "Run", advanced=True),
    Option("resume", False, "Go on with an interrupted run of the same command: sources that are "
           "done are not run again.", ("evaluate",), "Run", advanced=True),
    Option("rounds", 3, "How often each level of contention is visited.", ("profile",), "Run",
           limits=(1, None), advanced=True),
    Option("plan_only", False, "Say how long it takes, and stop.", ("profile",), "Run"),
    Option("seconds", 45.0, "Length of the play, a quarter for each phase.", ("demo",), "Run",
           (3, 600)),
    Option("loose_ms", 100.0, "SLA of the first and last phase, in ms.", ("demo",),
           "Latency budget"),
    Option("tight_ms", None, "SLA of the phases between, in ms. Default: half of what the first "
           "phase was expected to take on this machine.", ("demo",), "Latency budget",
           kind=float),
    # Where results go.
    *(
        Option("out", Path("out") / verb, "Folder for the results.", (verb,))
        for verb in (*_RUNS, "demo", "check")
    ),
    Option("out", Path("out/profile/profile.json"), "Profile to write: NAME.json, with NAME.npz "
           "beside it.", ("profile",)),
    Option("video", False, "Also write annotated.mp4.", ("run",)),
    Option("export", False, "Also write MOT and COCO files and a bag of results.", ("evaluate",),
           advanced=True),
    # synthesize
    Option("scenario", REQUIRED, "; ".join(f"{k}: {v}" for k, v in scenario_summaries().items())
           + ".", ("synthesize",), ""),
    Option("out", Path("out/synthetic_bag"), "Folder of the bag.", ("synthesize",)),
    Option("split", "test", "train, val or test.", ("synthesize",), "Source"),
    Option("seed", 0, "Seed of what is random.", ("synthesize", "train"), "Source"),
    Option("frames", 300, "Length of the video.", ("synthesize",), "Source", (1, None)),
    Option("width", 640, "Of the images, in px.", ("synthesize",), "Source", (32, 8192)),
    Option("height", 480, "Of the images, in px.", ("synthesize",), "Source", (32, 8192)),
    Option("fps", 30.0, "Rate of the stamps, in Hz.", ("synthesize",), "Source", (0.1, 1000)),
    # train
    Option("out", Path("out/train"), "Folder of the run; go on with the same one.", ("train",)),
    Option("backbone", None, "Detection: compact (default), or a backbone or detector of "
           "torchvision. Classification: slim (default), resnet34 or, for comparisons, mobilenet "
           "or msdnet (leaves where it is sure enough); with :SHAPE:EXIT one branch alone.",
           ("train",), "Network"),
    Option("weights", None, "Detection: what to begin with, as in run. Default: with --data the "
           "network that ships, which then learns your classes.", ("train",), "Network", kind=str),
    Option("from_scratch", False, "Detection: begin with random weights.", ("train",), "Network"),
    Option("data", "synthetic", "Detection: synthetic, a COCO .json, a YOLO data.yaml, or a folder "
           "with one of these or with .xml of Pascal VOC. Classification: synthetic, a folder "
           "DIR/CLASS/IMAGE, or a CSV file with the columns path,class.", ("train",), "Source"),
    Option("iterations", None, "Number of batches. Default: 1000 for a detector that begins with "
           "weights, 6000 for one from scratch, 3500 for classification.", ("train",), "Run",
           (1, None), kind=int),
    Option("batch_size", None, "Images in a batch. Default: 8 for detection, 32 for "
           "classification.", ("train",), "Run", (1, None), kind=int),
    Option("learning_rate", None, "Highest learning rate of AdamW. Default: 0.001 for a detector "
           "that begins with weights, 0.0015 for one from scratch, 0.002 for classification.",
           ("train",), "Run", kind=float),
    Option("threads", 2, "CPU threads.", ("train",), "Run", (1, 256)),
    Option("workers", 1, "Processes that draw or read images.", ("train",), "Run", (0, None)),
    # contend
    Option("cpu", 0, "CPU cores to keep busy.", ("contend",), "Run", (0, None)),
    Option("cpu_share", 1.0, "Share of each of them, 0..1.", ("contend",), "Run"),
    Option("memory_mb_s", 0.0, "Memory traffic in MB/s, read and written both counted.",
           ("contend",), "Run"),
    Option("gpu", 0.0, "Share of the time the GPU is busy, 0..1.", ("contend",), "Run"),
    Option("seconds", 60.0, "How long to keep the machine busy.", ("contend",), "Run",
           (0.1, 86400.0)),
    # check
    Option("json", False, "Print all that is known as JSON.", ("check",)),
    # report
    Option("runs", REQUIRED, "Folders that evaluate or compare left.", ("report",), "", kind=Path,
           is_several=True, metavar="RUN"),
    Option("out", None, "HTML file to write. Default: report.html in the first folder.",
           ("report",), "Results", kind=Path),
    Option("title", "approx_perception", "Heading.", ("report",)),
    Option("pictures", 6, "Worst frames to show of each run; 0 for none.", ("report",), "Results",
           (0, None)),
    Option("png", None, "Folder for pictures for papers, of the same data.", ("report",),
           "Results", kind=Path),
    # export
    Option("out", None, "ONNX file to write. Default: the weights' name with .onnx.", ("export",),
           kind=Path),
    # interface
    Option("yaml", False, "All parameters with their defaults, for --params-file.", ("interface",)),
    Option("task", TASKS[0], f"With --yaml: whose node's, {choices(TASKS)}.", ("interface",)),
    Option("page", False, "All topics, services and parameters, as Markdown.", ("interface",)),
    # Last of all groups.
    Option("overwrite", False, "Replace what is there.",
           (*_RUNS, "demo", "check", "synthesize", "profile", "report", "export")),
)  # fmt: skip

#: Flags with a value that commands take and that mean nothing any more.
DISUSED = {"profile": ("--views",)}


def options_of(verb: str) -> list[Option]:
    """Options and arguments of a command, in the order of its help: arguments, basic, advanced."""
    own = [option for option in OPTIONS if verb in option.verbs]
    groups = ("", *GROUPS)
    return sorted(own, key=lambda own: (own.advanced, own.panel_task, groups.index(own.group)))
