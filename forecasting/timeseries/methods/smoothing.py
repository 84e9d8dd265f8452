"""The recursions of the smoothing methods and one simplex search for all, compiled. Importing this imports numba.

Each recursion runs through the known values, then on into the future with its own answers, and returns its loss:
what the search minimises. They share one `loss` so that the compiled search can be kept on disk.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

import numba as nb
import numpy as np

THETA, ETS, CES, ARIMA = 0, 1, 2, 3
EARLY = 3
"""Theta: errors of the first steps say more about the start than about the parameters."""
FEW = 1e300
NONE, ADDITIVE, MULTIPLICATIVE = 0, 1, 2
DAMPED = 2
SIMPLE, PARTIAL, FULL = 1, 2, 3


@nb.njit(cache=True)
def theta(x, y, forecast):
    """Dynamic Theta (Fiorucci et al., 2016). x: initial level, alpha, log theta. Returns the mean squared error."""
    alpha, omega = x[1], 1 - np.exp(-x[2])
    level = alpha * y[0] + (1 - alpha) * x[0]
    mean, a, b = y[0], y[0], 0.0
    squares, power = 0.0, 1 - alpha
    for t in range(1, y.size + forecast.size):
        mu = level + omega * (power * a + (1 - power * (1 - alpha)) / alpha * b)
        if t < y.size:
            value = y[t]
            if t >= EARLY:
                squares += (value - mu) ** 2
        else:
            value = mu
            forecast[t - y.size] = mu
        level = alpha * value + (1 - alpha) * level
        n = t + 1
        b = ((n - 2) * b + 6.0 / n * (value - mean)) / (n + 1)
        mean = (t * mean + value) / n
        a = mean - (n + 1) / 2 * b
        power *= 1 - alpha
    return squares / max(y.size - EARLY, 1)


@nb.njit(cache=True)
def ets(x, y, setting, forecast):
    """Exponential smoothing in state space (Hyndman et al., 2008).

    x: alpha, beta/alpha, phi, gamma/(1-alpha), level, slope.
    setting: error, trend, season, then the indices of the first season. Returns minus twice the log likelihood.
    """
    error, trend, season = int(setting[0]), int(setting[1]), int(setting[2])
    alpha, gamma = x[0], x[3] * (1 - x[0])
    beta, phi = x[1] * alpha, 1.0
    if trend == DAMPED:
        phi = x[2]
    level, slope = x[4], x[5]
    m = setting.size - 3
    states = setting[3:].copy()
    squares, logs = 0.0, 0.0
    for t in range(y.size + forecast.size):
        place = t % m
        base = level + phi * slope if trend != NONE else level
        mu = base
        if season == ADDITIVE:
            mu = base + states[place]
        elif season == MULTIPLICATIVE:
            mu = base * states[place]
        if t >= y.size:
            forecast[t - y.size] = mu
            level, slope = base, phi * slope
            continue
        rest = y[t] - mu
        if error == MULTIPLICATIVE:
            if mu <= 1e-8:
                return FEW
            squares += (rest / mu) ** 2
            logs += np.log(mu)
        else:
            squares += rest * rest
        moved = rest
        if season == MULTIPLICATIVE:
            if abs(base) < 1e-8 or abs(states[place]) < 1e-8:
                return FEW
            moved = rest / states[place]
            states[place] += gamma * rest / base
        elif season == ADDITIVE:
            states[place] += gamma * rest
        level = base + alpha * moved
        if trend != NONE:
            slope = phi * slope + beta * moved
    return y.size * np.log(max(squares, 1e-12)) + 2 * logs


@nb.njit(cache=True)
def ces(x, y, setting, forecast):
    """Complex exponential smoothing (Svetunkov et al., 2022). x: alpha's two parts, then beta's.

    setting: kind, first level, then the first season. Returns minus twice the log likelihood.
    """
    kind, m = int(setting[0]), setting.size - 2
    lag = m if kind == SIMPLE else 1
    level, potential = np.full(lag, setting[1]), np.full(lag, setting[1] / 1.1)
    states, hidden = setting[2:].copy(), setting[2:] / 1.1
    if kind == SIMPLE:
        level[:] = setting[2:]
        potential[:] = setting[2:] / 1.1
    squares = 0.0
    for t in range(y.size + forecast.size):
        at, place = t % lag, t % m
        mu = level[at]
        if kind >= PARTIAL:
            mu += states[place]
        if not abs(mu) < 1e100:
            return FEW
        rest = 0.0
        if t < y.size:
            rest = y[t] - mu
            squares += rest * rest
        else:
            forecast[t - y.size] = mu
        a, p = level[at], potential[at]
        level[at] = a - (1 - x[1]) * p + (x[0] - x[1]) * rest
        potential[at] = a + (1 - x[0]) * p + (x[0] + x[1]) * rest
        if kind == PARTIAL:
            states[place] += x[2] * rest
        elif kind == FULL:
            a, p = states[place], hidden[place]
            states[place] = a - (1 - x[3]) * p + (x[2] - x[3]) * rest
            hidden[place] = a + (1 - x[2]) * p + (x[2] + x[3]) * rest
    return y.size * np.log(max(squares, 1e-12))


@nb.njit(cache=True)
def _coefficients(partial):
    """Coefficients of a stationary (or invertible) polynomial from partial autocorrelations (Monahan, 1984)."""
    found, before = np.zeros(partial.size), np.zeros(partial.size)
    for k in range(partial.size):
        before[:k] = found[:k]
        for i in range(k):
            found[i] = before[i] - partial[k] * before[k - 1 - i]
        found[k] = partial[k]
    return found


@nb.njit(cache=True)
def arima(x, y, setting, forecast):
    """Seasonal ARMA of a differenced series by conditional least squares, zeros before the start.

    setting: p, q, P, Q, season length. x: partial autocorrelations of the four polynomials in that order, then the
    mean. Returns minus twice the log likelihood.
    """
    p, q, sp, sq, m = int(setting[0]), int(setting[1]), int(setting[2]), int(setting[3]), int(setting[4])
    ar, ma = _coefficients(x[:p]), _coefficients(x[p : p + q])
    sar, sma = _coefficients(x[p + q : p + q + sp]), _coefficients(x[p + q + sp : p + q + sp + sq])
    mean, size = x[-1], y.size + forecast.size
    w, v, u, e = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    squares = 0.0
    for t in range(size):
        known = t < y.size
        seasonal, short, moving, seasonal_moving = 0.0, 0.0, 0.0, 0.0
        for j in range(sp):
            if t >= (j + 1) * m:
                seasonal += sar[j] * w[t - (j + 1) * m]
        for i in range(min(p, t)):
            short += ar[i] * v[t - i - 1]
        for j in range(sq):
            if t >= (j + 1) * m:
                seasonal_moving -= sma[j] * u[t - (j + 1) * m]
        for i in range(min(q, t)):
            moving -= ma[i] * e[t - i - 1]
        if known:
            w[t] = y[t] - mean
            v[t] = w[t] - seasonal
            u[t] = v[t] - short - seasonal_moving
            e[t] = u[t] - moving
            squares += e[t] * e[t]
        else:
            u[t] = moving
            v[t] = u[t] + seasonal_moving + short
            w[t] = v[t] + seasonal
            forecast[t - y.size] = w[t] + mean
    return y.size * np.log(max(squares, 1e-12))


@nb.njit(cache=True)
def loss(method, x, y, setting, forecast):
    """The loss of a method; `forecast` is filled, so its length tells how far to go."""
    if method == THETA:
        found = theta(x, y, forecast)
    elif method == ETS:
        found = ets(x, y, setting, forecast)
    elif method == CES:
        found = ces(x, y, setting, forecast)
    else:
        found = arima(x, y, setting, forecast)
    return found if found < FEW else FEW


@nb.njit(cache=True)
def _at(point, whole, free, lower, upper, method, y, setting, nothing):
    for i in range(free.size):
        point[i] = min(max(point[i], lower[free[i]]), upper[free[i]])
        whole[free[i]] = point[i]
    return loss(method, whole, y, setting, nothing)


@nb.njit(cache=True)
def minimise(method, start, lower, upper, y, setting, most):
    """Nelder and Mead's simplex (1965) within bounds; parameters whose bounds meet stay. Returns the point and loss."""
    free = np.flatnonzero(upper > lower)
    size, whole, nothing = free.size, start.copy(), np.empty(0)
    points, values = np.empty((size + 1, size)), np.empty(size + 1)
    for i in range(size + 1):
        points[i] = start[free]
        if i > 0:
            j = free[i - 1]
            step = 0.15 * (upper[j] - lower[j])
            points[i, i - 1] += step if start[j] + step <= upper[j] else -step
        values[i] = _at(points[i], whole, free, lower, upper, method, y, setting, nothing)
    used = size + 1
    while used < most:
        order = np.argsort(values)
        points, values = points[order], values[order]
        if values[size] - values[0] <= 1e-6 * (abs(values[0]) + 1e-6):
            break
        centre = np.zeros(size)
        for i in range(size):
            centre += points[i] / size
        moved = 2 * centre - points[size]
        value = _at(moved, whole, free, lower, upper, method, y, setting, nothing)
        used += 1
        if value < values[0]:
            further = 3 * centre - 2 * points[size]
            other = _at(further, whole, free, lower, upper, method, y, setting, nothing)
            used += 1
            if other < value:
                moved, value = further, other
        elif value >= values[size - 1]:
            if value < values[size]:
                points[size], values[size] = moved, value
            moved = 0.5 * (centre + points[size])
            value = _at(moved, whole, free, lower, upper, method, y, setting, nothing)
            used += 1
            if value >= values[size]:
                for i in range(1, size + 1):
                    points[i] = 0.5 * (points[0] + points[i])
                    values[i] = _at(points[i], whole, free, lower, upper, method, y, setting, nothing)
                used += size
                continue
        points[size], values[size] = moved, value
    best = np.argmin(values)
    whole[free] = points[best]
    return whole, values[best]


@nb.njit(cache=True)
def fit(method, start, lower, upper, y, setting, most, steps):
    """Search, then forecast `steps` from the best point. Returns forecast, point and loss."""
    x, value = minimise(method, start, lower, upper, y, setting, most)
    forecast = np.empty(steps)
    loss(method, x, y, setting, forecast)
    return forecast, x, value


@nb.njit(cache=True)
def count_quantiles(mean, variance, levels):
    """Quantiles of a negative binomial count, of a Poisson one where the variance is not above the mean."""
    found = np.zeros(levels.size)
    if mean <= 0:
        return found
    size = mean * mean / max(variance - mean, 1e-6 * mean)
    share = mean / (size + mean)
    chance = np.exp(size * np.log(1 - share)) if size < 1e6 else np.exp(-mean)
    total, count, at = chance, 0.0, 0
    while at < levels.size:
        while at < levels.size and total >= levels[at]:
            found[at] = count
            at += 1
        chance *= (count + size) / (count + 1) * share
        count += 1
        total += chance
        if count > 100 * (mean + 10) or count > 1e6:
            found[at:] = count
            break
    return found
