"""The iCE40 UltraPlus: its multiplier with accumulator, SB_MAC16, and its single-port memory, SB_SPRAM256KA."""

from typing import Any

from amaranth import Array, Cat, ClockSignal, Const, Instance, Module, Signal

from ohmprop.hw.primitives.generic import FACTOR_BITS, Primitives
from ohmprop.model.layout import bits_for

#: Words of a single-port memory, and bits of a word.
SPRAM_WORDS = 1 << 14
SPRAM_BITS = 16
#: What SB_MAC16 is to leave alone: it holds, resets and subtracts nothing, and has no carry from outside.
IDLE_PINS = (
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "ADDSUBTOP", "ADDSUBBOT"),
    *("CI", "ACCUMCI", "SIGNEXTIN"),
)


class UltraPlus(Primitives):
    """A sum of products is one SB_MAC16 and no logic beside it; the weights hold anything at power-up."""

    devices = "iCE40UP5K"

    def accumulate(self, m: Module, a: Signal, b: Signal, add: Signal, clear: Signal, total: Signal) -> None:
        """The product in the pipeline's register, the adder's upper input from the accumulator, its lower from the product."""
        halves = {
            f"p_{half}{name}": value
            for half in ("TOP", "BOT")
            for name, value in (("OUTPUT_SELECT", 1), ("ADDSUB_LOWERINPUT", 2), ("ADDSUB_UPPERINPUT", 0))
        }
        m.submodules.mac = Instance(
            "SB_MAC16",
            i_CE=Const(1),
            **{f"i_{name}": Const(0) for name in IDLE_PINS},
            **halves,
            p_A_SIGNED=1,
            p_B_SIGNED=1,
            p_PIPELINE_16x16_MULT_REG2=1,
            p_TOPADDSUB_CARRYSELECT=2,  # the lower half's carry
            p_BOTADDSUB_CARRYSELECT=0,
            i_CLK=ClockSignal(),
            i_A=a,
            i_B=b,
            i_C=Const(0, FACTOR_BITS),
            i_D=Const(0, FACTOR_BITS),
            i_OLOADTOP=clear,
            i_OLOADBOT=clear,
            i_OHOLDTOP=~(add | clear),
            i_OHOLDBOT=~(add | clear),
            o_O=total,
        )

    def one_port_memory(self, m: Module, words: int, port: Any, address: Any) -> None:
        """Banks of SPRAM_WORDS words, each as many memories wide as the word is."""
        width, banks = len(port.data), -(-words // SPRAM_WORDS)
        low, bank = address[: bits_for(SPRAM_WORDS)], address[bits_for(SPRAM_WORDS) :]
        outputs = []
        for number in range(banks):
            parts = []
            for first in range(0, width, SPRAM_BITS):
                part = Signal(SPRAM_BITS)
                m.submodules[f"spram_{number}_{first}"] = Instance(
                    "SB_SPRAM256KA",
                    i_CLOCK=ClockSignal(),
                    i_ADDRESS=low | Const(0, bits_for(SPRAM_WORDS)),
                    i_DATAIN=port.write_data[first : first + SPRAM_BITS] | Const(0, SPRAM_BITS),
                    i_MASKWREN=Const(15, 4),
                    i_WREN=port.write[first * len(port.write) // width] & (bank == number),
                    i_CHIPSELECT=Const(1),
                    i_STANDBY=Const(0),
                    i_SLEEP=Const(0),
                    i_POWEROFF=Const(1),  # active low
                    o_DATAOUT=part,
                )
                parts.append(part)
            outputs.append(Cat(parts)[:width])
        chosen = Signal(len(bank), reset_less=True)
        m.d.sync += chosen.eq(bank)
        m.d.comb += port.data.eq(Array(outputs)[chosen] if banks > 1 else outputs[0])
