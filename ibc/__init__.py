"""Implicit behavioral cloning (Florence et al., CoRL 2021) on TensorFlow and TF-Agents."""

from ibc.utils import startup as _startup

_startup.prepare_tensorflow()
