"""The whole way once, on real faces: train, export, enrol, verify, and a report (``make demo-train``)."""
