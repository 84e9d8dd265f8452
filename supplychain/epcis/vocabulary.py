"""The standard words of GS1 CBV 2.0, in the four forms in which they are written.

`shipping`, `cbv:BizStep-shipping`, `https://ref.gs1.org/cbv/BizStep-shipping` and `urn:epcglobal:cbv:bizstep:shipping`
are one word, and `shipping` is what the rest of the product sees. A URI of somebody else is a word of their own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from supplychain.epcis.identifiers import is_uri

CBV = "https://ref.gs1.org/cbv/"
GS1_VOC = "https://gs1.org/voc/"
_CBV_WEB = (CBV, "http://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", "cbv:")
_GS1_WEB = (GS1_VOC, "https://www.gs1.org/voc/", "https://ref.gs1.org/voc/", "http://gs1.org/voc/", "gs1:")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One list of standard words; `title` says what they are, as in "a business step of CBV 2.0"."""

    title: str
    words: tuple[str, ...]
    web: str
    prefixes: tuple[str, ...]
    _forms: dict[str, str] = field(default_factory=dict, repr=False)

    def resolve(self, value: str) -> str | None:
        """Return the bare word, or a private URI as it is; None for what is neither."""
        word = self._forms.get(value)
        if word is not None:
            return word
        return value if self.is_private(value) else None

    def is_private(self, value: str) -> bool:
        """Tell whether `value` is somebody else's URI; one that begins as ours do must be a standard word."""
        return ":" in value and not value.startswith(self.prefixes) and is_uri(value)

    def uri(self, word: str) -> str:
        """Return the web URI of a bare word; any other URI comes back as it is."""
        return self.web + word if word in self._forms and ":" not in word else word

    def suggest(self, value: str) -> str | None:
        """Return the standard word that somebody who wrote `value` may have meant."""
        for prefix in self.prefixes:
            if value.startswith(prefix):
                value = value[len(prefix) :]
                break
        return nearest(value, self.words)


def nearest(value: str, words: Iterable[str]) -> str | None:
    """Return the word most like `value`, or None when none is near."""
    by_key = {_plain(word): word for word in words}
    key = _plain(value[:64])
    found = by_key.get(key)
    if found is not None:
        return found
    near = difflib.get_close_matches(key, by_key, n=1, cutoff=0.65)
    return by_key[near[0]] if near else None


def _plain(word: str) -> str:
    return word.lower().replace(" ", "").replace("_", "").replace("-", "")


def _vocabulary(title: str, words: str, *, web: str, kind: str, urn: str = "") -> Vocabulary:
    """Build a vocabulary whose web URIs are `web` + `kind` + word and whose URNs are `urn` + word."""
    listed = tuple(words.split())
    stems = _CBV_WEB if web == CBV else _GS1_WEB
    prefixes = tuple(stem + kind for stem in stems) + ((urn,) if urn else ())
    forms = {prefix + word: word for word in listed for prefix in ("", *prefixes)}
    return Vocabulary(title, listed, web + kind, prefixes, forms)


BUSINESS_STEPS = _vocabulary(
    "a business step of CBV 2.0",
    """accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
    decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
    installing killing loading other packing picking receiving removing repackaging repairing replacing reserving
    retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting
    unloading unpacking void_shipping""",
    web=CBV,
    kind="BizStep-",
    urn="urn:epcglobal:cbv:bizstep:",
)
DISPOSITIONS = _vocabulary(
    "a disposition of CBV 2.0",
    """active available completeness_inferred completeness_verified conformant container_closed container_open damaged
    destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance
    mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled
    reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown""",
    web=CBV,
    kind="Disp-",
    urn="urn:epcglobal:cbv:disp:",
)
BUSINESS_TRANSACTION_TYPES = _vocabulary(
    "a business transaction type of CBV 2.0",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
    web=CBV,
    kind="BTT-",
    urn="urn:epcglobal:cbv:btt:",
)
SOURCE_DESTINATION_TYPES = _vocabulary(
    "a source or destination type of CBV 2.0",
    "location owning_party possessing_party",
    web=CBV,
    kind="SDT-",
    urn="urn:epcglobal:cbv:sdt:",
)
ERROR_REASONS = _vocabulary(
    "an error reason of CBV 2.0",
    "did_not_occur incorrect_data",
    web=CBV,
    kind="ER-",
    urn="urn:epcglobal:cbv:er:",
)
COMPONENTS = _vocabulary(
    "a component of CBV 2.0",
    """altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle
    spherical_radius x y z""",
    web=CBV,
    kind="Comp-",
)
SENSOR_ALERTS = _vocabulary(
    "a sensor alert type of CBV 2.0",
    "ALARM_CONDITION ERROR_CONDITION",
    web=GS1_VOC,
    kind="",
)
MEASUREMENT_TYPES = _vocabulary(
    "a measurement type of CBV 2.0",
    """AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance
    Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
    ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency
    Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity
    MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime
    MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity
    Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension
    Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber""",
    web=GS1_VOC,
    kind="",
)
EVENT_TYPES = ("AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent")
ACTIONS = ("ADD", "OBSERVE", "DELETE")
