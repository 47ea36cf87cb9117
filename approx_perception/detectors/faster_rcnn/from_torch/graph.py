"""The parts of a Faster R-CNN as modules that can be traced for ONNX.

They compute what torchvision's `GeneralizedRCNN` does behind its transform, without loops over
boxes, classes or images. The front holds nearly all arithmetic and bears a low precision; the
others work on coordinates, in single precision.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.faster_rcnn import FasterRCNN
from torchvision.ops import nms, roi_align

__all__ = ["Front", "Head", "Pooling", "Proposals"]

#: Score of a box that does not take part, and the floor that keeps it out.
_LEFT_OUT, _FLOOR = -1e9, -1e8
_MIN_RESULT_PX = 1e-2
_LEVEL_EPSILON = 1e-6
_SIDE_PX = 256


class Front(nn.Module):
    """From images to features and the RPN's answers.

    Parameters
    ----------
    network
        In evaluation mode.

    Attributes
    ----------
    strides
        Px of the input between cells of each level that boxes are pooled from.
    """

    def __init__(self, network: FasterRCNN) -> None:
        super().__init__()
        transform = network.transform
        values = torch.tensor([transform.image_mean, transform.image_std]) * 255
        self._mean, self._spread = values[:, :, None, None]
        self.backbone, self.head = network.backbone, network.rpn.head
        with torch.inference_mode():
            levels = self._levels(torch.zeros(1, _SIDE_PX, _SIDE_PX, 3, dtype=torch.uint8))
        pooled = network.roi_heads.box_roi_pool.featmap_names
        self._pooled = [name for name in levels if name in pooled]
        self.strides = tuple(_SIDE_PX // levels[name].shape[2] for name in self._pooled)

    def _levels(self, images: Tensor) -> dict[str, Tensor]:
        # Moved while they are bytes. A convolution of 1x1 would do all this, and take a sixth of
        # the time of the whole front in onnxruntime.
        rgb = images.permute(0, 3, 1, 2)[:, [2, 1, 0]].float()
        levels: dict[str, Tensor] = self.backbone((rgb - self._mean) * (1 / self._spread))
        return levels

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features, objectness of each level, box deltas of each level.

        Parameters
        ----------
        images
            ``(N, H, W, 3)`` uint8, BGR; sides are multiples of 32.

        Returns
        -------
        features
            ``(N, cells, C)``: of all levels that are pooled from, one behind the other, by rows.
        objectness, deltas
            ``(N, A, h, w)`` and ``(N, 4 A, h, w)`` as the RPN's head gives them.
        """
        levels = self._levels(images)
        objectness, deltas = self.head(list(levels.values()))
        features = [levels[name].flatten(2).transpose(1, 2) for name in self._pooled]
        return (torch.cat(features, 1), *objectness, *deltas)


