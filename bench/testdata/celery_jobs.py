"""The tasks of a Celery worker and, as a program, its client: it reads a JSON list of shell
commands from each line, runs them all, and then answers with their number."""
import json
import os
import subprocess
import sys

from celery import Celery

redis = os.environ["ERRAND_BENCH_REDIS"]
app = Celery("celery_jobs", broker=redis + "/0", backend=redis + "/1")
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)


@app.task(name="run")
def run(command):
    return subprocess.run(["/bin/sh", "-c", command]).returncode


if __name__ == "__main__":
    for line in sys.stdin:
        jobs = [run.delay(command) for command in json.loads(line)]
        failed = sum(job.get(timeout=600) != 0 for job in jobs)
        if failed:
            sys.exit(f"{failed} commands failed")
        print(len(jobs), flush=True)
