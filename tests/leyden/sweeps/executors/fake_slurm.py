"""The commands of SLURM, as far as they are used here, with a process of this machine in place of a node."""

import os
import sys
from pathlib import Path

SCRIPT = """#!{python}
import os, random, re, signal, socket, subprocess, sys, time
from pathlib import Path

STATE = Path({state!r})
command, arguments = Path(sys.argv[0]).name, sys.argv[1:]


def read(number, what):
    path = STATE / f"{{number}}.{{what}}"
    return path.read_text() if path.exists() else ""


def write(number, what, text):
    (STATE / f"{{number}}.{{what}}").write_text(text)


def new_number():
    # That of a port which nobody has: Lightning adds 15000, and other suites may be at work.
    while True:
        number = str(random.randint(1000, 9999))
        with socket.socket() as port:
            if not read(number, "script") and port.connect_ex(("localhost", 15000 + int(number))):
                return number


def ended(processes):
    # The exit status of tasks; one that fails takes the others with it, as by --kill-on-bad-exit=1.
    while None in (codes := [process.poll() for process in processes]) and not any(codes):
        time.sleep(0.05)
    for process in processes if any(codes) else ():
        process.kill()
        process.wait()
    return next(filter(None, codes), 0)


def run(number):
    tasks = re.search("ntasks-per-node=([0-9]+)", Path(read(number, "script")).read_text()).group(1)
    env = os.environ | {{"SLURM_JOB_ID": number, "SLURM_NTASKS": tasks, "SLURM_JOB_NUM_NODES": "1", "SLURM_PROCID": "0",
                         "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS_PER_NODE": tasks,
                         "SLURM_NODELIST": "localhost", "SLURM_NNODES": "1"}}
    write(number, "state", "RUNNING")
    watcher = [sys.executable, sys.argv[0].replace(command, "node"), number, read(number, "script")]
    subprocess.Popen(watcher, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if command == "sbatch":
    text = Path(arguments[0]).read_text()
    if "partition=wrong" in text:
        sys.exit("sbatch: error: invalid partition specified: wrong")
    number = new_number()
    write(number, "script", arguments[0])
    run(number)
    print(f"Submitted batch job {{number}}")
elif command == "node":
    number, script = arguments
    code = subprocess.run(["bash", script]).returncode
    if read(number, "state") == "REQUEUED":
        run(number)
    else:
        write(number, "state", "COMPLETED" if code == 0 else "FAILED")
        write(number, "code", f"{{code}}:0")
elif command == "srun":
    output = next(arguments[i + 1] for i, word in enumerate(arguments) if word == "--output")
    number = os.environ["SLURM_JOB_ID"]
    start = next(i for i, word in enumerate(arguments) if word == "env" or word == sys.executable)
    processes = []
    for task in range(int(os.environ["SLURM_NTASKS"])):
        with open(output.replace("%j", number).replace("%t", str(task)), "ab") as file:
            env = os.environ | {{"SLURM_PROCID": str(task), "SLURM_LOCALID": str(task)}}
            processes.append(subprocess.Popen(arguments[start:], stdout=file, stderr=file, env=env))
    write(number, "pid", " ".join(str(process.pid) for process in processes))
    code = ended(processes)
    sys.exit(code if code >= 0 else 128 - code)
elif command == "scontrol" and "show" in arguments:
    number = arguments[-1]
    print(f"JobId={{number}} JobState={{read(number, 'state')}} Reason=None ExitCode={{read(number, 'code')}}")
elif command == "scontrol":
    assert arguments[0] == "requeue"
    write(arguments[1], "state", "REQUEUED")
elif command == "squeue":
    for path in sorted(STATE.glob("*.state")):
        if path.read_text() in ("RUNNING", "REQUEUED"):
            print(path.stem)
elif command == "sacct" and not {accounts}:
    sys.exit("Slurm accounting storage is disabled")
elif command == "sacct":
    number = arguments[-1].split("=")[1]
    print(read(number, "state") + "|" + (read(number, "code") or "0:0"))
elif command == "scancel":
    numbers = [word for word in arguments if word.isdigit()]
    if "--state=PENDING" not in arguments:
        for number in numbers:
            for pid in read(number, "pid").split():
                os.kill(int(pid), signal.SIGTERM)
"""


def install(folder: Path, accounts: bool = True) -> None:
    """Write the commands into a folder, which is to be put on the PATH; of a cluster that keeps accounts, or none."""
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    for name in ("sbatch", "srun", "scontrol", "squeue", "sacct", "scancel", "node"):
        path = folder / name
        path.write_text(SCRIPT.format(python=sys.executable, state=str(state), accounts=accounts))
        os.chmod(path, 0o755)  # noqa: PTH101
