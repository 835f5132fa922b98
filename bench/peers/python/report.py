#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rows of the measurement as tables, as a chart, or as JSON."""
import argparse
import json
import pathlib
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--rows", type=pathlib.Path, required=True)
parser.add_argument("--out", type=pathlib.Path, help="folder with performance.md")
parser.add_argument("--json", action="store_true")
arguments = parser.parse_args()
rows = [json.loads(line) for line in arguments.rows.read_text().splitlines()]
machine = next(row for row in rows if row["what"] == "machine")
rows = [row for row in rows if row["what"] != "machine"]


def table(head, lines):
    return "\n".join([f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |",
                      *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def pick(**wanted):
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def distinct(key, among):
    return list(dict.fromkeys(row.get(key) for row in among))


def plural(count, noun):
    return f"{count} {noun}" + ("s" if count != 1 else "")


def ratio_text(row, key="ratio"):
    if row is None:
        return ""
    if row.get(key) is None:
        return "does not agree or run"
    return f"{row[key]:.2f} ± {row['spread']:.2f}" if key == "ratio" and row.get("spread") is not None else f"{row[key]:.2f}"


def one(among):
    return among[0] if among else None


def machine_text():
    others = [row["others"] for row in rows if row.get("others") is not None]
    share = f"; other programs used {100 * max(others):.0f} % of the processors at most" if others else ""
    return (f"{machine['date']}, commit {machine['commit']}. {machine['processor']}; "
            f"{', '.join(machine['instruction_sets'])}; caches {', '.join(f'{k} {v}' for k, v in machine['caches'].items())}; "
            f"{machine['system']}; {machine['compiler']}, -O2. Load before the run {machine['load']:.1f}{share}."
            + (" A `--quick` run: rough figures." if machine["quick"] else "") + "\n")


def forward_tables():
    text = ""
    for network in distinct("network", pick(what="forward")):
        cases = sorted({(row["threads"], row["batch"]) for row in pick(what="forward", network=network)})
        lines = []
        for rival in distinct("rival", pick(what="forward", network=network)):
            if rival.startswith("clustermass"):
                continue
            found = [one(pick(what="forward", network=network, rival=rival, threads=t, batch=n)) for t, n in cases]
            version = next(row["version"] for row in found if row)
            against = ", against our baseline engine" if "plain" in rival else ""
            lines.append([f"{rival} {version}{against}", *(ratio_text(row) for row in found)])
        text += f"### Time, ours / theirs: the {network} network\n\n"
        text += table(["rival", *(f"{plural(t, 'thread')}, batch {n}" for t, n in cases)], lines) + "\n"
    return text


def own_table():
    lines = []
    for row in pick(what="forward"):
        if not row["rival"].startswith("clustermass") or row.get("milliseconds") is None:
            continue
        rate = row["flop"] / row["milliseconds"] * 1e3
        lines.append([row["rival"], row["network"], str(row["threads"]), str(row["batch"]),
                      f"{row['milliseconds'] / row['batch']:.3f}", f"{1e3 * row['batch'] / row['milliseconds']:.0f}",
                      "" if row["ratio"] == 1 else ratio_text(row), f"{rate / 1e9:.0f}",
                      *(("", "") if row["setting"] == "baseline" else
                        (f"{row['peak'] / 1e9:.0f}", f"{rate / row['peak'] / row['threads']:.2f}")),
                      f"{row['agreement']:.0e}"])
    if not lines:
        return ""
    return "### This library\n\n" + table(
        ["engine", "network", "threads", "batch", "ms per cutout", "cutouts/s", "the widest / this",
         "effective GFLOP/s", "FMA peak of a core", "effective / peak", "error"], lines) + "\n"


def scaling_table():
    lines = [[row["rival"], row["network"], str(row["batch"]), ratio_text(row), f"{1 / row['ratio']:.2f}"]
             for row in pick(what="scaling")]
    return "### This library with itself\n\n" + table(
        ["time of", "network", "batch", "ratio", "the other way round"], lines) + "\n" if lines else ""


def layer_text(name):
    """"3x3/stride:2/16to32/side:64/images:5" in words."""
    part = dict(word.split(":") for word in name.split("/") if ":" in word)
    size, channels = name.split("/")[0], next((word for word in name.split("/") if "to" in word), None)
    if not channels:
        return name
    return (f"{size}{', stride 2' if 'stride' in part else ''}, {channels.replace('to', ' to ')} channels, "
            f"{part['side']} x {part['side']}{', five images' if 'images' in part else ''}")


def layer_tables():
    text = ""
    for network in distinct("network", pick(what="layer")):
        found = pick(what="layer", network=network)
        lines = [[layer_text(row["layer"]), str(row["count"]) if row["rate"] else "",
                  f"{row['microseconds']:.1f}", f"{100 * row['share']:.0f} %",
                  *((f"{row['rate'] / 1e9:.0f}", f"{row['rate'] / row['peak']:.2f}") if row["rate"] else ("", ""))]
                 for row in found]
        text += f"### Where the time of a cutout goes: the {network} network, 1 thread\n\n" + table(
            ["convolution", "times", "µs each", "share of the walk", "effective GFLOP/s", "effective / peak"], lines) + "\n"
    return text


def settings_table():
    lines = [[f"{row['rival']} {row['version']}", row["network"], str(row["threads"]), str(row["batch"]),
              f"{row['milliseconds'] / row['batch']:.3f}", row["setting"], f"{row['agreement']:.0e}",
              str(row["rounds"])]
             for row in pick(what="forward") if row.get("milliseconds") and not row["rival"].startswith("clustermass")]
    return "### The rivals' best settings\n\n" + table(
        ["rival", "network", "threads", "batch", "ms per cutout", "setting", "error", "rounds"], lines) + "\n" if lines else ""


def train_table():
    lines = []
    for row in pick(what="train"):
        if row.get("samples_per_second") is None:
            lines.append([row["rival"], row["stage"], row["network"], str(row["threads"]), "does not agree or run", "", "", ""])
            continue
        own = row["rival"] == "clustermass"
        lines.append([f"{row['rival']} {row['version']}".strip(), row["stage"], row["network"], str(row["threads"]),
                      f"{row['samples_per_second']:.1f}" + (f" ({row['augmented_per_second']:.1f})" if own else ""),
                      "" if own else ratio_text(row), "" if own else ratio_text(row, "ratio_with_augmentation"),
                      f"{row['agreement']:.0e}"])
    return "### Training, batch 32\n\n" + table(
        ["trainer", "stage", "network", "threads", "samples/s", "time, ours / theirs", "with our augmentation",
         "losses differ by"], lines) + "\n" if lines else ""


def footprint_tables():
    text = ""
    first = pick(what="cold start")
    if first:
        lines = []
        for row in first:
            memory, size = (one(pick(what=what, rival=row["rival"])) for what in ("peak memory", "size"))
            versioned = f"{row['rival']} {row['version']}".strip()
            lines.append([versioned, f"{row['value']:.1f}", f"{row['processor']:.1f}",
                          ratio_text(row) if row["ratio"] else "", f"{memory['value']:.1f}",
                          ratio_text(memory) if memory["ratio"] else "", f"{size['value']:.2f}"])
        text += "### Cold start, memory and size: the released network, one cutout\n\n" + table(
            ["program", "start to answer [ms]", "processor time [ms]", "ours / theirs", "peak memory [MiB]", "ours / theirs", "files loaded [MiB]"],
            lines) + "\n"
    second = pick(what="compile time")
    if second:
        text += "### Compile time\n\n" + table(
            ["source file", "seconds"], [[row["rival"], f"{row['value']:.2f}"] for row in second]) + "\n"
    return text


def chart(path):
    """Bars of the ratio, one panel per network; below 1 this library is faster."""
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plot
    matplotlib.rcParams |= {"svg.hashsalt": "clustermass", "font.size": 9}
    networks = distinct("network", pick(what="forward"))
    figure, axes = plot.subplots(1, len(networks), figsize=(5.2 * len(networks), 5.4), sharey=True, squeeze=False)
    for axis, network in zip(axes[0], networks):
        here = [row for row in pick(what="forward", network=network)
                if row.get("ratio") and not row["rival"].startswith("clustermass") and "plain" not in row["rival"]]
        rivals, cases = distinct("rival", here)[::-1], sorted({(row["threads"], row["batch"]) for row in here})
        for k, (threads, batch) in enumerate(cases):
            found = [one([r for r in here if (r["rival"], r["threads"], r["batch"]) == (rival, threads, batch)])
                     for rival in rivals]
            places = [i + 0.8 * ((len(cases) - 1) / 2 - k) / len(cases) for i, row in enumerate(found) if row]
            axis.barh(places, [row["ratio"] for row in found if row], 0.8 / len(cases),
                      xerr=[row["spread"] for row in found if row], error_kw={"lw": 0.7},
                      label=f"{plural(threads, 'thread')}, batch {batch}")
        axis.axvline(1, color="black", lw=0.8)
        axis.axvline(0.5, color="grey", lw=0.8, ls=":")
        axis.set_yticks(range(len(rivals)), rivals)
        axis.set_xlim(0, 1.1)
        axis.set_xlabel("time, this library / rival")
        axis.set_title(f"{network} network")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=len(labels), fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def put_between(page, name, text):
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    content = page.read_text()
    if first not in content or last not in content:
        sys.exit(f"report.py: {page} has no {first.strip()} ... {last}; it is left as it was")
    before, rest = content.split(first, 1)
    partial = page.with_suffix(".part")
    partial.write_text(f"{before}{first}{text}{last}{rest.split(last, 1)[1]}")
    partial.replace(page)


tables = machine_text() + "\n" + forward_tables() + own_table() + scaling_table() + layer_tables() + settings_table() + train_table() + footprint_tables()
if arguments.out:
    if pick(what="forward"):
        chart(arguments.out / "performance.svg")
    put_between(arguments.out / "performance.md", "measured", tables)
if arguments.json:
    for row in rows:
        print(json.dumps(row))
else:
    print(tables, end="")
