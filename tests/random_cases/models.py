"""Nets, and classifiers of scikit-learn: a function of the material for each label."""

import numpy as np
import torch
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping, GradientNormClipping, LRScheduler
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import TensorDataset

from sknoisy import RobustClassifier
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.tables import NumberEncoder

from .brought import (
    BrainFloat,
    Double,
    Dropping,
    Frozen,
    Infinite,
    Lazy,
    Linear,
    LogSoftmax,
    NoParameters,
    NotANumber,
    NotANumberInEvaluation,
    OneOutput,
    OneTooMany,
    PartlyFrozen,
    RaisesInConstructor,
    RaisesInFit,
    RaisesInTraining,
    RaisingCallback,
    Softmax,
    TableAndCode,
    TwoInOne,
    TwoOutputs,
    WithoutLinear,
    fitted_net,
    skorch_net,
    small_image_net,
    small_table_net,
    softmax_net,
)
from .settings import constants

NETS_OF_DICTS = {
    "module of a dict": lambda m: TableAndCode,
    "skorch of a dict": lambda m: skorch_net(TableAndCode),
    "train_split of a dict": lambda m: NeuralNetClassifier(
        TableAndCode, criterion=nn.CrossEntropyLoss, verbose=0
    ),
    "masking of a dict": lambda m: TabularNet(
        TableAndCode, weak_view="noise", strong_view="masking"
    ),
}

