"""The registers of the settings."""

from ohmprop.model.link.registers import SettingsRegisters
from ohmprop.model.spec import MachineSpec, Settings


def test_settings_registers_hold_the_settings():
    settings = Settings(1, 2, 3, 4, (7,), 5, False)
    registers = SettingsRegisters.of(MachineSpec(settings=settings), settings, 9)
    assert registers.pack() == bytes(
        [1, 2, 3, 4, 7 - MachineSpec().update_shift_base, 0, 0, 0, 0, 5, 0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0]
    )
