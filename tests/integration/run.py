#!/usr/bin/python3
"""Real processes under real faults: run.py [--long] [--list] [NAME ...]

Every test is a function test_… of a module here, with a limit of its own; it says what went wrong by raising. `--long` repeats the
fault loops many times. A test that cannot run here raises Skip. Server directories of failed tests are kept with CLUSTRON_KEEP=1.
"""
import argparse
import importlib
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import processes  # noqa: E402
import testing  # noqa: E402

MODULES = ["faults", "maintenance", "partitions", "storage", "formation", "directives", "peers", "strangers", "set_back", "versions", "directories",
           "bad_input", "limits", "budget", "coordination", "errands", "waiting", "watching", "clocks_and_disks", "flow", "disk_room"]


def limit(function):
    return getattr(function, "limit_s", 60)


def on_alarm(*_):
    raise TimeoutError("not done within its limit")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--long", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("names", nargs="*")
    args = p.parse_args()
    testing.LONG = args.long
    processes.exit_on_sigterm()
    signal.signal(signal.SIGALRM, on_alarm)
    passed = failed = skipped = 0
    for module in MODULES:
        loaded = importlib.import_module(module)
        # A module of the same name elsewhere would be taken in silence, and its tests never run.
        if os.path.dirname(os.path.abspath(loaded.__file__)) != HERE or not any(n.startswith("test_") for n in vars(loaded)):
            sys.exit("no tests in module %s: %s" % (module, loaded.__file__))
        for name, function in list(vars(loaded).items()):
            if not name.startswith("test_") or (args.names and not any(n in module + "." + name for n in args.names)):
                continue
            if args.list:
                print("%s.%s (%d s)" % (module, name, limit(function)))
                continue
            began = time.monotonic()
            signal.alarm(limit(function) * (20 if args.long else 1))
            try:
                function()
                passed += 1
                print("ok      %s.%s (%.1f s)" % (module, name, time.monotonic() - began))
            except testing.Skip as e:
                skipped += 1
                print("SKIP %s.%s: %s" % (module, name, e))
            except Exception:
                failed += 1
                print("FAILED  %s.%s (%.1f s)\n%s" % (module, name, time.monotonic() - began, traceback.format_exc()))
            finally:
                signal.alarm(0)
                processes.end_all()
            sys.stdout.flush()
    if not args.list:
        print("%d passed, %d failed" % (passed, failed) + (", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0


sys.exit(main())
