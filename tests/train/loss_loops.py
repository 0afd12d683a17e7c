"""The losses as their papers write them, in plain float64 loops: what the tensor code is compared with."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np


def scaled(rows):
    return [np.asarray(row, np.float64) / math.sqrt(sum(float(x) ** 2 for x in row)) for row in rows]


def points(rows, normalise):
    return scaled(rows) if normalise else [np.asarray(row, np.float64) for row in rows]


def between(a, b, distance):
    if distance == "cosine":
        return 1 - sum(a * b) / math.sqrt(sum(a * a) * sum(b * b))
    squared = sum((a - b) ** 2)
    return squared if distance == "squared-euclidean" else math.sqrt(squared)


def pairs_of(labels, given):
    if given:
        return [(i, i + 1) for i in range(0, len(labels) - 1, 2)]
    return list(combinations(range(len(labels)), 2))


def mean_of(genuine, impostor, given):
    if given:
        both = genuine + impostor
        return sum(both) / len(both) if both else 0.0
    halves = [sum(part) / len(part) if part else 0.0 for part in (genuine, impostor)]
    return (halves[0] + halves[1]) / 2


def contrastive(labels, rows, *, margin, distance="euclidean", normalise=True, given=False):
    at, genuine, impostor = points(rows, normalise), [], []
    for i, j in pairs_of(labels, given):
        d = between(at[i], at[j], distance)
        if labels[i] == labels[j]:
            genuine.append(d**2)
        else:
            impostor.append(max(0.0, margin - d) ** 2)
    return mean_of(genuine, impostor, given)


def pair_bce(labels, rows, kernel, bias, *, distance="weighted-l1", normalise=True, given=False):
    at, genuine, impostor = points(rows, normalise), [], []
    for i, j in pairs_of(labels, given):
        if distance == "weighted-l1":
            logit = bias + sum(w * abs(x - y) for w, x, y in zip(kernel, at[i], at[j], strict=True))
        else:
            logit = bias + kernel[0] * between(at[i], at[j], distance)
        probability = 1 / (1 + math.exp(-logit))
        if labels[i] == labels[j]:
            genuine.append(-math.log(probability))
        else:
            impostor.append(-math.log(1 - probability))
    return mean_of(genuine, impostor, given)


def triplet(labels, rows, *, margin, mining, distance="squared-euclidean", normalise=True):
    at, losses = points(rows, normalise), []
    for a in range(len(at)):
        positives = [between(at[a], at[p], distance) for p in range(len(at)) if p != a and labels[p] == labels[a]]
        negatives = [between(at[a], at[n], distance) for n in range(len(at)) if labels[n] != labels[a]]
        if not positives or not negatives:
            continue
        if mining == "hard":
            losses.append(max(0.0, margin + max(positives) - min(negatives)))
            continue
        for positive in positives:
            if mining == "all":
                losses += [loss for n in negatives if (loss := margin + positive - n) > 0]
            else:
                beyond = [n for n in negatives if n > positive]
                losses.append(max(0.0, margin + positive - (min(beyond) if beyond else max(negatives))))
    return sum(losses) / len(losses) if losses else 0.0


def multi_similarity(labels, rows, *, alpha, beta, threshold, margin):
    at, total = scaled(rows), 0.0
    for i in range(len(at)):
        positives = [float(at[i] @ at[k]) for k in range(len(at)) if k != i and labels[k] == labels[i]]
        negatives = [float(at[i] @ at[k]) for k in range(len(at)) if labels[k] != labels[i]]
        if not positives or not negatives:
            continue
        kept_negatives = [s for s in negatives if s > min(positives) - margin]
        kept_positives = [s for s in positives if s < max(negatives) + margin]
        total += math.log(1 + sum(math.exp(-alpha * (s - threshold)) for s in kept_positives)) / alpha
        total += math.log(1 + sum(math.exp(beta * (s - threshold)) for s in kept_negatives)) / beta
    return total / len(at)


def class_margin(labels, rows, centres, *, kind, margin, scale, kept=None):
    at, to = scaled(rows), scaled(centres)
    kept = range(len(centres)) if kept is None else kept
    losses = []
    for label, row in zip(labels, at, strict=True):
        logits = {}
        for c in kept:
            cosine = float(np.clip(row @ to[c], -1, 1))
            if c == label and kind == "cosface":
                cosine -= margin
            elif c == label:
                angle = math.acos(cosine)
                cosine = math.cos(angle + margin) if angle + margin < math.pi else cosine - margin * math.sin(margin)
            logits[c] = scale * cosine
        top = max(logits.values())
        losses.append(top + math.log(sum(math.exp(x - top) for x in logits.values())) - logits[label])
    return sum(losses) / len(losses)


def teacher_cosine(rows, teacher, projection=None):
    mapped = rows if projection is None else [np.asarray(row, np.float64) @ projection for row in scaled(rows)]
    return sum(1 - a @ b for a, b in zip(scaled(mapped), scaled(teacher), strict=True)) / len(rows)


def teacher_similarity(rows, teacher):
    ours, theirs, n = scaled(rows), scaled(teacher), len(rows)
    return sum((ours[i] @ ours[j] - theirs[i] @ theirs[j]) ** 2 for i in range(n) for j in range(n)) / n**2
