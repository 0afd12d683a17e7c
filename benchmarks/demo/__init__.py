"""The main job on real faces with the tower that ships: enrol, verify, and a report (``make demo``).

Only what a device has is imported here, and what draws the report: no TensorFlow, no ``train``, no ``export``.
"""
