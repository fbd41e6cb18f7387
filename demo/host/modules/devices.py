"""The one device of the embedded host: the CPU, in float32."""

from __future__ import annotations

import torch

cpu = torch.device("cpu")
device = cpu
dtype = torch.float32
