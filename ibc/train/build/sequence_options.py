"""How action sequences are presented to an agent, as config files choose it."""

import dataclasses
from collections.abc import Mapping, Sequence

import gin

from ibc.data.windows import affine
from ibc.utils import parameters

ROBOMIMIC = "robomimic"
"""Chooses the way by the end of a key's name, as robomimic's files have them."""
COMMON_SCALE = "robomimic_lowdim"
"""Divides all keys by the largest number among them, as published for robomimic without images."""
MODES = (*affine.BY_NAME, ROBOMIMIC, COMMON_SCALE)
COUNTER_EXAMPLES = ("uniform", "normal")


@gin.configurable("sequence_coding")
@dataclasses.dataclass(frozen=True)
class SequenceOptions:
    """Frames of reference, scales and components; see `agents.sequence_coding`.

    Raises:
      ValueError: an option is none of those there are.
    """

    keys: Sequence[str] | None = None
    """Observation keys to keep, in the order in which networks see them; None takes the task's,
    or all of the data's where there is no task."""
    normalizer: str = "limits"
    """One of `MODES`, for observations that are seen as they are. Images are mapped to [−1, 1]."""
    normalizers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Key → one of `MODES`, where it is another."""
    reference: str | None = None
    """Observation key with the place of what acts, of as many numbers as an action: other
    places, displacements and actions are then relative to it as well."""
    absolute: Sequence[str] | None = None
    """Keys that are seen as they are; None: all of them, beside what is relative."""
    positions: Sequence[str] | None = None
    """Keys that hold places; None: those whose size is a multiple of the reference's."""
    relative_actions: bool = True
    """Whether actions are relative to the reference, if there is one."""
    components: int | None = None
    """Principal components that chunks are reduced to; None keeps every number of them."""
    action_normalizer: str = "limits"
    """A name in `affine.BY_NAME`, for chunks that are not reduced."""
    counter_examples: str = "uniform"
    """'uniform' within the data's bounds, or 'normal': drawn from a normal distribution, whose
    log density is subtracted from the scores in the loss."""
    normal_std: float = 1.3
    """Standard deviation of normal counter-examples, in normalized numbers; bounds are three of
    them."""
    train_statistics_only: bool = False
    """Whether statistics are of training episodes alone; otherwise of all episodes, as
    published."""

    def __post_init__(self):
        for name in ("keys", "absolute", "positions"):
            _check_names(name, getattr(self, name))
        if not isinstance(self.normalizers, Mapping):
            raise ValueError(
                f"sequence_coding.normalizers is {self.normalizers!r}, expected key → mode, such "
                "as {'agent_pos': 'gaussian'}; one mode for all keys is sequence_coding.normalizer."
            )
        _check_names("normalizers", list(self.normalizers))
        if self.keys is not None and not self.keys:
            raise ValueError("sequence_coding.keys is empty: name at least one, or leave it out.")
        chosen = {f"normalizers[{key!r}]": mode for key, mode in self.normalizers.items()}
        _check_choice("action_normalizer", self.action_normalizer, tuple(affine.BY_NAME))
        for name, mode in {"normalizer": self.normalizer, **chosen}.items():
            _check_choice(name, mode, MODES)
        _check_choice("counter_examples", self.counter_examples, COUNTER_EXAMPLES)
        if self.components is not None:
            parameters.check_whole("sequence_coding", components=self.components)
        parameters.check_positive("sequence_coding", normal_std=self.normal_std)


def _check_names(option: str, names: object) -> None:
    """Raises ValueError unless these are different names of observations, or None."""
    if names is None:
        return
    are_names = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
    if not are_names or len(set(names)) < len(names):
        raise ValueError(
            f"sequence_coding.{option} is {names!r}, expected different names of observations, "
            "such as ['agent_pos', 'keypoints']."
        )


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(
            f"sequence_coding.{name} is {value!r}; choose one of {', '.join(choices)}."
        )
