"""Runs the own tests of a Python program and writes a line with the outcome of each: "name TAB outcome".

    outcomes.py FILE regrtest ARGUMENT...    CPython's
    outcomes.py FILE tornado ARGUMENT...     tornado.test.runtests
    outcomes.py FILE trial ARGUMENT...       Twisted's
    outcomes.py FILE pytest ARGUMENT...

With such a name as its argument, a runner runs that test alone.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as tree

METHODS = {
    'addSuccess': 'passed',
    'addFailure': 'failure',
    'addError': 'error',
    'addSkip': 'skipped',
    'addExpectedFailure': 'expected-failure',
    'addUnexpectedSuccess': 'unexpected-success',
}


def writer(path):
    """Each line is written at once, in case this process crashes, by a descriptor opened now: some tests use up all."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(name, outcome):
        os.write(file, f'{" ".join(name.split())}\t{outcome}\n'.encode())

    return write


def record(result_class, write):
    """Each outcome that is reported to result_class is written as well."""
    def recording(method, outcome):
        def told(self, test, *rest, **named):
            write(test.id(), outcome)
            return method(self, test, *rest, **named)
        return told

    for name, outcome in METHODS.items():
        setattr(result_class, name, recording(getattr(result_class, name), outcome))


def run_regrtest(path, arguments):
    """regrtest runs each module in a process of its own and reports all outcomes at the end."""
    report = path + '.xml'
    status = subprocess.call([sys.executable, '-m', 'test', '--junit-xml', report, *arguments])
    write = writer(path)
    try:
        cases = tree.parse(report).getroot().iter('testcase')
    except (OSError, tree.ParseError):
        return status
    for case in cases:
        bad = {child.tag for child in case} & {'failure', 'error', 'skipped'}
        done = 'passed' if case.get('result') == 'completed' else case.get('result', 'unknown')
        write(case.get('name'), min(bad) if bad else done)
    return status


def run_tornado(path, arguments):
    import runpy
    import unittest

    record(unittest.TextTestResult, writer(path))
    sys.argv = ['runtests', *arguments]
    runpy.run_module('tornado.test.runtests', run_name='__main__', alter_sys=True)


def run_trial(path, arguments):
    from twisted.scripts import trial
    from twisted.trial import reporter

    record(reporter.TestResult, writer(path))
    sys.argv = ['trial', '--reporter=bwverbose', *arguments]
    trial.run()


def run_pytest(path, arguments):
    import pytest

    write = writer(path)

    class Plugin:
        @staticmethod
        def pytest_runtest_logreport(report):
            if report.when == 'call' or report.outcome != 'passed':
                write(report.nodeid, 'expected-failure' if hasattr(report, 'wasxfail') else report.outcome)

    return pytest.main(arguments, plugins=[Plugin])


def main():
    path, runner, *arguments = sys.argv[1:]
    return globals()['run_' + runner](path, arguments)


if __name__ == '__main__':
    sys.exit(main())
