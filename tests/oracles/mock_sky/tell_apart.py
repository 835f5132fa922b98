#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Can a classifier tell patches of mock frames from patches of real ones? Prints one table per band.

    tell_apart.py --mock PROGRAM --real FOLDER [--seeds N] [--out FOLDER]

For each real five-band field N blank mock fields are drawn under that field's own seeing, sky, zero points and galactic
latitude. Gradient-boosted trees see 19 numbers of each 64 x 64 patch (fields.py). Real against mock: trained without
one real field and its mock fields, tested on them, for each field in turn. The yardstick: one real field against the
other real ones, trained on the left halves of the frames and tested on the right ones. The area under the curve (AUC)
is 0.5 where nothing tells them apart; below 0.5 what was learned on the other fields points the wrong way on this one,
so the mean of max(AUC, 1 - AUC) stands beside the mean. What gives the mock away: the loss of AUC when one number is
shuffled. With --out the table goes into OUT/mock-sky.md between its marks.
"""
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import common
import fields


def features_of(field):
    return {band: fields.patch_features(frame) for band, frame in field.frames.items()}


def trees(seed=1):
    return HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=30,
                                          l2_regularization=1.0, random_state=seed)


def fit(positive, negative):
    x = np.concatenate([positive, negative])
    y = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    weight = np.r_[np.full(len(positive), 1 / len(positive)), np.full(len(negative), 1 / len(negative))] * len(y) / 2
    return trees().fit(x, y, sample_weight=weight)


def auc(model, positive, negative):
    score = model.predict_proba(np.concatenate([positive, negative]))[:, 1]
    return roc_auc_score(np.r_[np.ones(len(positive)), np.zeros(len(negative))], score)


def real_against_mock(real, mock):
    """AUC per held-out field, and the mean loss of AUC when a number is shuffled among the test patches."""
    areas, losses, random = [], [], np.random.default_rng(1)
    for held in real:
        model = fit(np.concatenate([real[n] for n in real if n != held]),
                    np.concatenate([m for n in real if n != held for m in mock[n]]))
        positive, negative = real[held], np.concatenate(mock[held])
        areas.append(auc(model, positive, negative))
        both = np.concatenate([positive, negative])
        loss = []
        for column in range(both.shape[1]):
            shuffled = both.copy()
            shuffled[:, column] = random.permutation(shuffled[:, column])
            loss.append(areas[-1] - auc(model, shuffled[: len(positive)], shuffled[len(positive) :]))
        losses.append(loss)
    return areas, np.mean(losses, axis=0)


def real_against_real(real, corners, middle=1024):
    """AUC of each real field against the others: trained on the left halves, tested on the right ones."""
    areas = []
    for name in real:
        others = [n for n in real if n != name]
        left = {n: corners[n][:, 1] < middle - fields.PATCH for n in real}
        right = {n: corners[n][:, 1] >= middle for n in real}
        model = fit(real[name][left[name]], np.concatenate([real[n][left[n]] for n in others]))
        areas.append(auc(model, real[name][right[name]], np.concatenate([real[n][right[n]] for n in others])))
    return areas


def main():
    options = common.options_of(__doc__, more=common.FIELD_OPTIONS)
    names, measured, drawn = common.measured(options, features_of)
    lines = ["| band | AUC real against mock: mean | either way | each field | AUC one real field against the others: mean | "
             "each field | excess | what gives the mock away: loss of AUC, median of real and mock |",
             "| --- " * 8 + "|"]
    for band in fields.BANDS:
        real = {name: features[band][0] for name, features in zip(names, measured)}
        corners = {name: features[band][1] for name, features in zip(names, measured)}
        mock = {name: [features[band][0] for features in group] for name, group in zip(names, drawn)}
        against_mock, loss = real_against_mock(real, mock)
        against_real = real_against_real(real, corners)
        every = [np.concatenate(list(real.values())), np.concatenate(sum(mock.values(), []))]
        words = "; ".join(f"{fields.FEATURES[k]} {loss[k]:.3f}, {np.nanmedian(every[0][:, k]):.3f} and "
                          f"{np.nanmedian(every[1][:, k]):.3f}" for k in np.argsort(-loss)[:3])
        lines.append(f"| {band} | {np.mean(against_mock):.3f} | {np.mean(np.maximum(against_mock, 1 - np.array(against_mock))):.3f} "
                     f"| {' '.join(f'{a:.2f}' for a in against_mock)} | {np.mean(against_real):.3f} | "
                     f"{' '.join(f'{a:.2f}' for a in against_real)} | {np.mean(against_mock) - np.mean(against_real):+.3f} | "
                     f"{words} |")
    print(f"fields: {', '.join(names)}")
    common.publish(options, "classifier", lines)


if __name__ == "__main__":
    main()
