"""The optimum of Prophet's posterior, compiled. Importing this file imports numba: only at a first forecast.

Minimised, with v = sigma^2, as Stan's own program has it (constants dropped, no Jacobian):

    n/2 log v + |y - Z theta|^2 / 2v + 2v + sum |delta| / tau + sum gamma^2 / 2

`gamma` are the rotated smooth coefficients (design.py), whose optimum for given delta and v is diagonal; what is left
is a lasso in at most 25 deltas, solved exactly by its active set (feature-sign search; Lee et al., 2007). The optimum
over v is a fixed point of its closed form, which grows with v: bracketed, and found by secant steps. A series hardly
longer than the features are wide may have several (5 of the 1,428 M3 series do): there a coarse search comes first.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

import numba as nb
import numpy as np

LOWEST = 1e-10
"""sigma^2 is never below: an exact fit would otherwise have no optimum."""
ROUNDS = 60
CLOSE = 1e-6
GRID, HIGH = 0.25, 15.0
"""The step of the coarse search over log v, and how far above the best it gives up."""


@nb.njit(cache=True)
def _smooth_statistics(smooth, hinges, y, w, h):
    """w = smooth' y, h = hinges' y, returns y'y. Row by row, so that the bits do not depend on a batch."""
    w[:] = 0.0
    h[:] = 0.0
    total = 0.0
    for i in range(y.size):
        value = y[i]
        total += value * value
        for j in range(w.size):
            w[j] += smooth[i, j] * value
        for j in range(h.size):
            h[j] += hinges[i, j] * value
    return total


@nb.njit(cache=True)
def _cholesky_solve(a, b, size):
    """Solve in place: b becomes the answer, the lower triangle of a its factor."""
    for j in range(size):
        pivot = a[j, j]
        floor = 1e-13 * pivot
        for k in range(j):
            pivot -= a[j, k] * a[j, k]
        root = np.sqrt(max(pivot, floor, 1e-300))
        a[j, j] = root
        for i in range(j + 1, size):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            a[i, j] = s / root
    for i in range(size):
        s = b[i]
        for k in range(i):
            s -= a[i, k] * b[k]
        b[i] = s / a[i, i]
    for i in range(size - 1, -1, -1):
        s = b[i]
        for k in range(i + 1, size):
            s -= a[k, i] * b[k]
        b[i] = s / a[i, i]


@nb.njit(cache=True, fastmath=True)
def _schur_row(row, j, cross, weight, hinge_products):
    """One row of the hinges' matrix after the smooth columns are solved for."""
    smooth = weight.size
    for k in range(row.size):
        s = 0.0
        for i in range(smooth):
            s += cross[j, i] * weight[i] * cross[k, i]
        row[k] = hinge_products[j, k] - s


@nb.njit(cache=True)
def _lasso(penalty, target, delta, active, count, rows, known, work, step, cross, weight, hinge_products):
    """Minimise delta' H delta / 2 - target' delta + penalty |delta|_1 from a start; return the active count."""
    size = target.size
    for _ in range(6 * size + 20):
        for _ in range(size + 1):
            if count == 0:
                break
            for a in range(count):
                j = active[a]
                if not known[j]:
                    _schur_row(rows[j], j, cross, weight, hinge_products)
                    known[j] = True
            for a in range(count):
                j = active[a]
                sign = 1.0 if step[j] > 0 else -1.0
                work[size, a] = target[j] - penalty * sign
                for b in range(a + 1):
                    work[a, b] = rows[j, active[b]]
            _cholesky_solve(work, work[size], count)
            share, drop = 1.0, -1
            for a in range(count):
                j = active[a]
                new = work[size, a]
                if (new > 0) != (step[j] > 0):
                    reach = delta[j] / (delta[j] - new) if delta[j] != new else 0.0
                    if reach < share or drop < 0:
                        share, drop = min(share, reach), a
            for a in range(count):
                j = active[a]
                delta[j] += share * (work[size, a] - delta[j])
            if drop < 0:
                break
            delta[active[drop]] = 0.0
            count -= 1
            active[drop] = active[count]
        worst, entering, rising = penalty * (1 + 1e-7) + 1e-13, -1, 0.0
        for j in range(size):
            taken = False
            for a in range(count):
                if active[a] == j:
                    taken = True
            if taken:
                continue
            slope = target[j]
            for a in range(count):
                slope -= rows[active[a], j] * delta[active[a]]
            if abs(slope) > worst:
                worst, entering, rising = abs(slope), j, slope
        if entering < 0:
            break
        active[count] = entering
        step[entering] = rising
        delta[entering] = 0.0
        count += 1
    return count


@nb.njit(cache=True)
def _evaluate(u, y, yy, w, h, design, tau, state):
    """Solve for v = exp(u): returns the log of the closed form's answer to that solution, and the objective."""
    smooth, hinges, eigenvalues, cross, hinge_products = design
    gamma, delta, target, weight, rows, known, work, step, active, counted = state
    n, v = y.size, np.exp(u)
    for i in range(weight.size):
        weight[i] = 1.0 / (eigenvalues[i] + v)
    for j in range(target.size):
        s = 0.0
        for i in range(weight.size):
            s += cross[j, i] * (weight[i] * w[i])
        target[j] = h[j] - s
    known[:] = False
    count = _lasso(v / tau, target, delta, active, counted[0], rows, known, work, step, cross, weight, hinge_products)
    counted[0] = count
    rss = _residual(y, yy, w, h, eigenvalues, cross, hinge_products, weight, delta, active, count, gamma)
    if rss < 1e-7 * yy:
        rss = _exact_residual(y, smooth, hinges, gamma, delta)
    penalty = 0.0
    for j in range(delta.size):
        penalty += abs(delta[j]) / tau
    for i in range(gamma.size):
        penalty += 0.5 * gamma[i] * gamma[i]
    m = np.log(max((np.sqrt(n * n + 16 * rss) - n) / 8, 1e-300)) if rss > 0 else -690.0
    return m, 0.5 * n * u + rss / (2 * v) + 2 * v + penalty


