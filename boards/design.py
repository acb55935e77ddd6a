"""A design as it is before synthesis: how many bits of each kind of logic it has, and its memories, from Amaranth's RTLIL."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

#: Cells by the kind of logic that they become; the parameter is the one whose bits count.
_KINDS = {
    "adders": ("Y_WIDTH", {"$add", "$sub"}),
    "registers": ("WIDTH", {"$dff"}),
    "comparisons": ("A_WIDTH", {"$eq", "$ne", "$reduce_or", "$reduce_and", "$reduce_bool", "$reduce_xor"}),
}
#: Comparisons by size are subtractions.
_ORDERED = {"$lt", "$gt", "$le", "$ge"}
_MODULE = re.compile(r"^module (\S+)\n(.*?)^end$", re.S | re.M)
_MEMORY = re.compile(r"((?:^  attribute .*\n)*)^  memory width (\d+) size (\d+) (\S+)", re.M)
_CELL = re.compile(r"^  cell (\S+) .*?\n(.*?)^  end$", re.S | re.M)
_PARAMETER = re.compile(r"^    parameter \\(\S+) (\d+)$", re.M)


@dataclass(frozen=True)
class Memory:
    """A memory.

    Members
    -------
    module, name : where it is, and what it is called there.
    width, depth : bits of a word, and words.
    written : it is no table.
    clocked : it is read by the clock.
    forced : the design says that it is to be a block RAM.
    """

    module: str
    name: str
    width: int
    depth: int
    written: bool = False
    clocked: bool = False
    forced: bool = False

    @property
    def bits(self) -> int:
        """Bits in all."""
        return self.width * self.depth

    def blocks(self, modes: Sequence[tuple[int, int]]) -> int:
        """How many block RAMs hold it that have these modes, (words, bits of a word)."""
        return min(-(-self.width // bits) * -(-self.depth // words) for words, bits in modes)


@dataclass
class Design:
    """A design.

    Members
    -------
    logic : bits of adders, registers and comparisons.
    memories : each as often as it is there.
    """

    logic: Counter[str] = field(default_factory=Counter)
    memories: list[Memory] = field(default_factory=list)


def read_design(text: str) -> Design:
    """The design in RTLIL, of which ``top`` is the highest module."""
    modules = {found[1]: _read_module(found[1], found[2]) for found in _MODULE.finditer(text)}
    design = Design()

    def add(name: str) -> None:
        own, instances = modules[name]
        design.logic.update(own.logic)
        design.memories.extend(own.memories)
        for instance in instances:
            if instance in modules:
                add(instance)

    add("\\top")
    return design


def _read_module(name: str, body: str) -> tuple[Design, list[str]]:
    """A module's own logic and memories, and the modules that it has."""
    logic, instances, ports = Counter[str](), list[str](), list[tuple[str, str, str]]()
    for cell in _CELL.finditer(body):
        kind, inside = cell[1], cell[2]
        parameters = {key: int(value) for key, value in _PARAMETER.findall(inside)}
        if not kind.startswith("$"):
            instances.append(kind)
        elif kind.startswith("$mem"):
            memory = re.search(r'MEMID "\\?(\\.*?)"', inside)
            assert memory
            ports.append((memory[1], kind, inside))
        elif kind in _ORDERED:
            logic["adders"] += parameters["A_WIDTH"]
        for what, (parameter, kinds) in _KINDS.items():
            if kind in kinds:
                logic[what] += parameters[parameter]
    memories = [_memory(name, found, ports) for found in _MEMORY.finditer(body)]
    return Design(logic, memories), instances


def _memory(module: str, found: re.Match[str], ports: list[tuple[str, str, str]]) -> Memory:
    """A memory with what its ports say of it; of a table only the bits that are not the same in all words."""
    attributes, width, depth, name = found[1], int(found[2]), int(found[3]), found[4]
    own = [(kind, inside) for memory, kind, inside in ports if memory == name]
    memory = Memory(
        module,
        name.lstrip("\\"),
        width,
        depth,
        written=any(kind == "$memwr_v2" for kind, _ in own),
        clocked=any(re.search(r"CLK_ENABLE (1'1|1)$", inside, re.M) for kind, inside in own if kind == "$memrd_v2"),
        forced="block" in attributes,
    )
    contents = [re.search(r"connect \\DATA \d+'([01x]+)", inside) for kind, inside in own if kind == "$meminit_v2"]
    if memory.written or not contents or contents[0] is None:
        return memory
    bits = contents[0][1]
    used = sum(len(set(bits[column::width])) > 1 for column in range(width))
    return replace(memory, width=used)
