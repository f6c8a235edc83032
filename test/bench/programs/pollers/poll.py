"""Runs a command every second and prints what it says. Usage: poll.py COMMAND..."""
import subprocess
import sys
import time

while True:
    result = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, check=True)
    print(result.stdout, end="", flush=True)
    time.sleep(1)
