# SPDX-License-Identifier: BSD-3-Clause
"""Participants taking turns, and what the machine did meanwhile."""
import os
import statistics
import time


def turn(call, repeats, settle):
    """Wall time and processor time of the process, in seconds per call. Short calls are made untimed before: the turns of
    the others have emptied the caches."""
    if settle:
        time.sleep(settle)  # pools that spin after their last turn go to sleep
    for _ in range((repeats + 2) // 3):
        call()
    repeats = max(repeats, 1)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - wall) / repeats, (time.process_time() - processor) / repeats


def repeats_for(seconds):
    """Calls per turn: 0 (one, and none untimed before) for long calls, else some 30 ms."""
    return 0 if seconds > 0.04 else max(1, min(100, round(0.03 / seconds)))


def interleaved(calls, budget, least, most, settle):
    """Rounds A B C, A B C ... for `budget` seconds. calls: {name: (call, repeats)}. Gives {name: [(wall, processor)]}."""
    times = {name: [] for name in calls}
    start = time.perf_counter()
    while len(times[next(iter(calls))]) < most:
        done = len(times[next(iter(calls))])
        if done >= least and time.perf_counter() - start > budget:
            break
        for name, (call, repeats) in calls.items():
            times[name].append(turn(call, repeats, settle))
    return times


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def ratio(ours, theirs):
    """Median over the rounds of ours / theirs, and half the distance of its quartiles."""
    low, middle, high = quartiles([a / b for a, b in zip(ours, theirs)])
    return middle, (high - low) / 2


class Load:
    """Share of all processors that other processes used since the last look."""

    def __init__(self):
        self.look()

    def look(self):
        with open("/proc/stat") as file:
            numbers = [int(x) for x in file.readline().split()[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
        total, idle = sum(numbers) / tick, (numbers[3] + numbers[4]) / tick
        own = sum(os.times()[:4])
        last = getattr(self, "last", (total - 1, idle - 1, own))
        self.last = total, idle, own
        busy = (total - last[0]) - (idle - last[1])
        return max(0.0, busy - (own - last[2])) / max(total - last[0], 1e-9)