ORDINARY_TABLE_NETS = {
    "None": lambda m: None,
    "TabularNet": lambda m: small_table_net(),
    "TabularNet with dropout": lambda m: small_table_net(module__dropout=0.3),
    "logistic": lambda m: TabularNet(module__n_layers=0),
    "module": lambda m: Linear,
    "module with dropout": lambda m: Dropping,
    "skorch": lambda m: skorch_net(Linear),
    "train_split": lambda m: NeuralNetClassifier(Linear, criterion=nn.CrossEntropyLoss, verbose=0),
    "early stopping": lambda m: small_table_net(
        callbacks=[("stop", EarlyStopping(monitor="train_loss", patience=1))]
    ),
    "softmax": lambda m: softmax_net(),
    "scheduler": lambda m: small_table_net(callbacks=[LRScheduler("StepLR", step_size=1)]),
    "clipping": lambda m: skorch_net(Linear, callbacks=[("clip", GradientNormClipping(1.0))]),
    "AdamW": lambda m: skorch_net(Dropping, optimizer=torch.optim.AdamW, lr=0.01),
    "momentum": lambda m: skorch_net(Linear, optimizer__momentum=0.9),
    "double": lambda m: skorch_net(Double),
    "label smoothing": lambda m: skorch_net(Linear, criterion__label_smoothing=0.1),
    "batch norm": lambda m: skorch_net(TwoInOne),
}
ORDINARY_IMAGE_NETS = {
    "VisionNet": lambda m: small_image_net(),
    "VisionNet again": lambda m: small_image_net(),
    "module": lambda m: Linear,
    "skorch": lambda m: skorch_net(Linear),
    "train_split": lambda m: small_image_net(train_split=NeuralNetClassifier(Linear).train_split),
    "softmax": lambda m: softmax_net(),
    "dropout": lambda m: skorch_net(Dropping),
}
ODD_NETS = {
    "None": lambda m: None,
    "bfloat16": lambda m: skorch_net(BrainFloat),
    "probabilities in cross-entropy": lambda m: skorch_net(Softmax),
    "logarithms in NLLLoss": lambda m: softmax_net(LogSoftmax),
    "logits in NLLLoss": lambda m: softmax_net(Linear),
    "no parameters": lambda m: skorch_net(NoParameters),
    "no parameters, module": lambda m: NoParameters,
    "frozen": lambda m: skorch_net(Frozen),
    "partly frozen": lambda m: skorch_net(PartlyFrozen),
    "two outputs": lambda m: skorch_net(TwoOutputs),
    "one output": lambda m: skorch_net(OneOutput),
    "one output too many": lambda m: skorch_net(OneTooMany),
    "NaN": lambda m: skorch_net(NotANumber),
    "NaN in evaluation": lambda m: skorch_net(NotANumberInEvaluation),
    "infinite": lambda m: skorch_net(Infinite),
    "lazy": lambda m: skorch_net(Lazy),
    "without linear layer": lambda m: skorch_net(WithoutLinear),
    "raises in constructor": lambda m: skorch_net(RaisesInConstructor),
    "raises in training": lambda m: skorch_net(RaisesInTraining),
    "callback raises at the epoch's end": lambda m: skorch_net(
        Linear, callbacks=[("raise", RaisingCallback())]
    ),
    "callback raises at the training's end": lambda m: skorch_net(
        Linear, callbacks=[("raise", RaisingCallback("on_train_end"))]
    ),
    "early stopping without validation": lambda m: skorch_net(Linear, callbacks=[EarlyStopping()]),
    "early stopping": lambda m: NeuralNetClassifier(
        Linear, criterion=nn.CrossEntropyLoss, verbose=0, callbacks=[EarlyStopping(patience=1)]
    ),
    "predefined split": lambda m: skorch_net(
        Linear,
        train_split=predefined_split(
            TensorDataset(m.rows()[:5].flatten(1), torch.from_numpy(m.codes[:5]))
        ),
    ),
    "number as split": lambda m: skorch_net(Linear, train_split=0.2),
    "weighted criterion": lambda m: skorch_net(
        Linear, criterion__weight=torch.ones(len(np.unique(m.codes)))
    ),
    "weights of another size": lambda m: skorch_net(Linear, criterion__weight=torch.ones(17)),
    "binary cross-entropy": lambda m: skorch_net(Linear, criterion=nn.BCEWithLogitsLoss),
    "squared error": lambda m: skorch_net(Linear, criterion=nn.MSELoss),
    "multi-margin": lambda m: skorch_net(Linear, criterion=nn.MultiMarginLoss),
    "LBFGS": lambda m: skorch_net(Linear, optimizer=torch.optim.LBFGS),
    "unknown module parameter": lambda m: skorch_net(Linear, module__width=3),
    "unknown optimiser parameter": lambda m: skorch_net(Linear, optimizer__speed=3),
    "unknown device": lambda m: skorch_net(Linear, device="toaster"),
    "net's max_epochs 0": lambda m: skorch_net(Linear, max_epochs=0),
    "net's batch_size -1": lambda m: skorch_net(Linear, batch_size=-1),
    "net's batch_size 0": lambda m: skorch_net(Linear, batch_size=0),
    "net's lr NaN": lambda m: skorch_net(Linear, lr=np.nan),
    "net's lr a text": lambda m: skorch_net(Linear, lr="fast"),
    "warm_start": lambda m: skorch_net(Linear, warm_start=True),
    "no units": lambda m: TabularNet(module__n_units=0),
    "negative layers": lambda m: TabularNet(module__n_layers=-1),
    "dropout of 2": lambda m: TabularNet(module__n_units=8, module__dropout=2.0),
    "all dropped": lambda m: TabularNet(module__n_units=8, module__dropout=1.0),
    "fixed features": lambda m: TabularNet(module__n_features=4),
    "TabularNet": lambda m: small_table_net(),
    "VisionNet": lambda m: small_image_net(),
    "depth of 3": lambda m: VisionNet(module__depth=3, module__width=2),
    "fitted": lambda m: fitted_net(),
    "module instance": lambda m: Linear(3, 2),
    "text": lambda m: "mlp",
    "scikit-learn": lambda m: LogisticRegression(),
    "regressor": lambda m: NeuralNetRegressor(Linear),
    "binary": lambda m: NeuralNetBinaryClassifier(Linear),
    "class": lambda m: NeuralNetClassifier,
    "a class": lambda m: dict,
    "array": lambda m: np.array([1, 2]),
    "unfit module": lambda m: skorch_net("mlp"),
}

