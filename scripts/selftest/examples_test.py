#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Do the examples for CI say what there is?  Prints KTAP.

    scripts/selftest/examples_test.py

The YAML is what yamllint accepts; its jobs have what a job needs; the commands in it, and those
of the Containerfile, are shell that shellcheck accepts, and name verbs, variables, scripts and
files that there are; nothing is fetched from a host.  Examples that are broken on purpose have
to fail.  Without yamllint or shellcheck what they check is skipped.
"""

import argparse
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(SCRIPTS)
EXAMPLES = os.path.join(SCRIPTS, 'everyday', 'ci-examples')
RULES = '{extends: default, rules: {line-length: {max: 120}, truthy: {check-keys: false}}}'

# Keys of a job in GitLab, as far as they are used here, and names that are no jobs.
GITLAB_JOB = {'stage', 'extends', 'rules', 'script', 'after_script', 'before_script', 'image',
              'timeout', 'cache', 'artifacts', 'variables'}
GITLAB_GLOBAL = {'stages', 'default', 'variables'}
GITHUB_STEP = {'name', 'run', 'uses', 'with', 'if', 'env'}
INSTRUCTIONS = {'FROM', 'RUN', 'COPY', 'WORKDIR', 'ENV', 'VOLUME', 'CMD', 'LABEL', 'USER'}

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, 'lib'))


def read(name):
    with open(os.path.join(EXAMPLES, name), encoding='utf-8') as file:
        return file.read()


def verbs():
    with open(os.path.join(TOP, 'Makefile'), encoding='utf-8') as file:
        return {verb for line in re.findall(r'^([a-z -]+):[ \t]*##', file.read(), re.M)
                for verb in line.split()}


def wrong_commands(script):
    """@script is shell.  GitHub puts its own expressions in before a shell sees it."""
    script = re.sub(r'\$\{\{.*?\}\}', 'all', script)
    for line in script.replace('\\\n', ' ').splitlines():
        for command in re.split(r'&&|\|\||;', line):
            try:
                words = shlex.split(command, comments=True)
            except ValueError:
                continue
            if words[:1] == ['make'] and words[1:2] not in ([], *([verb] for verb in verbs())):
                yield f'{command.strip()}: the Makefile has no such verb'
            if words and words[0].startswith('scripts/') and \
                    not os.access(os.path.join(TOP, words[0]), os.X_OK):
                yield f'{words[0]}: there is no such script'
    if shutil.which('shellcheck'):
        done = subprocess.run(['shellcheck', '-s', 'sh', '-f', 'gcc', '-'], input=script,
                              check=False, capture_output=True, encoding='utf-8')
        yield from done.stdout.splitlines()


def wrong_github(text, load):
    what = load(text)
    for name, job in what.get('jobs', {}).items():
        if not job.get('runs-on') or not job.get('steps'):
            yield f'job {name}: has no runs-on or no steps'
        for step in job.get('steps', []):
            yield from (f'a step has {key}' for key in set(step) - GITHUB_STEP)
            if ('run' in step) == ('uses' in step):
                yield f'{step}: a step either runs or uses something'
            if 'uses' in step and not re.fullmatch(r'actions/[a-z-]+@v\d+', step['uses']):
                yield f'{step["uses"]}: no action of theirs, or without a version'
            yield from wrong_commands(step.get('run', ''))
    if not what.get('jobs'):
        yield 'no jobs'


def wrong_gitlab(text, load):
    what = load(text)
    jobs = {name: job for name, job in what.items() if name not in GITLAB_GLOBAL}
    for name, job in jobs.items():
        yield from (f'{name} has {key}' for key in set(job) - GITLAB_JOB)
        whole = {**jobs.get(job.get('extends'), {}), **job}
        if job.get('extends', name) not in jobs:
            yield f'{name} extends {job["extends"]}, which is not there'
        if not name.startswith('.') and 'script' not in whole:
            yield f'{name} has no script'
        if whole.get('stage') not in what.get('stages', []):
            yield f'{name} is in a stage that is not there'
        for part in ('before_script', 'script', 'after_script'):
            yield from wrong_commands('\n'.join(job.get(part, [])))
    if not any(not name.startswith('.') for name in jobs):
        yield 'no jobs'
    yield from wrong_commands('\n'.join(what.get('default', {}).get('before_script', [])))


def instructions(text):
    """(Instruction, the rest) of a Containerfile."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith('#')]
    for line in '\n'.join(lines).replace('\\\n', ' ').splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(' ')
            yield word, ' '.join(rest.split())


