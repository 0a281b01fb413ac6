"""What people read: the table of faults, and everything there is to know about a failure."""

import statistics

from faults import PAUSE_WINDOW_SECONDS


def milliseconds(seconds):
    return f"{1000 * seconds:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


class Table:
    """By kind of fault: how often, and what it cost."""

    def __init__(self, counts_again=True):
        self.rows = {}
        self.counts_again = counts_again  # Whether steps that are done a second time can be seen.

    def add(self, storm, history, ended):
        """Of one round. What strikes after the last step delays none."""
        strikes = storm.strikes
        for strike, following in zip(strikes, [*strikes[1:], None]):
            row = self.rows.setdefault(strike.kind, {"count": 0, "next": [], "pause": [], "redone": 0})
            row["count"] += 1
            row["redone"] += strike.redone
            first = history.first_after(strike.at)
            if first is None:
                continue
            until = min(strike.at + PAUSE_WINDOW_SECONDS, following.at if following else ended)
            row["next"].append(first)
            row["pause"].append(history.longest_pause(strike.at, max(until, strike.at + first)))

    def text(self):
        widest = max([len(kind) for kind in self.rows] + [len("fault")])
        lines = [
            f"{'fault':{widest}}  times  next step: median     worst"
            "  longest pause: median     worst" + "  steps again" * self.counts_again
        ]
        for kind, row in sorted(self.rows.items()):
            times = ""
            for name, width in (("next", 17), ("pause", 23)):
                if row[name]:
                    median, worst = statistics.median(row[name]), max(row[name])
                    times += f"  {milliseconds(median):>{width}}{milliseconds(worst):>10}"
                else:
                    times += f"  {'-':>{width}}{'-':>10}"
            again = f"  {row['redone']:13}" * self.counts_again
            lines.append(f"{kind:{widest}}  {row['count']:5}{times}{again}")
        return "\n".join(lines)


def failure(seed, example, cluster, storm, why, began):
    lines = ["", f"FAILED: {example}, seed {seed}: {why}", f"  {cluster.shape.text()}", "  faults:"]
    for strike in storm.strikes:
        lines.append(
            f"    {strike.at - began:8.3f} s, step {strike.step}: {strike.kind}: {strike.what}"
        )
    if cluster.ends:
        lines.append("  ended by themselves:")
    for at, name, what in cluster.ends:
        lines.append(f"    {at - began:8.3f} s: {name} {what}")
    for slot in cluster.slots:
        lines.append(f"  --- {slot.name} ({'running' if slot.runs() else 'not running'}), last lines:")
        lines += [f"    {line}" for line in cluster.tail(slot)]
    lines.append(f"  everything is kept in {cluster.directory}")
    return "\n".join(lines)
