"""Whether a server speaks the REST bindings of EPCIS 2.0: one check a requirement, against any server by its address.

    python -m tests.conformance https://epcis.example/epcis --token "$TOKEN"

Written from the bindings (EPCIS 2.0, chapter 12 and its OpenAPI document) and the query language (8.2.7), for the
standard library alone. It captures a few events whose identifiers are new in every run, and changes nothing else but
named queries and subscriptions of its own, which it removes.
"""
