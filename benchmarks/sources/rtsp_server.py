"""An RTSP camera with a moving test picture. Run by Debian's Python, which has GStreamer's bindings.

``rtsp_server.py PORT`` serves ``rtsp://127.0.0.1:PORT/door`` until it is killed; ``--check`` only says whether it
could.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

# JPEG over RTP takes 4:2:0 only.
PICTURE = "video/x-raw,format=I420,width=320,height=240,framerate=25/1"
PIPELINE = f"( videotestsrc is-live=true pattern=ball ! {PICTURE} ! jpegenc ! rtpjpegpay name=pay0 )"


def main() -> int:
    """Serve, or say that it is possible."""
    Gst.init(None)
    if sys.argv[1] == "--check":
        return 0 if Gst.parse_launch(PIPELINE) is not None else 1
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    server.get_mount_points().add_factory("/door", factory)
    if server.attach(None) == 0:
        sys.exit("the port is taken")
    print("listening", flush=True)
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
