"""Telling the world outside what was decided: commands, webhooks, pins and MQTT, without ever waiting for them."""
