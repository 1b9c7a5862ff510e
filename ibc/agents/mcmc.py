"""The samplers, under the name people know them by."""

from ibc.samplers.autoregressive_dfo import autoregressive_dfo
from ibc.samplers.dfo import iterative_dfo
from ibc.samplers.draws import uniform_actions
from ibc.samplers.langevin import ChainData, langevin_actions_given_obs
from ibc.samplers.schedules import exponential, polynomial

__all__ = [
    "ChainData",
    "autoregressive_dfo",
    "exponential",
    "iterative_dfo",
    "langevin_actions_given_obs",
    "polynomial",
    "uniform_actions",
]
