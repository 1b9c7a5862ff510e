"""Refuses what would have no effect: of action sequences without them, of single actions with."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import gin

from ibc.train.build import sequence_options
from ibc.train.build import sequences as sequences_lib
from ibc.utils import parameters

# Parameter → the value that changes nothing, and what is bound instead of another one.
_OF_SINGLE_ACTIONS = {
    "get_normalizers.modes": (None, "sequence_coding.normalizer or .normalizers"),
    "get_normalizers.all_episodes": (True, "sequence_coding.train_statistics_only"),
    "compute_dataset_statistics.use_sqrt_std": (False, "sequence_coding.normalizer"),
    "IbcPolicy.clip": (True, None),
    "MdnPolicy.clip": (True, None),
}


def check(sequences: sequences_lib.Sequences | None, given: Mapping[str, Any]) -> None:
    """Checks that what a run says of action sequences, and of single actions, has an effect.

    Args:
      sequences: what is asked for of action sequences; None where single actions are learned.
      given: the fields of `RunConfig`, by name.

    Raises:
      ValueError: a parameter has none, or is out of its range; the message names it.
    """
    if sequences is None:
        for parameter in _of_sequences(given):
            raise ValueError(
                f"{parameter} is of action sequences: set train_eval.action_horizon above 1, or "
                "train_eval.horizon, too."
            )
        return
    if given["dataset_eval_fraction"]:
        raise ValueError(
            "train_eval.dataset_eval_fraction keeps whole record files for validation; where "
            "action sequences are learned, set train_eval.validation_ratio, a share of the "
            "episodes, instead."
        )
    _check_single_actions()
    _check_ensemble(sequences)
    _check_coding(sequence_options.SequenceOptions(), given["loss_type"])


def _of_sequences(given: Mapping[str, Any]) -> Iterator[str]:
    """Yields the parameters of action sequences that are not as they are without them."""
    for name in ("action_steps", "temporal_ensemble"):
        if given[name] is not None:
            yield f"train_eval.{name}"
    options = sequence_options.SequenceOptions()
    for field in dataclasses.fields(options):
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        if getattr(options, field.name) != default:
            yield f"sequence_coding.{field.name}"


def _check_single_actions() -> None:
    for parameter, (unchanged, instead) in _OF_SINGLE_ACTIONS.items():
        value = _bound(parameter, unchanged)
        if value != unchanged:
            advice = f"bind {instead} instead, and leave it out" if instead else "leave it out"
            raise ValueError(
                f"{parameter} = {value!r} has no effect on action sequences: {advice}."
            )
    options = sequence_options.SequenceOptions()
    scaled_so = options.components is None and options.action_normalizer == "limits"
    if _bound("compute_dataset_statistics.min_max_actions", False) and not scaled_so:
        name = "action_normalizer" if options.components is None else "components"
        raise ValueError(
            "compute_dataset_statistics.min_max_actions = True has no effect on action sequences "
            f"with sequence_coding.{name} = {getattr(options, name)!r}: bind it to False."
        )


def _bound(parameter: str, default: Any) -> Any:
    """Returns the value that gin gives a parameter, or the default if it gives none."""
    configurable, _, name = parameter.rpartition(".")
    return gin.get_bindings(configurable).get(name, default)


def _check_ensemble(sequences: sequences_lib.Sequences) -> None:
    if sequences.temporal_ensemble is None:
        return
    parameters.check_finite("train_eval", temporal_ensemble=sequences.temporal_ensemble)
    executable = sequences.shape.action_horizon
    if sequences.action_steps >= executable:
        raise ValueError(
            f"train_eval.temporal_ensemble averages plans that reach the same step, but with "
            f"{sequences.action_steps} of {executable} actions executed before planning again none "
            "do: set train_eval.action_steps below train_eval.action_horizon."
        )


def _check_coding(options: sequence_options.SequenceOptions, loss_type: str) -> None:
    default = sequence_options.SequenceOptions.normal_std
    normal = options.counter_examples == "normal"
    without_effect = {
        "counter_examples = 'normal'": (
            normal and loss_type != "ebm",
            f"loss_type {loss_type!r}, which draws none: leave it out",
        ),
        f"normal_std = {options.normal_std!r}": (
            not normal and options.normal_std != default,
            "uniform counter-examples: bind sequence_coding.counter_examples = 'normal', too",
        ),
        f"action_normalizer = {options.action_normalizer!r}": (
            options.components is not None and options.action_normalizer != "limits",
            "sequence_coding.components, each of which has a unit of its own: leave one out",
        ),
        f"positions = {options.positions!r}": (
            options.reference is None and options.positions is not None,
            "no sequence_coding.reference that they are relative to: bind it, too",
        ),
    }
    for said, (is_so, why) in without_effect.items():
        if is_so:
            raise ValueError(f"sequence_coding.{said} has no effect with {why}.")
