"""How action sequences are presented to an agent, as config files choose it."""

import dataclasses
from collections.abc import Mapping, Sequence

import gin

from ibc.utils import parameters

MODES = ("limits", "gaussian", "identity")
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
    normalizers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Key → one of `MODES`, for observations that are seen as they are; 'limits' if not named.
    Images are mapped to [−1, 1]."""
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
    """One of `MODES`, for chunks that are not reduced."""
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
        for key, mode in {**self.normalizers, "an action": self.action_normalizer}.items():
            if mode not in MODES:
                raise ValueError(
                    f"the normalizer of {key} is {mode!r} in sequence_coding; choose one of "
                    f"{', '.join(MODES)}."
                )
        if self.counter_examples not in COUNTER_EXAMPLES:
            raise ValueError(
                f"sequence_coding.counter_examples is {self.counter_examples!r}; choose one of "
                f"{', '.join(COUNTER_EXAMPLES)}."
            )
        if self.components is not None:
            parameters.check_whole("sequence_coding", components=self.components)
        parameters.check_positive("sequence_coding", normal_std=self.normal_std)
