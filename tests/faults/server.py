"""A process that has the libraries loaded and forks a child for each command line, which may be made to die.

A child counts what it does to files: statements of SQLite, files that it opens to write, renames, removes, links or
shortens. It dies by SIGKILL at the beginning of a chosen one of these, or after a time; so kills fall between any two
of its writes. One JSON line comes in for each command, and one goes out: the exit code and the count.
"""

import json
import os
import signal
import sqlite3
import sys
import threading

READS = os.O_RDONLY
CHANGES = {"os.rename", "os.link", "os.remove", "os.truncate", "os.mkdir", "os.rmdir"}


def serve():
    import arts.cli.evaluate
    import arts.cli.solve
    import arts.cli.store
    import arts.cli.train
    import arts.documents.figures
    import arts.documents.html  # noqa: F401
    from arts.proposers.load import load_proposer
    from arts.proposers.options import BackendOptions
    from arts.proposers.prompt import PromptFormat

    load_proposer("bundled", prompt=PromptFormat(), options=BackendOptions())
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)


def run(arguments, folder, event=None, seconds=None, kill=signal.SIGKILL):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        child_runs(arguments, folder, event, kill, writing)
    os.close(writing)
    timer = threading.Timer(seconds, os.kill, (child, kill)) if seconds is not None else None
    if timer:
        timer.start()
    with os.fdopen(reading) as pipe:
        count = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if timer:
        timer.cancel()
    return {"code": code, "events": int(count or 0)}


def child_runs(arguments, folder, event, kill, writing):
    from arts.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and nohup SIGHUP
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.chdir(folder)
    count = [0]
    watch(count, event, kill)
    with open("stdout", "w") as out:  # noqa: PTH123
        sys.stdout = out
        code = main(arguments)
        out.flush()
    sys.stderr.flush()
    os.write(writing, str(count[0]).encode())
    os._exit(code)


def watch(count, event, kill):
    def happens(*_):
        count[0] += 1
        if count[0] == event:
            os.kill(os.getpid(), kill)

    def audited(name, of):
        if name in CHANGES or (name == "open" and isinstance(of[2], int) and of[2] & (os.O_WRONLY | os.O_RDWR)):
            happens()

    connect = sqlite3.connect

    def traced(*args, **options):
        connection = connect(*args, **options)
        connection.set_trace_callback(happens)
        return connection

    sqlite3.connect = traced
    sys.addaudithook(audited)


if __name__ == "__main__":
    serve()
