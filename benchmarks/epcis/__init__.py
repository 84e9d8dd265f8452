"""Figures of the EPCIS bindings: capture beside an open EPCIS repository, large documents, bad ones."""

from benchmarks.epcis.measuring import measure

__all__ = ["measure"]
