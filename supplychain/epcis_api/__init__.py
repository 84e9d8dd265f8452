"""The EPCIS 2.0 REST bindings, under /epcis/: capture and query as every EPCIS client knows them."""
