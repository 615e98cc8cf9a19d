"""Loading a model and calling its signatures."""

from noria.model.load import load
from noria.model.model import Model, VariableInfo
from noria.model.signature import Signature, TensorSpec, Trace

__all__ = ["Model", "Signature", "TensorSpec", "Trace", "VariableInfo", "load"]