def wrong_containerfile(text, _load=None):
    found = list(instructions(text))
    if not found or found[0] != ('FROM', 'debian:bookworm'):
        yield 'does not begin with FROM debian:bookworm'
    if not any(word == 'CMD' for word, _ in found):
        yield 'has no CMD'
    for word, rest in found:
        if word not in INSTRUCTIONS:
            yield f'{word}: no instruction that is known'
        elif not rest:
            yield f'{word} says nothing'
        elif word == 'RUN':
            yield from wrong_commands(rest)
        elif word == 'COPY':
            for source in rest.split()[:-1]:
                if not os.path.exists(os.path.join(TOP, source)):
                    yield f'COPY {source}: there is no such file'
        elif word == 'CMD':
            try:
                yield from wrong_commands(shlex.join(json.loads(rest)))
            except ValueError:
                yield f'CMD {rest}: no list'


def wrong_hosts(text):
    yield from (f'{host} is a host' for host in re.findall(r'[a-z]+://\S+', text))


def wrong_yaml(text):
    done = subprocess.run(['yamllint', '-s', '-d', RULES, '-f', 'parsable', '-'], input=text,
                          check=False, capture_output=True, encoding='utf-8')
    yield from done.stdout.splitlines()


CHECKS = {'github.yml': wrong_github, 'gitlab-ci.yml': wrong_gitlab,
          'Containerfile': wrong_containerfile}
# The second text is put in the place of the first: each has to be seen.
BROKEN = (
    ('github.yml', 'make build', 'make biuld'),
    ('github.yml', 'actions/checkout@v4', 'actions/checkout'),
    ('github.yml', '    runs-on:', '    runs-no:'),
    ('github.yml', 'cat "$O/results', 'cat $O/"results'),
    ('gitlab-ci.yml', '    - make test', '    - make tests'),
    ('gitlab-ci.yml', 'extends: .kept', 'extends: .keep'),
    ('gitlab-ci.yml', '  script:\n    - make\n', ''),
    ('Containerfile', 'FROM debian:bookworm', 'FROM debian'),
    ('Containerfile', 'scripts/steps/deps', 'scripts/dependencies'),
    ('Containerfile', 'VOLUME', 'VOLUMES'),
    ('Containerfile', 'CMD ["make"]', 'CMD ["make" "kunit"]'),
)


def tests():
    """(Name, what is wrong, why it is skipped)."""
    try:
        load = importlib.import_module('yaml').safe_load
    except ImportError:
        load = None
    for name, check in CHECKS.items():
        text, yaml = read(name), name.endswith('.yml')
        yield f'{name} names no host', list(wrong_hosts(text)), ''
        if yaml:
            lint = shutil.which('yamllint')
            yield f'{name} is what yamllint accepts', list(wrong_yaml(text)) if lint else [], \
                '' if lint else 'no yamllint; install that package of Debian'
        skip = 'no python3-yaml; yamllint comes with it' if yaml and not load else ''
        yield f'{name} says what there is', [] if skip else list(check(text, load)), skip
    yield 'a host is seen', [] if list(wrong_hosts('curl https://example.org/x')) else ['no'], ''
    for name, old, new in BROKEN:
        text = read(name)
        skip = 'no python3-yaml; yamllint comes with it' if name != 'Containerfile' and not load \
            else 'no shellcheck' if '$O' in old and not shutil.which('shellcheck') else ''
        wrong = [] if old in text else [f'{old!r} is not in it']
        if not skip and not wrong and not list(CHECKS[name](text.replace(old, new), load)):
            wrong = ['not seen']
        yield f'{name}: {new.strip() or "nothing"!r} in place of {old.strip()!r} is seen', wrong, skip


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    results = list(tests())
    print(f'KTAP version 1\n1..{len(results)}')
    for number, (name, wrong, skip) in enumerate(results, 1):
        for line in wrong:
            print(f'# {line}')
        name = name.replace('\n', ' ').replace('#', ' ')
        print(f'{"not ok" if wrong else "ok"} {number} {name}' + (f' # SKIP {skip}' if skip else ''))
    failed = sum(bool(wrong) for _, wrong, _ in results)
    skipped = sum(bool(skip) for _, _, skip in results)
    print(f'{len(results) - failed - skipped} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or not results else 0


if __name__ == '__main__':
    from dw.ending import run_main
    run_main(main)
