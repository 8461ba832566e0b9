"""Wrong clocks and bad disks for real processes: see faults_shim.c, which is built here when it is first needed."""
import mmap
import os
import struct
import subprocess

import processes

SOURCE = os.path.join(processes.ROOT, "tests", "support", "faults_shim.c")
SHIM = os.path.join(processes.ROOT, "build", "faults-shim.so")
# As in the shim.
NAMES = ("wall_ahead_ms", "drift_ppm", "sync_errors", "sync_stall_ms", "short_writes", "write_stall_ms", "syncs", "writes", "written_short",
         "sync_errors_made")


def build():
    if os.path.exists(SHIM) and os.path.getmtime(SHIM) >= os.path.getmtime(SOURCE):
        return
    os.makedirs(os.path.dirname(SHIM), exist_ok=True)
    made = "%s.%d" % (SHIM, os.getpid())
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", made, SOURCE], check=True)
    os.rename(made, SHIM)


class Faults:
    """What goes wrong for one process. Numbers are attributes: `faults.wall_ahead_ms = 3_600_000` holds from then on."""

    def __init__(self, directory, name="faults", **numbers):
        build()
        self.path = os.path.join(directory, name)
        with open(self.path, "wb") as f:
            f.write(b"\0" * 8 * len(NAMES))
        with open(self.path, "r+b") as f:
            object.__setattr__(self, "_map", mmap.mmap(f.fileno(), 0))
        for number, value in numbers.items():
            setattr(self, number, value)

    @property
    def prefix(self):
        """What stands before the server's command line."""
        return ("env", "LD_PRELOAD=" + SHIM, "CLUSTRON_FAULTS=" + self.path)

    def __getattr__(self, name):
        if name not in NAMES:
            raise AttributeError(name)
        return struct.unpack_from("<q", self._map, 8 * NAMES.index(name))[0]

    def __setattr__(self, name, value):
        if name in NAMES:
            struct.pack_into("<q", self._map, 8 * NAMES.index(name), value)
        else:
            object.__setattr__(self, name, value)

    def clear(self):
        for name in ("wall_ahead_ms", "sync_errors", "sync_stall_ms", "short_writes", "write_stall_ms"):
            setattr(self, name, 0)
