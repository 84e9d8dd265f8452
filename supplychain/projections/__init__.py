"""Tables that follow from the log and the bodies beside it: how rows are made of events, and how they are compared."""
