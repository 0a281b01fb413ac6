#!/usr/bin/env python3
"""Reads the history of a run as it grows, and prints the longest pauses between two of its lines, in
milliseconds: the longest first, with the step after which it was."""

import re
import sys
import time


def main():
    gaps, before, step = [], None, 0
    for line in sys.stdin:
        now = time.monotonic()
        if before is not None:
            gaps.append((round((now - before) * 1000), step))
        before = now
        found = re.search(r'"step":(\d+)', line)
        step = int(found.group(1)) if found else step
    for gap, after in sorted(gaps, reverse=True)[:8]:
        print(gap, after)


if __name__ == "__main__":
    main()
