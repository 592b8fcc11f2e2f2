#!/usr/bin/python3
"""An extension of supervisord: it greets, and counts what runs."""

import logging

import plugvisor


class Hello:
    version = "1.0"
    grants = ["processes:read"]

    def __init__(self, host, config):
        self.host = host
        self.greeting = config.get("greeting", "Hello")
        logging.info("ready to say %s", self.greeting)

    @plugvisor.command(template="{}")
    def greet(self, name: str, times: int = 1) -> str:
        """Greet somebody.

        @param string name   Whom
        @param int times     How often
        @return string       The greeting
        """
        if times < 1:
            raise plugvisor.Fault.named(plugvisor.Code.BAD_ARGUMENTS, "times must be 1 or more")
        return ", ".join([self.greeting] * times + [name])

    @plugvisor.command(template="{group:20} {running}")
    def running(self) -> list:
        """Count the processes that run, by group.

        @return array        Structs with the members group and running
        """
        counts = {group.name: 0 for group in self.host.groups()}
        for process in self.host.processes():
            counts[process.group] += process.state == plugvisor.ProcessState.RUNNING
        return [{"group": group, "running": n} for group, n in counts.items()]


if __name__ == "__main__":
    plugvisor.serve(Hello)
