"""Who signs in, and with what, is never shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.parts.camera_address import without_secrets
from hardware.rig import RigOpenError, open_rig
from hardware.spec import CameraSpec
from tests.vision.test_virtual_camera import SPEC


@pytest.mark.parametrize(("source", "shown"), [
    ("rtsp://10.0.0.7:554/stream1", "rtsp://10.0.0.7:554/stream1"),
    ("rtsp://anna:s3cret@10.0.0.7:554/stream1", "rtsp://…@10.0.0.7:554/stream1"),
    ("http://anna@10.0.0.7/x", "http://…@10.0.0.7/x"),
    ("rtsp://anna:p@ss/w?r#d@10.0.0.7/x", "rtsp://…@10.0.0.7/x"),
    ("http://10.0.0.7/videostream.cgi?user=anna&pwd=s3cret&rate=11", "http://10.0.0.7/videostream.cgi?user=…&pwd=…&rate=11"),
    ("rtsp://10.0.0.7/user=anna_password=s3cret_channel=1", "rtsp://10.0.0.7/user=…_password=…_channel=1"),
    ("http://10.0.0.7/x?pwd=s3_cr/e?t&rate=11", "http://10.0.0.7/x?pwd=…&rate=11"),
    ("http://10.0.0.7/x?access_token=abc.def", "http://10.0.0.7/x?access_token=…"),
    ("http://10.0.0.7/x?apikey=abc#frag", "http://10.0.0.7/x?apikey=…#frag"),
    ("usb:C920", "usb:C920"), ("0", "0"), ("/films/user=1@home.avi", "/films/user=1@home.avi"),
])  # fmt: skip
def test_shown(source, shown):
    assert without_secrets(source) == shown


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(WORDS, WORDS)
def test_no_password_whatever_its_letters(user, password):
    user, password = f"U{user}U", f"P{password}P"
    shown = without_secrets(f"rtsp://{user}:{password}@camera/live")
    assert shown == "rtsp://…@camera/live"


def test_a_rig_that_does_not_open_tells_no_password():
    spec = replace(SPEC, camera=CameraSpec("opencv_camera", "http://anna:s3cret@127.0.0.1:9/x", {}))
    with pytest.raises(RigOpenError) as error:
        open_rig(spec)
    assert "http://…@127.0.0.1:9/x" in str(error.value)
    assert "s3cret" not in str(error.value)
