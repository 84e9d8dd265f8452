"""Units of measure (UN/ECE Recommendation 20) by measurement type, with what turns them into the first one listed.

`convert(5, "FAH", "CEL")` is -15. Only units that are listed are converted; a listed unit of one measurement type is
refused for another one, and an unlisted code is let through, for Recommendation 20 has some two thousand.
"""

from __future__ import annotations

import re

from supplychain.epcis.vocabulary import nearest

is_unit_code = re.compile(r"[A-Z0-9]{2,3}").fullmatch

# measurement type -> code -> (factor, offset): value in the first unit = value * factor + offset
UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "Temperature": {
        "CEL": (1, 0),
        "KEL": (1, -273.15),
        "FAH": (5 / 9, -160 / 9),
        "A48": (5 / 9, -273.15),  # degree Rankine
    },
    "Mass": {
        "KGM": (1, 0),
        "GRM": (1e-3, 0),
        "MGM": (1e-6, 0),
        "MC": (1e-9, 0),
        "TNE": (1e3, 0),
        "LBR": (0.45359237, 0),
        "ONZ": (0.028349523125, 0),
        "STN": (907.18474, 0),
        "LTN": (1016.0469088, 0),
        "DTN": (100, 0),
    },
    "Length": {
        "MTR": (1, 0),
        "KMT": (1e3, 0),
        "DMT": (0.1, 0),
        "CMT": (1e-2, 0),
        "MMT": (1e-3, 0),
        "4H": (1e-6, 0),
        "C45": (1e-9, 0),
        "INH": (0.0254, 0),
        "FOT": (0.3048, 0),
        "YRD": (0.9144, 0),
        "SMI": (1609.344, 0),
        "NMI": (1852, 0),
    },
    "Volume": {
        "MTQ": (1, 0),
        "LTR": (1e-3, 0),
        "DMQ": (1e-3, 0),
        "HLT": (0.1, 0),
        "CLT": (1e-5, 0),
        "MLT": (1e-6, 0),
        "CMQ": (1e-6, 0),
        "MMQ": (1e-9, 0),
        "INQ": (1.6387064e-5, 0),
        "FTQ": (0.028316846592, 0),
        "GLL": (0.003785411784, 0),
        "GLI": (0.00454609, 0),
    },
    "Area": {
        "MTK": (1, 0),
        "KMK": (1e6, 0),
        "CMK": (1e-4, 0),
        "MMK": (1e-6, 0),
        "HAR": (1e4, 0),
        "ACR": (4046.8564224, 0),
        "FTK": (0.09290304, 0),
        "INK": (6.4516e-4, 0),
    },
    "Speed": {
        "MTS": (1, 0),
        "KMH": (1 / 3.6, 0),
        "HM": (0.44704, 0),
        "KNT": (1852 / 3600, 0),
        "FS": (0.3048, 0),
        "2M": (1e-2, 0),
        "C16": (1e-3, 0),
        "2X": (1 / 60, 0),
    },
    "Acceleration": {"MSK": (1, 0), "K40": (9.80665, 0), "A73": (0.3048, 0), "A76": (1e-2, 0)},
    "Time": {
        "SEC": (1, 0),
        "MIN": (60, 0),
        "HUR": (3600, 0),
        "DAY": (86400, 0),
        "WEE": (604800, 0),
        "C26": (1e-3, 0),
        "B98": (1e-6, 0),
    },
    "Pressure": {
        "PAL": (1, 0),
        "A97": (100, 0),
        "KPA": (1e3, 0),
        "MPA": (1e6, 0),
        "BAR": (1e5, 0),
        "MBR": (100, 0),
        "PS": (6894.757293168, 0),
        "ATM": (101325, 0),
        "HN": (133.322387415, 0),
    },
    "AbsoluteHumidity": {"A93": (1, 0), "GP": (1e-3, 0), "KMQ": (1e3, 0)},
    "RelativeHumidity": {"P1": (1, 0)},
    "Angle": {"DD": (1, 0), "C81": (57.29577951308232, 0), "D61": (1 / 60, 0), "D62": (1 / 3600, 0), "A91": (0.9, 0)},
    "Illuminance": {"LUX": (1, 0), "KLX": (1e3, 0), "P25": (10.763910416709722, 0)},
    "Frequency": {"HTZ": (1, 0), "KHZ": (1e3, 0), "MHZ": (1e6, 0), "A86": (1e9, 0)},
    "Voltage": {"VLT": (1, 0), "KVT": (1e3, 0), "2Z": (1e-3, 0), "D82": (1e-6, 0)},
    "ElectricCurrent": {"AMP": (1, 0), "B22": (1e3, 0), "4K": (1e-3, 0), "B84": (1e-6, 0)},
    "Power": {"WTT": (1, 0), "KWT": (1e3, 0), "MAW": (1e6, 0), "C31": (1e-3, 0), "BHP": (745.6999, 0)},
    "Energy": {"JOU": (1, 0), "KJO": (1e3, 0), "3B": (1e6, 0), "WHR": (3600, 0), "KWH": (3.6e6, 0), "D70": (4.1868, 0)},
    "Force": {"NEW": (1, 0), "B47": (1e3, 0), "B73": (1e6, 0), "C20": (1e-3, 0)},
    "AmountOfSubstance": {"C34": (1, 0), "B45": (1e3, 0), "C18": (1e-3, 0), "FH": (1e-6, 0)},
    "AmountOfSubstancePerUnitVolume": {"C36": (1, 0), "C35": (1e3, 0), "C38": (1e3, 0), "B46": (1e3, 0)},
    "VolumeFlowRate": {
        "MQS": (1, 0),
        "MQH": (1 / 3600, 0),
        "G51": (1e-3, 0),
        "L2": (1e-3 / 60, 0),
        "E32": (1e-3 / 3600, 0),
    },
}
_ALSO = {"Altitude": "Length"}  # measured in the units of another type

