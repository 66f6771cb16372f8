"""Commands, and processes that live as long as the rehearsal."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request


class Failed(Exception):
    """Why the rehearsal failed, in one line."""


def run(command, **options):
    """Runs a command and returns what it printed; a failure shows all of it."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        print(done.stdout)
        raise Failed(f"`{' '.join(map(str, command[:3]))} ...` ended with {done.returncode}, as above")
    return done.stdout


@contextlib.contextmanager
def process(name, command, log: pathlib.Path, quiet=False, **options):
    """A process that is ended, with all that it started, when the block ends; unless `quiet`, an error shows the last of its log."""
    with log.open("wb") as output:
        # A session of its own: what it starts is in its group, and ends with it.
        child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                 start_new_session=True, **options)
    try:
        yield child
    except Exception:
        if not quiet:
            print(f"--- the last of what {name} wrote:\n{tail(log)}\n---")
        raise
    finally:
        end(child)


def end(child):
    for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            break
    # What outlived its parent.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def tail(log, lines=15):
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url, child, patience=60):
    """Waits until something answers at `url`, whatever it answers."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if child.poll() is not None:
            raise Failed(f"nothing answers at {url}: the process ended with {child.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise Failed(f"nothing answers at {url} after {patience} s")
