"""Imported by the process that replicas are forked from, so that none imports TensorFlow itself.

Only imports happen here, without TensorFlow's chatter: a process that has begun to compute has
threads and devices, which a fork does not carry over.
"""

import os

from ibc.utils import startup

# Every replica would claim the memory of the whole GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
startup.import_tensorflow_quietly()

from ibc.data.recording import recorder  # noqa: E402, F401
