"""The link's hardware: serial port, frame receiver, frame sender, each in its bench."""

import pytest

from ohmprop.hw.link.frame_receiver import FrameReceiver
from ohmprop.hw.link.frame_sender import FrameSender, slot_bytes
from ohmprop.hw.link.frames import check_geometry
from ohmprop.hw.link.uart import Uart, check_rate
from ohmprop.sim.bench import run_bench


@pytest.mark.parametrize(
    ("clock_hz", "baud"),
    [
        (4_000_000, 1_000_000),
        (25_000_000, 6_000_000),
        (25_000_000, 3_000_000),
        (12_000_000, 1_000_000),
        (10**7, 115_200),
    ],
)
def test_uart(clock_hz, baud):
    """Ratios of 4, 4.17, 8.33, 12 and 87 clocks a bit."""
    uart = Uart(clock_hz, baud)
    parameters = {"clock_hz": clock_hz, "baud": baud, "latency": uart.receiver.latency}
    run_bench(uart, f"uart_{clock_hz}_{baud}", "tests.hw.link.tb_uart", parameters)


def test_baud_too_fast():
    """Fewer than four clocks a bit are refused, with the values."""
    with pytest.raises(ValueError, match="1000001 at clock_hz 4000000"):
        check_rate(4_000_000, 1_000_001)


@pytest.mark.parametrize("frame_bytes", [256, 512])
def test_frame_receiver(frame_bytes):
    """Against the codec of model/link/frames.py."""
    parameters = {"frame_bytes": frame_bytes, "window": 2, "latency": FrameReceiver.latency}
    run_bench(
        FrameReceiver(frame_bytes, 2), f"frame_receiver_{frame_bytes}", "tests.hw.link.tb_frame_receiver", parameters
    )


@pytest.mark.parametrize("frame_bytes", [256, 512])
def test_frame_sender(frame_bytes):
    """Against the codec of model/link/frames.py."""
    parameters = {"frame_bytes": frame_bytes, "window": 2, "latency": FrameSender.latency}
    run_bench(FrameSender(frame_bytes, 2), f"frame_sender_{frame_bytes}", "tests.hw.link.tb_frame_sender", parameters)


def test_slot_holds_the_longest_frame():
    """254 bytes a run make a code byte each, and a zero byte ends the frame."""
    assert slot_bytes(256) == 512
    assert slot_bytes(16) == 32
    assert slot_bytes(508) == 512
    assert slot_bytes(510) == 1024


def test_sizes_are_powers_of_two():
    """Anything else is refused, with the value."""
    check_geometry(256, 2)
    with pytest.raises(ValueError, match="frame_bytes 300"):
        check_geometry(300, 2)
    with pytest.raises(ValueError, match="window 3"):
        check_geometry(256, 3)
