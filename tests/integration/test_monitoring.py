# SPDX-License-Identifier: MIT
"""What monitoring is offered, as Prometheus's own tool judges it: metrics, alert rules, dashboard."""

import json
import re

import pytest

import promtool
from conftest import ROOT

EXAMPLES = ROOT / "examples/monitoring"
RULES = EXAMPLES / "tokenbroker.rules.yml"
# What the unit test of the metrics holds the renderer to.
GOLDEN = ROOT / "tests/unit/httpd/golden_metrics.txt"

DASHBOARD = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m"}


@pytest.fixture(scope="module")
def judge(built):
    return promtool.find(built)


def expressions():
    """Every query of the dashboard, as Prometheus gets it."""
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    queries += [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
    for name, value in VARIABLES.items():
        queries = [query.replace(name, value) for query in queries]
    return queries


def metric_names():
    return set(re.findall(r"^# TYPE (\S+)", GOLDEN.read_text(), re.MULTILINE))


def names_in(text):
    suffix = re.compile(r"_(bucket|sum|count)$")
    return {suffix.sub("", name) for name in re.findall(r"\btokenbroker_\w+", text)}


def alerts_in(path, key):
    return set(re.findall(rf"^\s+- {key}: (\w+)", path.read_text(), re.MULTILINE))


# Metrics

def test_the_metrics_are_clean(judge):
    promtool.check_metrics(judge, GOLDEN.read_text())


def test_a_metric_without_a_type_or_help_would_be_found(judge):
    with pytest.raises(AssertionError, match="help"):
        promtool.check_metrics(judge, "tokenbroker_up 1\n")


# Rules

def test_the_example_configuration_loads_the_rules(judge):
    found = promtool.run(judge, "check", "config", EXAMPLES / "prometheus.yml")
    assert "1 rule files found" in found


def test_each_alert_fires_when_it_should_and_only_then(judge):
    promtool.run(judge, "test", "rules", "tokenbroker.rules.test.yml", directory=EXAMPLES)


def test_no_alert_is_without_a_test():
    alerts = alerts_in(RULES, "alert")
    assert alerts and alerts == alerts_in(EXAMPLES / "tokenbroker.rules.test.yml", "alertname")


def test_the_readme_lists_all_alerts():
    assert alerts_in(RULES, "alert") == set(
        re.findall(r"^\| `(\w+)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE))


def test_the_rules_ask_for_metrics_that_there_are():
    asked = names_in("\n".join(re.findall(r"expr: (\|(?:\n {10}.*)+|.*)", RULES.read_text())))
    assert asked and asked <= metric_names()


# Dashboard

def test_the_dashboard_asks_in_good_promql(judge, tmp_path):
    rules = tmp_path / "dashboard.rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{number}", "expr": query} for number, query in enumerate(expressions())]}]}))
    promtool.run(judge, "check", "rules", rules)


def test_the_dashboard_asks_for_metrics_that_there_are():
    asked = names_in("\n".join(expressions()))
    assert asked and asked <= metric_names()


def test_the_dashboard_can_be_imported_anywhere():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    sources = {json.dumps(part["datasource"]) for panel in panels for part in [panel, *panel["targets"]]}
    assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
    cells = [(x, y) for panel in panels for grid in [panel["gridPos"]]
             for x in range(grid["x"], grid["x"] + grid["w"])
             for y in range(grid["y"], grid["y"] + grid["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24
