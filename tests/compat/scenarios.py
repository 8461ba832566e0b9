#!/usr/bin/python3
"""The acceptance scenarios (clients/dotnet/Clustron.Scenarios): all at once over one multiplexer, on three nodes whose leader is killed in the
middle and started again, and then the node that a watcher is subscribed at. Once with each protocol, and once with high integrity mode.

    scenarios.py [PASS [NUMBER ...]]      PASS: resp2, resp3 or resp3-integrity; NUMBER: only these scenarios

Ends with "N passed, N failed"; without a .NET SDK it says SKIP and why.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import processes  # noqa: E402
import toolchains  # noqa: E402

PASSES = ["resp2", "resp3", "resp3-integrity"]
PASS_S = 400  # against hangs: what waits within ends with an error of its own before


def run(program, name, numbers):
    """One pass; (passed, failed)."""
    try:
        r = subprocess.run(["dotnet", program, name, *numbers], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           errors="replace", timeout=PASS_S, env=dict(toolchains.dotnet_env(), CLUSTRON_SERVER=processes.SERVER))
        out, status = r.stdout, r.returncode
    except subprocess.TimeoutExpired as e:
        out, status = (e.stdout or b"").decode("utf-8", "replace") + "\nit did not end within %d s\n" % PASS_S, 1
    found = re.findall(r"^(\d+) passed, (\d+) failed$", out, re.M)
    print(re.sub(r"^\d+ passed, \d+ failed\n", "", out, flags=re.M), end="", flush=True)
    passed, failed = (int(n) for n in found[-1]) if found else (0, 0)
    return passed, failed or (1 if status or not passed else 0)


def main():
    processes.exit_on_sigterm()
    if sys.argv[1:2] and sys.argv[1] not in PASSES:
        sys.exit("no such pass: %s; there are %s" % (sys.argv[1], ", ".join(PASSES)))
    target, why = toolchains.dotnet_build("Clustron.Scenarios")
    if why == "":
        print("FAILED clients/dotnet does not compile: see the log in build/dotnet-client\n0 passed, 1 failed")
        return 1
    if why:
        print("SKIP scenarios: %s\n0 passed, 0 failed, 1 skipped" % why)
        return 0
    program = os.path.join(target, "bin", "Clustron.Scenarios", "release", "Clustron.Scenarios.dll")
    results = [run(program, name, sys.argv[2:]) for name in sys.argv[1:2] or PASSES]
    passed, failed = (sum(column) for column in zip(*results))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
