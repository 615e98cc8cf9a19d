"""Which version each label of a model stands for while the versions come and go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

from noria.errors import FailedPreconditionError


def check(
    name: str,
    asked: Mapping[str, int],
    current: Mapping[str, int],
    available: Collection[int],
    *,
    allow_unavailable: bool,
) -> None:
    """Raises FailedPreconditionError for a label whose version is not available.

    allow_unavailable: let pass a label that is new, or that stands for this version already.
    """
    for label, version in asked.items():
        unmoved = current.get(label, version) == version
        if version not in available and not (allow_unavailable and unmoved):
            raise FailedPreconditionError(
                f"Request to assign label to version {version} of model {name}, which is not currently available for "
                "inference"
            )


def effective(
    asked: Mapping[str, int], current: Mapping[str, int], available: Collection[int], at_once: AbstractSet[str]
) -> dict[str, int]:
    """The labels to go by now.

    A label takes effect when its version is available, and those in ``at_once`` whether it is or not. Until then a
    label that moves stays where it was, and a new one does not exist. What a label has reached it keeps.
    """
    found = {}
    for label, version in asked.items():
        if version in available or label in at_once or current.get(label) == version:
            found[label] = version
        elif label in current:
            found[label] = current[label]
    return found
