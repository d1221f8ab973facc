"""Early stopping, each replicate for itself: it keeps its best weights, and stops when no better ones come.

Shapes: R replicates, P parameters.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Best:
    """parameters (R, P): the weights of the least validation `loss` (R,) so far, that of the logged epoch `epoch` (R,).

    `stopped` (R,) replicates take no others, whatever becomes of them while the rest go on.
    """

    parameters: Tensor
    loss: Tensor
    epoch: Tensor
    stopped: Tensor

    @classmethod
    def first(cls, epoch: int, parameters: Tensor, loss: Tensor) -> "Best":
        """The first logged epoch's weights are the best so far, also of a replicate that has diverged already."""
        epochs = torch.full_like(loss, epoch, dtype=torch.int64)
        return cls(parameters, loss, epochs, torch.zeros_like(epochs, dtype=torch.bool))

    def after(self, epoch: int, parameters: Tensor, loss: Tensor, patience: int) -> "Best":
        """With a later logged epoch's weights where they are better; it stops those without for `patience` epochs."""
        better = (loss < self.loss) & ~self.stopped
        epochs = torch.where(better, epoch, self.epoch)
        return Best(
            torch.where(better[:, None], parameters, self.parameters),
            torch.where(better, loss, self.loss),
            epochs,
            self.stopped | (epoch - epochs >= patience),
        )
