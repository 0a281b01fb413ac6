"""Asks a Prometheus what an operator's eyes would: whether every panel of a dashboard has data, what
its variables can be, and how the rules fare.

    prometheus_check.py panels URL DASHBOARD     exit 1: names what has no data
    prometheus_check.py rules URL                exit 1: names what was not evaluated, or went wrong
    prometheus_check.py cost URL                 exit 1: a service or an agent takes 1 % of a core
    prometheus_check.py firing URL               prints "ALERT JOB_ID" of each alert that fires
"""

import json
import math
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


def get(url, path, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{parameters}: {error.read().decode(errors='replace')}") from error


def without_variables(expression):
    """As Grafana fills them in where everything is chosen, for targets scraped every second."""
    expression = expression.replace("$__rate_interval", "10s")
    expression = re.sub(r"\$(instance|job_id)\b", ".*", expression)
    if "$" in expression:
        raise SystemExit(f"{expression}: has a variable that this test does not know")
    return expression


def has_data(url, expression):
    result = get(url, "query", query=without_variables(expression))["result"]
    return any(not math.isnan(float(sample["value"][1])) for sample in result)


def panels(url, path):
    with open(path, encoding="utf-8") as file:
        dashboard = json.load(file)
    missing, asked = [], 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            asked += 1
            if not has_data(url, target["expr"]):
                missing.append(f"{panel['title']}: {target['expr']}")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        values = get(url, f"label/{match[2]}/values", **{"match[]": without_variables(match[1])})
        asked += 1
        if not values:
            missing.append(f"variable {variable['name']}: {variable['query']['query']}")
    return missing, asked


def rules(url):
    wrong, asked = [], 0
    for group in get(url, "rules")["groups"]:
        for rule in group["rules"]:
            asked += 1
            if rule["health"] != "ok":
                wrong.append(f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}")
    return wrong, asked


def cost(url):
    """Of who is scraped every second and has nothing to compute: what it starts has a job_id."""
    expression = 'max(rate(process_cpu_seconds_total{job_id=""}[15s]))'
    share = float(get(url, "query", query=expression)["result"][0]["value"][1])
    print(f"at most {100 * share:.2f} % of a core")
    if not share < 0.01:
        raise SystemExit(1)


def firing(url):
    for alert in get(url, "alerts")["alerts"]:
        if alert["state"] == "firing":
            print(alert["labels"]["alertname"], alert["labels"].get("job_id", "-"))


def main():
    verb, url = sys.argv[1:3]
    if verb in ("firing", "cost"):
        return {"firing": firing, "cost": cost}[verb](url)
    missing, asked = panels(url, sys.argv[3]) if verb == "panels" else rules(url)
    print(*missing, sep="\n")
    if missing or asked == 0:
        raise SystemExit(1)
    print(f"{asked} {verb}: all well")


main()
