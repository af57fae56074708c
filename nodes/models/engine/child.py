"""Child: llama.cpp's server, alone in a process that ends with its parent.

Run by nodes/models/engine/server.py as a script, and importing nothing of ours, so that it needs neither our package on its path nor
the time to import it. One JSON line comes in on standard input, one goes out on standard output; errors of the native
code go to standard error. End of standard input is the parent's end, even if it was killed.
"""

import ctypes
import json
import math
import os
import signal
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

# Memory for prompts that lost their slot. The library's own default is 8 GiB, more than a laptop has to spare.
CACHE_RAM_MIB = 256
# A long prompt is read in steps of so many tokens; between two of them the other slots have their turn, progress is
# told, and a caller who went away is noticed. The library's 2048 are a minute of a laptop's time.
BATCH_TOKENS = 256
# A kept-alive connection holds one of the server's threads, so there have to be more of them than of slots.
HTTP_THREADS = 32
# Only errors: they explain a failed start, and lines about requests would be of no use to anybody.
VERBOSITY_ERRORS = 1
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def main() -> None:
    """Read what to serve, serve it, say where, and wait for the parent to go."""
    order = json.loads(sys.stdin.readline())
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever native code prints must not be taken for our answer
    watch = threading.Thread(target=end_with_parent, daemon=True)
    watch.start()
    behave_well()
    die_with_parent(signal.SIGTERM)
    try:
        server, answer = serve(order)
    except (ImportError, MemoryError, RuntimeError, OSError) as error:
        answer = {"failed": type(error).__name__, "detail": str(error)}
        server = None
    die_with_parent(0)
    os.write(answers, json.dumps(answer).encode() + b"\n")
    os.close(answers)
    if server is not None:
        watch.join()


def end_with_parent() -> None:
    """End this process when standard input ends, which it does with the parent."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def die_with_parent(death_signal: int) -> None:
    """Have Linux send us `death_signal` (0: none) when the thread that started us ends; a no-op elsewhere.

    For the load alone: it holds the interpreter lock, so that end_with_parent would notice the end too late, and the
    parent's thread waits for our answer meanwhile. After the answer that thread ends, and must not take us with it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, death_signal)


def behave_well() -> None:
    """Keep the native code from spinning, from calling a debugger and from writing gigabytes of core dump."""
    # putenv: these are for the C libraries of this process alone, read when they are loaded.
    os.putenv("OMP_WAIT_POLICY", "passive")
    os.putenv("GGML_NO_BACKTRACE", "1")
    if sys.platform != "win32":
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve(order: dict[str, Any]) -> tuple[object, dict[str, Any]]:
    """Start the server and return it (it stops when it is collected) with {"url", "context": tokens per slot}."""
    import xllamacpp  # after behave_well, and its failure is a message

    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {order["model"]}
    params.n_parallel = order["slots"]
    params.n_ctx = order["context"] * order["slots"]
    params.n_predict = order["context"]  # a caller that forgets max_tokens still comes to an end
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.kv_unified = False
    params.fit_params = False  # it would load the model twice, to shrink what was asked for
    params.cache_ram_mib = CACHE_RAM_MIB
    params.sleep_idle_seconds = math.ceil(order["idle_stop_s"])
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["api_key"]]
    params.cors_origins = ""
    params.n_threads_http = HTTP_THREADS
    params.ui = False
    params.offline = True
    params.enable_reasoning = 0
    params.verbosity = VERBOSITY_ERRORS
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = order["threads"] or physical_cores() or -1  # -1: llama.cpp counts them
        cpu.poll = 0
    # The sampling Qwen's model cards give for answers without thinking; a request's own values win.
    params.sampling.temp, params.sampling.top_p, params.sampling.top_k, params.sampling.min_p = 0.7, 0.8, 20, 0.0
    server = xllamacpp.Server(params)
    url = server.listening_address
    return server, {"url": url, "context": context_of(url, order["api_key"])}


def context_of(url: str, api_key: str) -> int:
    """Ask the server for the tokens a slot really has: llama.cpp rounds what it was asked for."""
    request = urllib.request.Request(f"{url}/props", headers={"Authorization": f"Bearer {api_key}"})  # noqa: S310 - our own server
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=10) as reply:
        return int(json.load(reply)["default_generation_settings"]["n_ctx"])


def physical_cores(system: Path = Path("/sys")) -> int | None:
    """Count the cores this process may use, hyper-threads once and a container's quota kept; None: not a Linux.

    More threads than cores make decoding slower, not faster: they share the arithmetic units and the memory.
    """
    if not sys.platform.startswith("linux"):
        return None
    cores = set()
    for cpu in os.sched_getaffinity(0):
        siblings = system / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        cores.add(siblings.read_text() if siblings.exists() else str(cpu))
    limit = system / "fs/cgroup/cpu.max"  # "200000 100000": microseconds of each period; "max 100000": no limit
    quota, _, period = limit.read_text().partition(" ") if limit.exists() else ("max", "", "")
    return max(1, min(len(cores), len(cores) if quota == "max" else int(quota) // int(period)))


if __name__ == "__main__":
    main()