class Proposals(nn.Module):
    """From the RPN's answers to proposals; see `RegionProposalNetwork`.

    Parameters
    ----------
    network
        In evaluation mode.
    first_stride
        Of the finest level.
    """

    def __init__(self, network: FasterRCNN, first_stride: int) -> None:
        super().__init__()
        self._rpn, self._first_stride = network.rpn, first_stride
        self._cell_anchors = [each.float() for each in network.rpn.anchor_generator.cell_anchors]

    def forward(self, sizes: Tensor, nprop: Tensor, *maps: Tensor) -> tuple[Tensor, Tensor]:
        """``(P, 4)`` boxes, best first in each image, and ``(P,)`` number of the image.

        Parameters
        ----------
        sizes
            ``(N, 2)`` int64, height and width of the images without padding.
        nprop
            ``(1,)`` int64, proposals kept of each image.
        maps
            Objectness and deltas of `Front`.
        """
        rpn, count = self._rpn, len(self._cell_anchors)
        padded = _sides(maps[0]) * self._first_stride
        candidates = [
            self._candidates(level, maps[level], maps[count + level], padded)
            for level in range(count)
        ]
        scores, anchors, deltas, level_ids = (
            torch.cat(e, 1) for e in zip(*candidates, strict=True)
        )
        boxes = _clipped(_decoded(anchors, deltas, rpn.box_coder), sizes[:, None])
        is_sound = _is_at_least(boxes, rpn.min_size) & (scores.sigmoid() >= rpn.score_thresh)
        # Levels are suppressed apart: each is moved to a place of its own.
        apart = boxes + (level_ids * (sizes.max() + 1))[..., None]
        kept = _NonMaxSuppression.apply(
            apart, torch.where(is_sound, scores, _LEFT_OUT)[:, None], nprop, rpn.nms_thresh
        )
        images = kept[:, 0]
        return boxes.flatten(0, 1)[images * _count(boxes, 1) + kept[:, 2]], images

    def _candidates(
        self, level: int, objectness: Tensor, deltas: Tensor, padded: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Score, anchor, deltas and level of the best places of a level; ``(N, K, ...)``."""
        sides = _sides(objectness)
        area = sides.prod()
        flat = objectness.flatten(1)
        most = torch.minimum(torch.tensor(self._rpn.pre_nms_top_n()), _count(flat, 1))
        scores, index = flat.topk(most, dim=1)  # type: ignore[arg-type]
        anchor, cell = index // area, index % area
        # As torchvision has it: a level whose cells do not fill the input spreads them over it.
        spacing = padded // sides
        shift = torch.stack([cell % sides[1] * spacing[1], cell // sides[1] * spacing[0]], -1)
        anchors = self._cell_anchors[level][anchor] + torch.cat([shift, shift], -1)
        places = (anchor[..., None] * 4 + torch.arange(4)) * area + cell[..., None]
        chosen = deltas.flatten(1).gather(1, places.flatten(1)).reshape(places.shape)
        return scores, anchors, chosen, torch.full_like(scores, level)


class Pooling(nn.Module):
    """Features of boxes, each from its level (Lin et al. 2017, eq. 1); see `MultiScaleRoIAlign`.

    Parameters
    ----------
    network
        In evaluation mode.
    strides
        Of the levels that boxes are pooled from.
    """

    def __init__(self, network: FasterRCNN, strides: tuple[int, ...]) -> None:
        super().__init__()
        self._pool, self._strides = network.roi_heads.box_roi_pool, strides

    def forward(self, boxes: Tensor, images: Tensor, features: Tensor, *maps: Tensor) -> Tensor:
        """``(P, rows, columns, C)``.

        Parameters
        ----------
        boxes, images
            From `Proposals`.
        features
            From `Front`.
        maps
            Objectness of the levels that are pooled from: they have the same cells.
        """
        pool, start = self._pool, torch.tensor(0)
        first, last = (int(math.log2(self._strides[i])) for i in (0, -1))
        scale = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt() / pool.canonical_scale
        level = (pool.canonical_level + scale.log2() + _LEVEL_EPSILON).floor().clamp(first, last)
        rois = torch.cat([images[:, None].float(), boxes], 1)
        parts, orders = [], []
        for i, (grid, stride) in enumerate(zip(maps, self._strides, strict=True)):
            sides = _sides(grid)
            cells = start + _range(sides.prod())
            own = features[:, cells].transpose(1, 2)
            own = own.unflatten(2, (sides[0], sides[1]))
            orders.append((level == first + i).nonzero()[:, 0])
            parts.append(
                roi_align(own, rois[orders[-1]], pool.output_size, 1 / stride, pool.sampling_ratio)
            )
            start = start + sides.prod()
        return torch.cat(parts)[torch.cat(orders).argsort()].permute(0, 2, 3, 1)


class Head(nn.Module):
    """From features of boxes to objects; see `RoIHeads`.

    Parameters
    ----------
    network
        In evaluation mode.
    """

    def __init__(self, network: FasterRCNN) -> None:
        super().__init__()
        self._heads = network.roi_heads

    def forward(
        self, sizes: Tensor, boxes: Tensor, images: Tensor, pooled: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``(D, 4)`` boxes, scores, class ids and numbers of the image, best first in each image.

        Parameters
        ----------
        sizes
            ``(N, 2)`` int64, height and width of the images without padding.
        boxes, images
            From `Proposals`.
        pooled
            From `Pooling`.
        """
        heads = self._heads
        logits, deltas = heads.box_predictor(heads.box_head(pooled.permute(0, 3, 1, 2)))
        class_count = logits.shape[1]
        # Without the background, which is the first.
        of_things = logits.softmax(-1)[:, 1:]
        row, class_id = (of_things > heads.score_thresh).nonzero().unbind(1)
        scores = of_things.flatten()[row * (class_count - 1) + class_id]
        chosen = deltas.reshape(-1, 4)[row * class_count + class_id + 1]
        image = images[row]
        results = _clipped(_decoded(boxes[row], chosen, heads.box_coder), sizes[image])
        is_its_image = image[None] == _range(_count(sizes, 0))[:, None]
        takes_part = is_its_image & _is_at_least(results, _MIN_RESULT_PX)[None]
        # Classes are suppressed apart, too.
        apart = results + (class_id * (sizes.max() + 1))[:, None]
        kept = _NonMaxSuppression.apply(
            apart[None],
            torch.where(takes_part, scores[None], _LEFT_OUT)[None],
            torch.tensor([heads.detections_per_img]),
            heads.nms_thresh,
        )
        index = kept[:, 2]
        return results[index], scores[index], class_id[index], kept[:, 1]


def _sides(maps: Tensor) -> Tensor:
    """Height and width, as numbers of the graph."""
    sides: Tensor = torch._shape_as_tensor(maps)[2:]
    return sides


def _count(array: Tensor, axis: int) -> Tensor:
    """Length of an axis, as a number of the graph."""
    length: Tensor = torch._shape_as_tensor(array)[axis]
    return length


def _range(count: Tensor) -> Tensor:
    numbers: Tensor = torch.arange(count)  # type: ignore[call-overload]
    return numbers


def _decoded(anchors: Tensor, deltas: Tensor, coder: BoxCoder) -> Tensor:
    """Boxes from deltas (Ren et al. 2015, eq. 2); both ``(..., 4)``."""
    weights = torch.tensor(coder.weights)
    sides = anchors[..., 2:] - anchors[..., :2]
    centres = anchors[..., :2] + sides / 2 + deltas[..., :2] / weights[:2] * sides
    halves = (deltas[..., 2:] / weights[2:]).clamp(max=coder.bbox_xform_clip).exp() * sides / 2
    return torch.cat([centres - halves, centres + halves], -1)


def _clipped(boxes: Tensor, sizes: Tensor) -> Tensor:
    """Boxes inside images of these heights and widths; ``(..., 4)`` and ``(..., 2)``."""
    limits = sizes.flip(-1).float()
    return torch.minimum(boxes.clamp(min=0), torch.cat([limits, limits], -1))


def _is_at_least(boxes: Tensor, side_px: float) -> Tensor:
    sides = boxes[..., 2:] - boxes[..., :2]
    return (sides[..., 0] >= side_px) & (sides[..., 1] >= side_px)


class _NonMaxSuppression(torch.autograd.Function):
    """ONNX's operator, which stops once it has enough: torchvision's goes through all boxes."""

    @staticmethod
    def forward(_: Any, boxes: Tensor, scores: Tensor, most: Tensor, iou: float) -> Tensor:
        """Rows of image, group and index; of ``(N, K, 4)`` boxes and ``(N, G, K)`` scores."""
        rows = []
        for image, group in torch.cartesian_prod(*map(torch.arange, scores.shape[:2])):
            values = scores[image, group]
            (present,) = (values > _FLOOR).nonzero(as_tuple=True)
            kept = present[nms(boxes[image, present], values[present], iou)][: int(most)]
            rows.append(torch.stack([image.expand(len(kept)), group.expand(len(kept)), kept], 1))
        return torch.cat(rows)

    @staticmethod
    def symbolic(graph: Any, boxes: Any, scores: Any, most: Any, iou: float) -> Any:
        """Node of the graph."""
        numbers = (graph.op("Constant", value_t=torch.tensor([value])) for value in (iou, _FLOOR))
        return graph.op("NonMaxSuppression", boxes, scores, most, *numbers)
