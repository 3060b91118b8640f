"""The dashboard and the alert rules speak of metrics that there are, with labels that they have."""
import json
import re
import subprocess

import yaml
from conftest import ROOT

PROMETHEUS = ROOT / "config" / "prometheus"
ROWS = re.findall(r'X\(\w+, M_(\w+), "(\w+)",\s*"(\w*)"', (ROOT / "base" / "metrics_list.h").read_text().replace("\\\n", " "))
LABELS = {name: {label, "process"} - {""} for _, name, label in ROWS}
HISTOGRAMS = {name for kind, name, _ in ROWS if kind == "HISTOGRAM"}


def check(expr):
    for name, rest in re.findall(r"\b(naru_\w+)(\{[^}]*\})?", expr):
        base = name.removesuffix("_bucket") if name.removesuffix("_bucket") in HISTOGRAMS else name
        assert base in LABELS, f"{name} is no metric of Naru: {expr}"
        assert (base in HISTOGRAMS) == (base != name), expr
        for label in re.findall(r"(\w+)\s*=", rest):
            assert label in LABELS[base], f"{name} has no label {label}"


def test_the_list_of_metrics_is_read_whole():
    assert len(ROWS) == len(re.findall(r"^    X\(", (ROOT / "base" / "metrics_list.h").read_text(), re.M)) > 50


def test_every_metric_of_the_dashboard_is_there():
    panels = json.loads((ROOT / "config" / "grafana" / "naru.json").read_text())["panels"]
    exprs = [t["expr"] for p in panels for t in p.get("targets", [])]
    assert len(exprs) > 20
    for expr in exprs:
        check(expr)
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(places)


def test_every_metric_of_the_alerts_is_there_and_they_fire_when_they_should():
    for rule in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"][0]["rules"]:
        check(rule["expr"])
        assert {"summary", "look"} == set(rule["annotations"]) and rule["labels"]["severity"] in ("page", "warn")
    for words in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")):
        got = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True)
        assert got.returncode == 0, got.stdout + got.stderr
