#!/usr/bin/env python3
"""Finds the coefficients of erf in kernel_body.h: minimax polynomials by the Remez exchange.

Small |x|:  erf(x) = x + x P(x^2)            on [0, 0.93]
Large |x|:  erf(x) = 1 - exp(-(t + t Q(t)))  on [0.93, 4], t = |x|

Run it with python3 and mpmath; it prints the coefficients, lowest order first, rounded to float32.
"""

import struct

from mpmath import erf, erfc, exp, linspace, log, lu_solve, matrix, mp, mpf, pi, cos

mp.prec = 120


def to_float32(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def remez(function, weight, low, high, degree):
    """Minimizes max |weight * (function - polynomial)|: solve on references, move to the extrema."""
    count = degree + 2
    points = [(low + high) / 2 - (high - low) / 2 * cos(pi * k / (count - 1)) for k in range(count)]
    grid = linspace(low, high, 4000)
    values = [(x, function(x), weight(x)) for x in grid]
    for _ in range(12):
        system = matrix(count, count)
        right = matrix(count, 1)
        for row, x in enumerate(points):
            for power in range(degree + 1):
                system[row, power] = x**power
            system[row, count - 1] = (-1) ** row / weight(x)
            right[row] = function(x)
        solution = lu_solve(system, right)
        coefficients = [solution[k] for k in range(degree + 1)]

        def error(x, f, w):
            return w * (f - sum(c * x**k for k, c in enumerate(coefficients)))

        errors = [error(*value) for value in values]
        extrema = []
        for k, e in enumerate(errors):
            if extrema and (e > 0) == (errors[extrema[-1]] > 0):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = k
            else:
                extrema.append(k)
        while len(extrema) > count:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < count:
            break
        points = [values[k][0] for k in extrema]
    return coefficients, max(abs(e) for e in errors)


def show(name, coefficients, worst):
    print(f"{name}: weighted error {float(worst):.3g}")
    for c in coefficients:
        print(f"  {to_float32(c):.9g}")


def main():
    small = lambda s: erf(mp.sqrt(s)) / mp.sqrt(s) - 1 if s > 0 else 2 / mp.sqrt(pi) - 1
    show("P", *remez(small, lambda s: 1 / (1 + small(s)), mpf("1e-9"), mpf("0.93") ** 2, 5))
    large = lambda t: -log(erfc(t)) / t - 1
    show("Q", *remez(large, lambda t: t * erfc(t) / erf(t), mpf("0.93"), mpf(4), 6))


main()
