"""Faster R-CNN whose input shape and number of proposals are arguments of each call."""

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

from approx_perception.detectors.faster_rcnn.from_torch.compact_backbone import CompactBackbone
from approx_perception.exceptions import ConfigurationError, choices, shown

__all__ = ["BACKBONES", "build_network", "forward"]

_COMPACT_ANCHORS_PX = ((14, 22), (36, 56), (88, 140))
_COMPACT_HEAD_CHANNELS = 256
_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_TORCHVISION_BUILDERS = (
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
)
#: Ours, torchvision's four ready-made detectors, and a pyramid on each of its ResNets.
BACKBONES = ("compact", *_TORCHVISION_BUILDERS, *_RESNETS)


def _compact(class_count: int) -> FasterRCNN:
    backbone = CompactBackbone()
    ratios = ((0.6, 1.0, 1.6),) * len(_COMPACT_ANCHORS_PX)
    return FasterRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(_COMPACT_ANCHORS_PX, ratios),
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(backbone.out_channels * 7 * 7, _COMPACT_HEAD_CHANNELS),
        box_predictor=FastRCNNPredictor(_COMPACT_HEAD_CHANNELS, class_count),
        rpn_pre_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_train=200,
        rpn_post_nms_top_n_test=100,
        rpn_batch_size_per_image=128,
        rpn_fg_iou_thresh=0.6,
        box_batch_size_per_image=64,
    )


def build_network(backbone: str, class_count: int) -> FasterRCNN:
    """Build a network with random weights.

    Parameters
    ----------
    backbone
        One of `BACKBONES`.
    class_count
        Number of classes, background included.

    Raises
    ------
    ConfigurationError
        If the backbone is unknown.
    """
    if backbone == "compact":
        return _compact(class_count)
    if backbone in _TORCHVISION_BUILDERS:
        builder = getattr(detection, backbone)
        network: FasterRCNN = builder(weights=None, weights_backbone=None, num_classes=class_count)
        return network
    if backbone in _RESNETS:
        body = resnet_fpn_backbone(
            backbone_name=backbone, weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
        )
        return FasterRCNN(body, class_count)
    raise ConfigurationError(f"there is no backbone {shown(backbone)}; choose {choices(BACKBONES)}")


def forward(
    network: FasterRCNN,
    images: Tensor,
    sizes: Sequence[tuple[int, int]],
    nprop: int | None = None,
    targets: list[dict[str, Tensor]] | None = None,
    features: dict[str, Tensor] | None = None,
) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
    """Run the network as in the figure: backbone, RPN, heads; without torchvision's resizing.

    Parameters
    ----------
    network
        From `build_network`.
    images
        ``(N, 3, H, W)``, normalised and padded.
    sizes
        Height and width of each image without its padding.
    nprop
        Proposals kept after the RPN when not training.
    targets
        ``boxes`` (px of the resized image) and ``labels`` when training.
    features
        What the backbone gave for the images, where that is known already.

    Returns
    -------
    Detections when evaluating and losses when training, as torchvision's parts return them.
    """
    if nprop is not None:
        # Read by the RPN on each call, so that another number of proposals loads nothing.
        network.rpn._post_nms_top_n["testing"] = nprop
    image_list = ImageList(images, list(sizes))
    features = network.backbone(images) if features is None else features
    proposals, rpn_losses = network.rpn(image_list, features, targets)
    detections, head_losses = network.roi_heads(
        features, proposals, image_list.image_sizes, targets
    )
    return detections, {**rpn_losses, **head_losses}
