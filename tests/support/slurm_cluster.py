"""A SLURM cluster of one node, this machine, for as long as a test needs it."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from support.mini_study import until

# The executor plugin hands no SLURM_CONF on to its job steps, so it must be the usual place.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")

# No accounting, no control groups. Jobs that were told to end are killed after 15 seconds, and what
# became of them is known for ten minutes.
SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
KillWait=15
MinJobAge=600
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not():
    """Say why there can be no cluster here, or nothing if there can."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"needs {', '.join(missing)} (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "needs root to start SLURM"
    there = (
        f"{CONFIGURATION} is there: of this machine's own SLURM, or left by tests that were killed"
    )
    return there * CONFIGURATION.exists()


@contextmanager
def cluster(folder):
    """Start SLURM with its files in a folder, and end it."""
    host, memory = socket.gethostname(), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    settings = SETTINGS.format(
        host=host, folder=folder, cpus=os.cpu_count(), memory=memory // 2**21
    )
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_text(settings)
    daemons = []
    try:
        munge = ["munged", "--foreground", "--force", f"--key-file={key}"]
        for name in ("socket", "pid-file", "log-file", "seed-file"):
            munge.append(f"--{name}={folder}/munge.{name.removesuffix('-file')}")
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D"]):
            with (folder / f"{command[0]}.out").open("w") as out:
                daemons.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))
            time.sleep(1)
        until(lambda: "idle" in run("sinfo", "--noheader", "--format=%T"), "idle node", 60)
        yield
    finally:
        subprocess.run(["scancel", "--user=root", "--signal=KILL"], check=False, timeout=30)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)
        CONFIGURATION.unlink()


def run(*command):
    """Run a SLURM command; return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout


def jobs():
    """Return all jobs that SLURM knows: what is done (the plugin's comment), by number."""
    lines = run("squeue", "--noheader", "--states=all", "--format=%i|%T|%k").splitlines()
    return {int(number): (state, what) for number, state, what in (x.split("|") for x in lines)}