ORDINARY_FINAL_ESTIMATORS = {
    "LogisticRegression": lambda m: LogisticRegression(max_iter=20),
    "HistGradientBoosting": lambda m: HistGradientBoostingClassifier(
        max_iter=2, max_depth=2, early_stopping=False, random_state=0
    ),
    "KNeighbors": lambda m: KNeighborsClassifier(1),
    "Ridge": lambda m: RidgeClassifier(),
    "tree": lambda m: DecisionTreeClassifier(max_depth=2, random_state=0),
    "pipeline": lambda m: make_pipeline(StandardScaler(), LogisticRegression(max_iter=20)),
}
FINAL_ESTIMATORS_OF_MESSY_TABLES = {
    "pipeline that encodes": lambda m: make_pipeline(
        NumberEncoder(), LogisticRegression(max_iter=20)
    ),
    "pipeline of trees that encodes": lambda m: make_pipeline(
        NumberEncoder(), DecisionTreeClassifier(max_depth=2, random_state=0)
    ),
}
ODD_FINAL_ESTIMATORS = {
    **ORDINARY_FINAL_ESTIMATORS,
    "regressor": lambda m: LinearRegression(),
    "text": lambda m: "tree",
    "class": lambda m: LogisticRegression,
    "raises": lambda m: RaisesInFit(),
    "bad parameter": lambda m: LogisticRegression(C=-1),
    "50 neighbours": lambda m: KNeighborsClassifier(50),
    "array": lambda m: np.array([1, 2]),
    "nested": lambda m: RobustClassifier("cross_entropy", max_epochs=1, random_state=0),
    "number": lambda m: 3,
}
ORDINARY_ESTIMATORS = {
    "HistGradientBoosting": lambda m: HistGradientBoostingClassifier(max_iter=4, max_depth=2),
    "GradientBoosting": lambda m: GradientBoostingClassifier(n_estimators=3),
    "AdaBoost": lambda m: AdaBoostClassifier(n_estimators=4),
    "forest": lambda m: RandomForestClassifier(n_estimators=4, max_depth=3),
    "LogisticRegression": lambda m: LogisticRegression(max_iter=20),
    "KNeighbors": lambda m: KNeighborsClassifier(2),
    "pipeline": lambda m: make_pipeline(NumberEncoder(), LogisticRegression(max_iter=20)),
    "pipeline of trees": lambda m: make_pipeline(
        NumberEncoder(), DecisionTreeClassifier(max_depth=2)
    ),
}
ODD_ESTIMATORS = {
    **ORDINARY_ESTIMATORS,
    "Ridge": lambda m: RidgeClassifier(),
    "HistGradientBoosting with early stopping": lambda m: HistGradientBoostingClassifier(
        max_iter=4, early_stopping=True, min_samples_leaf=3
    ),
    "regressor": lambda m: LinearRegression(),
    "text": lambda m: "forest",
    "class": lambda m: HistGradientBoostingClassifier,
    "raises": lambda m: RaisesInFit(),
    "bad parameter": lambda m: HistGradientBoostingClassifier(learning_rate=-1),
    "no rounds": lambda m: AdaBoostClassifier(n_estimators=0),
    "pipeline that can't encode": lambda m: make_pipeline(StandardScaler(), LogisticRegression()),
    "nested": lambda m: RobustClassifier("cross_entropy", max_epochs=1, random_state=0),
    "net": lambda m: skorch_net(Linear),
    "module": lambda m: Linear,
    "number": lambda m: 3,
    "fitted": lambda m: DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1]),
}
ORDINARY_FOLDS = constants(None, 2, np.int64(3)) | {
    "StratifiedKFold": lambda m: StratifiedKFold(2),
    "pairs": lambda m: _two_folds(m),
}
ODD_FOLDS = constants(1, 0, True, 1000, 2.5, "five", [], StratifiedKFold) | {
    "KFold": lambda m: KFold(2),
    "KFold of too many": lambda m: KFold(1000),
    "some rows only": lambda m: ShuffleSplit(1, test_size=0.2, random_state=0),
    "pairs of too large numbers": lambda m: [([0, 1], [1000])],
}


def _two_folds(m):
    rows = np.argsort(m.codes, kind="stable")
    return [(rows[::2], rows[1::2]), (rows[1::2], rows[::2])]


# Ordinary ones and odd ones.
NETS = {
    "table": (ORDINARY_TABLE_NETS, ODD_NETS),
    "dataset": (ORDINARY_TABLE_NETS, ODD_NETS),
    "images": (ORDINARY_IMAGE_NETS, ODD_NETS),
    "image dataset": (ORDINARY_IMAGE_NETS, ODD_NETS),
    "dict": (NETS_OF_DICTS, ODD_NETS),
}
