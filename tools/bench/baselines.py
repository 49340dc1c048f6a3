"""Trains scikit-learn's and xgboost's classifiers on the folds that tools/bench/score.ts wrote, and writes their scores.

Run by /usr/bin/python3 with Debian's python3-sklearn and python3-xgboost: baselines.py FOLDER
"""
import json
import sys
import time

import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

folder = sys.argv[1]
with open(f"{folder}/folds.json") as file:
    job = json.load(file)
same = job["settings"]
learners = {
    "scikit-learn logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "scikit-learn random forest": lambda: RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=0),
    "scikit-learn gradient boosting": lambda: HistGradientBoostingClassifier(random_state=0),
    "xgboost, its defaults": lambda: xgboost.XGBClassifier(n_jobs=1, tree_method="hist", random_state=0),
    "xgboost, exact, our settings": lambda: xgboost.XGBClassifier(
        n_jobs=1,
        tree_method="exact",
        n_estimators=same["trees"],
        learning_rate=same["learningRate"],
        max_depth=same["maxDepth"],
        min_child_weight=same["minChildWeight"],
        reg_lambda=same["lambda"],
        colsample_bytree=same["columnShare"],
        random_state=0,
    ),
}


def read(name, columns):
    return np.fromfile(f"{folder}/{name}", np.float32).reshape(columns, -1).T


for fold in range(job["folds"]):
    train, test = read(f"train{fold}", job["columns"]), read(f"test{fold}", job["columns"])
    labels = np.fromfile(f"{folder}/labels{fold}", np.uint8)
    for index, (name, make) in enumerate(learners.items()):
        start = time.perf_counter()
        model = make().fit(train, labels)
        seconds = time.perf_counter() - start
        model.predict_proba(test)[:, 1].astype(np.float64).tofile(f"{folder}/scores{fold}.{index}")
        print(json.dumps({"fold": fold, "index": index, "name": name, "seconds": seconds}), flush=True)
