"""Client libraries that have to be fetched or built first: where they are, or why they cannot be had.

Every function returns (argv, cwd), or a text that says why not; an empty text: our own code does not compile.
"""
import os
import shutil
import subprocess

from processes import ROOT

COMPAT = os.path.join(ROOT, "tests", "compat")
PYTHON = "/usr/bin/python3"
DOTNET = os.path.join(ROOT, "clients", "dotnet")


def _run(argv, log_name, **options):
    """Runs a preparation; None when it worked, else the end of what it said."""
    log = os.path.join(ROOT, "build", log_name)
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "wb") as f:
        status = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT, **options).returncode
    if status == 0:
        return None
    with open(log, encoding="utf-8", errors="replace") as f:
        lines = [line.strip() for line in f if "error" in line.lower()] or ["see build/" + log_name]
    return lines[0][:300]


def python():
    try:
        subprocess.run([PYTHON, "-c", "import redis"], check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return "python3-redis is not installed"
    return [PYTHON], os.path.join(COMPAT, "python")


def node():
    """ioredis and node-redis under build/node, as tests/compat/node/package-lock.json pins them."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is not installed"
    source, target = os.path.join(COMPAT, "node"), os.path.join(ROOT, "build", "node")
    lock, done = os.path.join(source, "package-lock.json"), os.path.join(target, "installed-lock.json")
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(source):
        shutil.copy(os.path.join(source, name), target)
    if not (os.path.exists(done) and open(done).read() == open(lock).read()):
        why = _run(["npm", "ci", "--no-audit", "--no-fund"], "node/npm.log", cwd=target)
        if why:
            return "npm ci failed: " + why
        shutil.copy(lock, done)
    return ["node"], target


def dotnet_version():
    """The major version of the .NET SDK, or a text that says what is wrong with it."""
    if not shutil.which("dotnet"):
        return "there is no .NET SDK (Debian has none)"
    version = subprocess.run(["dotnet", "--version"], capture_output=True, text=True, cwd=COMPAT).stdout.strip()
    if not version or int(version.split(".")[0]) < 8:
        return "the .NET SDK is %s, 8 or later is needed" % (version or "missing")
    return int(version.split(".")[0])


def dotnet_env():
    """No build waits for a worker process that an earlier one left behind, and none is left behind."""
    return dict(os.environ, DOTNET_CLI_TELEMETRY_OPTOUT="1", DOTNET_NOLOGO="1", MSBUILDDISABLENODEREUSE="1")


def dotnet():
    """tests/compat/dotnet, built under build/dotnet."""
    version = dotnet_version()
    if isinstance(version, str):
        return version
    target = os.path.join(ROOT, "build", "dotnet")
    # The stand-ins beside the checkout may lie in a read-only place, so they are built here.
    env = dict(dotnet_env(), ShimArtifacts=os.path.join(target, "shims"), CompatFramework="net%d.0" % version)
    why = _run(["dotnet", "build", os.path.join(COMPAT, "dotnet"), "-c", "Release", "-v", "q", "--nologo"],
               "dotnet/build.log", env=env)
    if why:
        # An error of the compiler is ours; anything else is a package that cannot be restored here.
        return "" if "error CS" in why else "dotnet build failed: " + why
    return ["dotnet", os.path.join(target, "bin", "Compat", "release", "Compat.dll")], COMPAT


def dotnet_build(what):
    """A project or solution of clients/dotnet, built under build/dotnet-client: (that folder, None), or ("", why not)."""
    version = dotnet_version()
    if isinstance(version, str):
        return "", version
    env = dict(dotnet_env(), RunFramework="net%d.0" % version)
    why = _run(["dotnet", "build", os.path.join(DOTNET, what), "-c", "Release", "-v", "q", "--nologo"], "dotnet-client/build.log", env=env)
    if why:
        # Only a package or a framework that cannot be had here is no fault of ours.
        return "", "dotnet build failed: " + why if "error NU" in why or "error NETSDK" in why else ""
    return os.path.join(ROOT, "build", "dotnet-client"), None


def dotnet_client():
    """clients/dotnet and its examples, built, and its packages: (the folder, the names of the packages that were made)."""
    target, why = dotnet_build("Clustron.sln")
    if why is not None:
        return why
    packages = os.path.join(target, "package", "release")
    shutil.rmtree(packages, ignore_errors=True)
    env = dict(dotnet_env(), RunFramework="net%d.0" % dotnet_version())
    argv = ["dotnet", "pack", os.path.join(DOTNET, "Clustron.sln"), "-c", "Release", "--no-build", "-v", "q", "--nologo"]
    if _run(argv, "dotnet-client/pack.log", env=env):
        return ""
    return target, [name for name in os.listdir(packages) if name.endswith(".nupkg")]


def hiredis():
    """tests/compat/hiredis/suite.c, compiled to build/hiredis-suite."""
    target = os.path.join(ROOT, "build", "hiredis-suite")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hiredis"], capture_output=True, text=True)
    if flags.returncode or not shutil.which("gcc"):
        return "libhiredis-dev is not installed"
    why = _run(["gcc", "-O1", "-Wall", os.path.join(COMPAT, "hiredis", "suite.c"), "-o", target, *flags.stdout.split()], "hiredis.log")
    return "" if why else ([target], COMPAT)


def failover_client(name):
    tool = {"python": python, "ioredis": node, "redis": node, "dotnet": dotnet}[name]()
    if isinstance(tool, str):
        return tool
    argv, cwd = tool
    extra = {"python": ["failover.py"], "ioredis": ["failover.js", "ioredis"], "redis": ["failover.js", "redis"],
             "dotnet": ["failover"]}[name]
    return [*argv, *extra], cwd
