"""What Home Assistant is told of a device, so that it appears there by itself.

Source: Home Assistant's documentation, "MQTT", sections "MQTT discovery" and "Using availability topics", and the pages
of the integrations ``event.mqtt`` and ``sensor.mqtt``.
"""

from __future__ import annotations

import re
from typing import Any

from edge_runtime import __version__
from edge_runtime.outside.notice import OUTCOMES

ONLINE, OFFLINE = "online", "offline"


def event_topic(topic: str) -> str:
    """Where decisions are published."""
    return f"{topic}/event"


def camera_topic(topic: str) -> str:
    """Where it is published what happens to the camera."""
    return f"{topic}/camera"


def availability_topic(topic: str) -> str:
    """Where it says whether the device is there, retained: ``online`` or ``offline``."""
    return f"{topic}/availability"


def discovery(topic: str, *, prefix: str, device: str) -> dict[str, dict[str, Any]]:
    """The retained messages of discovery: an event entity for visits, and sensors of what was last.

    Args:
        topic: What the device's topics begin with.
        prefix: Home Assistant's prefix, usually ``homeassistant``.
        device: What the device is called.

    Returns:
        The message for each topic.
    """
    # Identifiers take letters, digits, dashes and underscores.
    node = "siamlite_" + re.sub(r"[^A-Za-z0-9]", "_", topic)
    common: dict[str, Any] = {
        "availability_topic": availability_topic(topic),
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "device": {"identifiers": [node], "name": device, "manufacturer": "siamlite", "sw_version": __version__},
        "origin": {"name": "siamlite", "sw_version": __version__},
        "qos": 1,
    }
    entities: dict[str, dict[str, Any]] = {
        "event/visit": {"name": "Visit", "state_topic": event_topic(topic), "event_types": list(OUTCOMES)},
        "sensor/last": {
            "name": "Last decision",
            "state_topic": event_topic(topic),
            "value_template": "{{ value_json.event_type }}",
            "json_attributes_topic": event_topic(topic),
        },
        "sensor/camera": {
            "name": "Camera",
            "state_topic": camera_topic(topic),
            # A state has 255 characters at most.
            "value_template": "{{ value_json.text[:255] }}",
        },
    }
    found = {}
    for place, entity in entities.items():
        component, name = place.split("/")
        found[f"{prefix}/{component}/{node}/{name}/config"] = common | entity | {"unique_id": f"{node}_{name}"}
    return found
