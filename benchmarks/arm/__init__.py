"""The same bytes on Arm: exported towers on an emulated aarch64, compared with this machine's results."""
