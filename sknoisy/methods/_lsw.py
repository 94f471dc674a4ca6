"""LSW: one learned weight per training row."""

import numpy as np
import torch

from ..training import row_derivatives
from ..training._directional import frozen_statistics, functional_losses
from ..training._seeding import randomness_state
from ._base import LabelEvidence, Method, margin_quality

MOMENT_DECAY = 0.99


class LSW(Method):
    """docs later"""

    needs_trusted = True
    published_threshold = 0.3
    published_final = "filter"

    def __init__(
        self,
        *,
        self_trusted=None,
        weight_step=1.0,
        warmup_epochs=2,
        trusted_batch_size=250,
        reading="logit",
        gradient="finite_difference",
        recipe="sgd", precondition=True,
    ):
        self.self_trusted = self_trusted
        self.weight_step = weight_step
        self.warmup_epochs = warmup_epochs
        self.trusted_batch_size = trusted_batch_size
        self.reading = reading
        self.gradient = gradient
        self.recipe = recipe
        self.precondition = precondition

    def requires_trusted_rows(self):
        return self.self_trusted is None

    def detect(self, trainer, data):
        params = {}
        if self.recipe == "sgd":
            params = dict(optimizer=torch.optim.SGD, lr=0.1, optimizer__momentum=0.9, optimizer__weight_decay=5e-4)
        run = trainer.start(**params)
        learner = _WeightLearner(run, np.flatnonzero(data.trusted), self)
        epochs = run.net.max_epochs
        sch = None
        if self.recipe == "sgd":
            sch = torch.optim.lr_scheduler.CosineAnnealingLR(run.net.optimizer_, epochs)
        def after(epoch):
            learner.epoch = epoch + 1
            if sch: sch.step()
        rows = run.rows[~data.trusted[run.rows]]
        run.run(learner.train_batch, rows=rows, after_epoch=after)
        weights = learner.weights().double().cpu().numpy()
        weights[data.trusted] = 1.0
        return LabelEvidence(weights, weights, margin_quality(run)[1], run.state(), run.history())


class _WeightLearner:
    def __init__(self, run, trusted_rows, method):
        self.run, self.method = run, method
        self.epoch = 0
        self._raw = torch.zeros(run.data.n_rows, device=run.device)
        self._second_moment = None
        self._trusted_rows = trusted_rows
        self._trusted = self._cycle()
        self._names = [n for n, p in run.module.named_parameters() if p.requires_grad]

    def _cycle(self):
        size = min(self.method.trusted_batch_size, len(self._trusted_rows))
        while True:
            yield from self.run.batches(self._trusted_rows, shuffle=True, batch_size=size)

    def weights(self, rows=slice(None)):
        return torch.sigmoid(self._raw[rows])

    def train_batch(self, batch):
        run = self.run
        active = self.epoch >= self.method.warmup_epochs
        X = run.weak_view(batch.X)
        before = {n: p.detach().clone() for n, p in zip(self._names, run.parameters)} if active else None
        rnd = randomness_state(run.module) if active else None
        logits = run.logits(X)
        losses = run.row_losses(logits, batch.y)
        alpha = self.weights(batch.rows)
        loss = run.mean_loss(alpha * losses, batch.rows) / alpha.mean()
        run.gradient_step(loss, batch)
        if active:
            tangent = self._clean_gradient()
            d = row_derivatives(functional_losses(run, X, batch.y), run.module, before, tangent, losses=losses.detach(), randomness=rnd, gradient=self.method.gradient)
            self._update(batch.rows, alpha, d)
        return loss.detach(), logits.detach()

    def _clean_gradient(self):
        run = self.run
        batch = next(self._trusted)
        with frozen_statistics(run.module):
            losses = run.row_losses(run.logits(run.weak_view(batch.X)), batch.y)
            grads = torch.autograd.grad(losses.mean(), run.parameters)
        opt = run.net.optimizer_
        if self.method.precondition and isinstance(opt, (torch.optim.Adam, torch.optim.AdamW)):
            out=[]
            for p, g in zip(run.parameters, grads):
                st = opt.state[p]; b2 = opt.param_groups[0]['betas'][1]
                v = st['exp_avg_sq'] / (1 - b2 ** st['step'])
                out.append(g / (v.sqrt() + 1e-8))
            grads = out
        return dict(zip(self._names, grads))

    def _update(self, rows, alpha, d):
        m = self.method
        u = (d - (alpha * d).sum() / alpha.sum()) / alpha.sum()
        if m.reading == "logit":
            u = u * alpha * (1 - alpha)
        ms = (u**2).mean()
        self._second_moment = ms if self._second_moment is None else MOMENT_DECAY * self._second_moment + (1 - MOMENT_DECAY) * ms
        self._raw[rows] += m.weight_step * u / (self._second_moment.sqrt() + 1e-12)