@nb.njit(cache=True)
def _valley(top, bottom, y, yy, w, h, design, tau, state):
    """The best of a coarse grid over u, and its neighbours: where a series is short, there may be two valleys."""
    u, best, at = top, 1e300, top
    while u >= bottom:
        _, value = _evaluate(u, y, yy, w, h, design, tau, state)
        if value < best:
            best, at = value, u
        elif value > best + HIGH:
            break
        u -= GRID
    return at


@nb.njit(cache=True)
def fit_one(y, design, tau, lowest, gamma, delta):
    """Fill gamma and delta with the optimum for scaled `y`; return sigma^2, the objective and the rounds taken."""
    smooth, hinges = design[0], design[1]
    n, size, wide = y.size, hinges.shape[1], smooth.shape[1]
    w, h = np.empty(wide), np.empty(size)
    yy = _smooth_statistics(smooth, hinges, y, w, h)
    state = (
        gamma,
        delta,
        np.empty(size),
        np.empty(wide),
        np.empty((size, size)),
        np.zeros(size, np.bool_),
        np.empty((size + 1, size + 1)),
        np.zeros(size),
        np.empty(size + 1, np.int64),
        np.zeros(1, np.int64),
    )
    delta[:] = 0.0
    # the closed form for theta = 0 is the largest v that any fixed point can have
    top = np.log(max((np.sqrt(n * n + 16 * yy) - n) / 8, 2 * lowest))
    bottom = np.log(lowest)
    low, high = bottom, top
    u = max(top - 3.0, bottom)
    # as many columns as values fit anything: there the valley of the largest sigma is wanted, not the deepest
    if wide + size < n <= 1.5 * (wide + size):
        u = _valley(top, bottom, y, yy, w, h, design, tau, state)
        low, high = max(bottom, u - GRID), min(top, u + GRID)
    old_u, old_m, have_old = 0.0, 0.0, False
    best, best_u, best_m = 1e300, u, u
    objective, rounds = 0.0, 0
    while rounds < ROUNDS:
        rounds += 1
        m, objective = _evaluate(u, y, yy, w, h, design, tau, state)
        if objective > best + 1e-9:
            # a secant step left the valley; a plain step never does, and what is sought lies between
            low, high = (best_u, u) if best_u < u else (u, best_u)
            old_u, old_m, have_old = best_u, best_m, False
            u = best_m if low < best_m < high else 0.5 * (low + high)
            continue
        best, best_u, best_m = objective, u, m
        if m - u < 0:
            high = u
        else:
            low = u
        if abs(m - u) < CLOSE or high - low < CLOSE or (u <= bottom and m <= u):
            break
        slope = 0.0
        if have_old and u != old_u:
            slope = (m - old_m) / (u - old_u)
        following = (m - slope * u) / (1 - slope) if 0.0 < slope < 0.98 else m
        old_u, old_m, have_old = u, m, True
        if not low < following < high:
            following = m if low < m < high else (low if low == bottom else 0.5 * (low + high))
        u = following
    return np.exp(u), objective, rounds


@nb.njit(cache=True)
def _residual(y, yy, w, h, eigenvalues, cross, hinge_products, weight, delta, active, count, gamma):
    """Fill gamma, and return the residual sum of squares from the statistics alone."""
    left = yy
    for a in range(count):
        j = active[a]
        s = 0.0
        for b in range(count):
            s += hinge_products[j, active[b]] * delta[active[b]]
        left += delta[j] * (s - 2 * h[j])
    for i in range(gamma.size):
        e = w[i]
        for a in range(count):
            e -= cross[active[a], i] * delta[active[a]]
        gamma[i] = e * weight[i]
        left += gamma[i] * (eigenvalues[i] * gamma[i] - 2 * e)
    return left


@nb.njit(cache=True)
def _exact_residual(y, smooth, hinges, gamma, delta):
    total = 0.0
    for i in range(y.size):
        r = y[i]
        for j in range(gamma.size):
            r -= smooth[i, j] * gamma[j]
        for j in range(delta.size):
            if delta[j] != 0.0:
                r -= hinges[i, j] * delta[j]
        total += r * r
    return total


@nb.njit(cache=True)
def fit_many(scaled, smooth, hinges, eigenvalues, cross, hinge_products, tau, lowest):
    """`fit_one` for each row; returns gamma, delta, sigma^2, objective and rounds of each."""
    design, count = (smooth, hinges, eigenvalues, cross, hinge_products), scaled.shape[0]
    gamma, delta = np.zeros((count, eigenvalues.size)), np.zeros((count, hinges.shape[1]))
    variance, objective, rounds = np.empty(count), np.empty(count), np.empty(count, np.int64)
    for s in range(count):
        variance[s], objective[s], rounds[s] = fit_one(scaled[s], design, tau, lowest, gamma[s], delta[s])
    return gamma, delta, variance, objective, rounds


@nb.njit(cache=True)
def predict_many(gamma, delta, smooth, hinges):
    """The scaled forecast of each row of coefficients at each row of features."""
    found = np.zeros((gamma.shape[0], smooth.shape[0]))
    for s in range(gamma.shape[0]):
        for h in range(smooth.shape[0]):
            value = 0.0
            for j in range(gamma.shape[1]):
                value += smooth[h, j] * gamma[s, j]
            for j in range(delta.shape[1]):
                if delta[s, j] != 0.0:
                    value += hinges[h, j] * delta[s, j]
            found[s, h] = value
    return found
