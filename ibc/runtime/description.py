"""What a policy sees and does: the file policy.json beside an exported policy."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FILE = "policy.json"
"""Its name in a policy's folder."""
FORMAT = 1
"""Number that a reader of a later layout can tell this one by."""


@dataclasses.dataclass(frozen=True)
class Field:
    """An array, without batch and time."""

    shape: tuple[int, ...]
    """Its shape."""
    dtype: str
    """NumPy's name of its type."""
    normalizer: Mapping[str, Any] | None = None
    """What the policy makes of it, for people: a formula and its numbers."""

    def text(self) -> str:
        """Returns, for example, 'float32 (2,)'."""
        return f"{self.dtype} {self.shape}"


@dataclasses.dataclass(frozen=True)
class Action:
    """What a policy gives."""

    shape: tuple[int, ...]
    """Of one action."""
    dtype: str
    """NumPy's name of its type."""
    minimum: Any = None
    """Lower bounds, None if they are not known."""
    maximum: Any = None
    """Upper bounds."""
    clip: bool = False
    """Whether actions are clipped to the bounds."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How an implicit policy looks for actions, in its own normalized and flat ones [A]."""

    minimum: Sequence[float]
    """Lower bounds, [A]."""
    maximum: Sequence[float]
    """Upper bounds, [A]."""
    scale: Sequence[float]
    """An action of the environment, or a coded chunk, is normalized · scale + offset: [A]."""
    offset: Sequence[float]
    """See `scale`."""
    num_action_samples: int
    """N."""
    stages: Sequence[Mapping[str, Any] | None]
    """Samplers in turn: 'name' and parameters. None stands for one that is left out."""
    normal_std: float | None = None
    """See `ActionSpace.normal_std`."""
    warm_start_fraction: float = 0.0
    """See `IbcPolicy`."""
    warm_start_std: float = 0.1
    """See `IbcPolicy`."""


@dataclasses.dataclass(frozen=True)
class Chunks:
    """How actions are planned, see `RecedingHorizonPolicy`."""

    chunk_steps: int
    """P."""
    action_steps: int
    """Actions executed before planning again."""
    latency_steps: int = 0
    """l, steps that pass before a plan can be executed."""
    temporal_ensemble: float | None = None
    """Decay of older plans' weights, None without averaging."""


@dataclasses.dataclass(frozen=True)
class Description:
    """A policy, as far as its user has to know it."""

    kind: str
    """'energy', 'autoregressive', 'regression', 'mixture', or 'unknown' in an old export."""
    frames: int
    """T, observations that the policy looks at."""
    observation: Mapping[str, Field]
    """Key → one frame; the key '' stands for an observation that is a plain array."""
    action: Action
    """One action."""
    greedy: bool = True
    """Whether it takes the most probable action, or draws one."""
    greedy_samples: bool = False
    """Whether a greedy mixture still draws, see `MdnPolicy`."""
    sampling: Sampling | None = None
    """Of an implicit policy."""
    chunks: Chunks | None = None
    """Of a policy of action sequences."""
    units: str = "those of the environment or the recordings; nothing is to be normalized"
    """Of observations and actions, for people: what goes in and comes out is as in the data."""
    train_step: int | None = None
    """Training steps behind it."""
    made_by: str = ""
    """Package and version."""

    @property
    def is_array(self) -> bool:
        """Whether an observation is a plain array."""
        return list(self.observation) == [""]

    def write(self, folder: str | os.PathLike) -> None:
        """Writes policy.json to a folder that nobody reads yet."""
        values = {"format": FORMAT, **dataclasses.asdict(self)}
        with open(os.path.join(folder, FILE), "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1, default=_plain)
            file.write("\n")


def read(folder: str | os.PathLike) -> Description | None:
    """Reads policy.json of a folder; returns None if there is none.

    Raises:
      ValueError: The file is damaged, or of a later format.
    """
    path = os.path.join(folder, FILE)
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
        found = values.pop("format")
        if found == FORMAT:
            return _of_json(values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}); export the policy again."
        ) from error
    raise ValueError(
        f"{path} has the format {found}, but this version reads {FORMAT}: update the package."
    )


def _of_json(values: dict[str, Any]) -> Description:
    def field(of: dict[str, Any]) -> Field:
        return Field(**{**of, "shape": tuple(of["shape"])})

    values["observation"] = {key: field(of) for key, of in values["observation"].items()}
    action = values["action"]
    values["action"] = Action(**{**action, "shape": tuple(action["shape"])})
    for name, kind in (("sampling", Sampling), ("chunks", Chunks)):
        values[name] = values[name] and kind(**values[name])
    return Description(**values)


def _plain(value: Any) -> Any:
    """Turns NumPy's numbers and arrays into what JSON has."""
    return np.asarray(value).tolist()
