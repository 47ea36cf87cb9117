"""ApproxNet: input shape and depth are knobs of one network, run from an ONNX file."""

from approx_perception.classifiers._base import Classifier, ClassifierOptions

__all__ = ["load"]


def load(options: ClassifierOptions) -> Classifier:
    """Load an ONNX file of ours, or the one that ships."""
    from approx_perception.classifiers.approxnet.classifier import load_approxnet

    return load_approxnet(options)
