"""EPCIS in XML: documents of 1.0 to 2.0 are translated to our JSON while they are read; answers are written as 2.0."""

from supplychain.epcis.xml.reading import XmlStream
from supplychain.epcis.xml.writing import write_capture_document, write_document

__all__ = ["XmlStream", "write_capture_document", "write_document"]