_TYPES_OF_UNIT: dict[str, set[str]] = {}
for _type, _units in UNITS.items():
    for _code in _units:
        _TYPES_OF_UNIT.setdefault(_code, set()).add(_type)

# what people write, and what they mean
_COMMON = {
    "c": "CEL",
    "°c": "CEL",
    "celsius": "CEL",
    "f": "FAH",
    "°f": "FAH",
    "fahrenheit": "FAH",
    "k": "KEL",
    "kelvin": "KEL",
    "kg": "KGM",
    "kgs": "KGM",
    "g": "GRM",
    "t": "TNE",
    "lb": "LBR",
    "lbs": "LBR",
    "oz": "ONZ",
    "l": "LTR",
    "ltr": "LTR",
    "liter": "LTR",
    "litre": "LTR",
    "ml": "MLT",
    "m": "MTR",
    "cm": "CMT",
    "mm": "MMT",
    "km": "KMT",
    "%": "P1",
    "percent": "P1",
    "m/s": "MTS",
    "km/h": "KMH",
    "lx": "LUX",
    "lux": "LUX",
    "hz": "HTZ",
    "pcs": "H87",
    "pc": "H87",
    "pieces": "H87",
    "each": "EA",
}


def units_of(measurement_type: str) -> dict[str, tuple[float, float]]:
    """Return the listed units of a measurement type, the one to which they convert first."""
    return UNITS.get(_ALSO.get(measurement_type, measurement_type), {})


def is_foreign_unit(measurement_type: str, code: str) -> bool:
    """Tell whether `code` is known as a unit of other measurement types and not of this one."""
    known = units_of(measurement_type)
    return bool(known) and code not in known and code in _TYPES_OF_UNIT


def suggest_unit(text: str) -> str | None:
    """Return the unit code that somebody who wrote `text` may have meant."""
    return _COMMON.get(text.strip().lower()) or nearest(text, _TYPES_OF_UNIT)


def units_like(code: str) -> list[str]:
    """Return the listed units that `code` converts to, itself among them."""
    types = _TYPES_OF_UNIT.get(code, set())
    return sorted({code}.union(*(UNITS[measurement_type] for measurement_type in types)))


def convert(value: float, code: str, to: str) -> float | None:
    """Convert `value` from unit `code` to unit `to`; None when no measurement type has both."""
    if code == to:
        return value
    for measurement_type in sorted(_TYPES_OF_UNIT.get(code, set()) & _TYPES_OF_UNIT.get(to, set())):
        factor, offset = UNITS[measurement_type][code]
        to_factor, to_offset = UNITS[measurement_type][to]
        return (value * factor + offset - to_offset) / to_factor
    return None
