"""Runs the shell steps of the CI jobs that `git session cleanup init` writes, as their hosts would: for
pull requests that are opened, updated and closed, from forks and of bots, with hostile names."""

import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from ruamel.yaml import YAML

LAB = Path(sys.argv[1])
PROGRAM = Path("target/debug/git-session").resolve()
MARKER = "<!-- git-session:review -->"
SESSION = "11111111-0000-4000-8000-000000000001"
HOSTILE = 'x$(touch${IFS}pwned)`touch${IFS}pwned`;"\'&&touch${IFS}pwned'
TITLE = "\"; touch pwned; '$(touch pwned)` ${{ github.token }} @everyone"


def run(*command, cwd=None, env=None, check=True, stdin=None):
    done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def git(place, *arguments, **options):
    return run("git", *arguments, cwd=place, **options)


def expect(condition, message):
    if not condition:
        raise SystemExit(f"templates: {message}")


class Comments(http.server.BaseHTTPRequestHandler):
    """The API of the comments of a host, GitHub's and GitLab's at once."""

    lists, requests, failing = {}, [], 0

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get("PRIVATE-TOKEN")
        Comments.requests.append((self.command, path))
        if token != "secret-token":
            return self.answer(401, {"message": "Bad credentials"})
        if path.endswith("/user"):
            return self.answer(200, {"id": 5, "username": "bot"})
        github = path.startswith("/repos/")
        author = {"user": {"login": "github-actions[bot]"}} if github else {"author": {"username": "bot"}}
        comments = Comments.lists.setdefault("github" if github else "gitlab", [])
        if self.command == "GET":
            page = int(re.search(r"(?:^|&)page=(\d+)", query).group(1))
            return self.answer(200, comments[(page - 1) * 100 : page * 100])
        if self.command == "POST":
            comments.append({"id": 1000 + len(comments), "body": body["body"], **author})
            return self.answer(201, comments[-1])
        found = [one for one in comments if one["id"] == int(path.rsplit("/", 1)[1])]
        if not found or any(found[0].get(key) != value for key, value in author.items()):
            return self.answer(403, {"message": "not yours"})
        found[0]["body"] = body["body"]
        return self.answer(200, found[0])

    do_GET = do_POST = do_PATCH = do_PUT = handle_any

    def log_message(self, *_):
        pass


def expression(text, context):
    """The value of an `if:` of GitHub: comparisons with == and !=, joined by && and ||."""
    for alternative in text.split("||"):
        if all(comparison(part.strip(), context) for part in alternative.split("&&")):
            return True
    return False


def comparison(text, context):
    left, operator, right = re.fullmatch(r"(\S+) (==|!=) (\S+)", text).groups()
    is_same = value(left, context) == value(right, context)
    return is_same if operator == "==" else not is_same


def value(term, context):
    if term.startswith("'"):
        return term.strip("'")
    found = context
    for part in term.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def substituted(text, context):
    """Fills in `${{ … }}` as GitHub does, before a shell sees the text."""

    def one(match):
        inner = match.group(1).strip()
        if " && " in inner:
            return str(expression(inner.replace("inputs.dry_run", "inputs.dry_run == 'true'"), context)).lower()
        found = value(inner, context)
        return "" if found is None else str(found)

    return re.sub(r"\$\{\{(.*?)\}\}", one, str(text))


class World:
    """A remote, a developer's clone with a branch that an agent worked on, and the API."""

    def __init__(self, branch):
        self.root = Path(tempfile.mkdtemp(dir=LAB))
        self.remote, self.work = self.root / "remote.git", self.root / "work"
        git(self.root, "init", "--quiet", "--bare", self.remote)
        git(self.root, "init", "--quiet", self.work)
        self.branch, self.number = branch, 7
        self.write("README.md", "# Work\n")
        self.commit("Begin")
        git(self.work, "remote", "add", "origin", self.remote)
        git(self.work, "push", "--quiet", "origin", "main")
        self.base = self.head()
        run("git", "session", "hooks", "install", cwd=self.work)
        git(self.work, "switch", "--quiet", "--create", branch)
        self.ask(SESSION, "Add the parser @octocat", "src/parser.rs")

    def write(self, path, text):
        (self.work / path).parent.mkdir(parents=True, exist_ok=True)
        (self.work / path).write_text(text)

    def commit(self, message, trailer=()):
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--no-verify", "--message", message, *trailer)

    def head(self):
        return git(self.work, "rev-parse", "HEAD").strip()

    def ask(self, session, prompt, path):
        """A session writes a file, which is committed and pushed with the session."""
        self.write(path, "x\n")
        common = {"sessionId": session, "version": "2.1.42", "cwd": str(self.work), "gitBranch": self.branch, "isSidechain": False, "userType": "external", "timestamp": "2026-01-31T10:00:00Z"}
        said = [
            {"type": "user", "uuid": "1", "parentUuid": None, "message": {"role": "user", "content": prompt}},
            {"type": "assistant", "uuid": "2", "parentUuid": "1", "requestId": "r", "message": {"id": "m", "type": "message", "role": "assistant", "model": "model", "content": [{"type": "text", "text": "Done."}], "usage": {"input_tokens": 1, "output_tokens": 1}}},
        ]
        log = self.root / f"{session}.jsonl"
        log.write_text("".join(json.dumps({**common, **one}) + "\n" for one in said))
        run("git", "session", "capture", log, cwd=self.work)
        self.commit(f"Write {path}", ["--trailer", f"AI-Session: {session}"])
        git(self.work, "push", "--quiet", "origin", self.branch)

    def branches(self):
        listed = git(self.remote, "for-each-ref", "--format=%(refname)", "refs/heads/").split()
        return sorted(name.removeprefix("refs/heads/") for name in listed)

    def clone(self, commit):
        """What actions/checkout or a runner makes."""
        place = Path(tempfile.mkdtemp(dir=self.root))
        git(self.root, "clone", "--quiet", "--no-checkout", self.remote, place)
        git(place, "checkout", "--quiet", "--detach", commit)
        return place

    def untouched(self):
        return not list(self.root.rglob("pwned")) and not Path("pwned").exists()


def environment(root, **more):
    """What a runner has: no identity, no configuration, and no program of ours yet."""
    home = Path(tempfile.mkdtemp(dir=root))
    path = ":".join(part for part in os.environ["PATH"].split(":") if Path(part).resolve() != PROGRAM.parent)
    stand_in = home / "bin"
    stand_in.mkdir()
    # Builds what is built already.
    (stand_in / "cargo").write_text(f'#!/bin/sh\nwhile [ "$1" != --root ]; do shift; done\nmkdir -p "$2/bin"\ncp "{PROGRAM}" "$2/bin/"\n')
    (stand_in / "cargo").chmod(0o755)
    clock = {name: os.environ[name] for name in ["GIT_SESSION_NOW"] if name in os.environ}
    return {**clock, "HOME": str(home), "PATH": f"{stand_in}:{path}", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8", **more}


def release():
    return {"INSTALL_URL": PROGRAM.as_uri(), "INSTALL_SHA256": hashlib.sha256(PROGRAM.read_bytes()).hexdigest()}


class GitHub:
    name, mark = "github", "pr"

    def __init__(self, folder, api):
        self.folder, self.api = folder, api

    def workflow(self, name):
        return YAML(typ="safe").load(self.folder / f".github/workflows/{name}.yml")

    def event(self, world, action, fork=False, bot=False, **more):
        head = {"sha": world.head(), "ref": world.branch, "repo": {"full_name": "fork/r" if fork else "o/r"}}
        user = {"type": "Bot" if bot else "User"}
        pull = {"number": world.number, "title": TITLE, "head": head, "base": {"sha": world.base}, "user": user}
        github = {"event": {"action": action, "pull_request": pull}, "repository": "o/r", "token": "secret-token", "head_ref": world.branch, "event_name": "pull_request", **more}
        return {"github": github, "inputs": more.get("inputs", {})}

    def job(self, world, workflow, name, context):
        """Runs the steps of a job; returns whether its `if:` let it."""
        job = self.workflow(workflow)["jobs"][name]
        if "if" in job and not expression(job["if"], context):
            return False
        temporary = Path(tempfile.mkdtemp(dir=world.root))
        files = {"GITHUB_PATH": temporary / "path", "GITHUB_STEP_SUMMARY": temporary / "summary"}
        env = environment(world.root, RUNNER_TEMP=str(temporary), GITHUB_API_URL=self.api, GITHUB_SERVER_URL="https://github.example.org", GITHUB_REPOSITORY="o/r", **{key: str(path) for key, path in files.items()})
        place = None
        for step in job["steps"]:
            if "uses" in step:
                expect(re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"]), f"{step['uses']} is not pinned")
                place = world.clone(substituted(step.get("with", {}).get("ref", "origin/main"), context))
                continue
            expect("${{" not in step["run"], f"an expression in a script: {step['run']}")
            given = {**job.get("env", {}), **step.get("env", {})}
            given = {key: substituted(text, context) for key, text in given.items()}
            given.update({key: text for key, text in release().items() if key in given})
            added = files["GITHUB_PATH"].read_text().split() if files["GITHUB_PATH"].exists() else []
            path = ":".join([*reversed(added), env["PATH"]])
            run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"], cwd=place, env={**env, **given, "PATH": path})
        return True

    def update(self, world, **kind):
        return self.job(world, "opensession-session-review", "publish", self.event(world, "synchronize", **kind))

    def close(self, world, **kind):
        context = self.event(world, "closed", **kind)
        expect(not self.job(world, "opensession-session-review", "publish", context), "a closed pull request is published")
        return self.job(world, "opensession-session-review", "close", context)

    def clean(self, world, is_dry):
        context = self.event(world, "", inputs={"dry_run": str(is_dry).lower()})
        context["github"]["event_name"] = "workflow_dispatch" if is_dry else "schedule"
        self.job(world, "opensession-cleanup", "cleanup", context)

    def scripts(self):
        for path in (self.folder / ".github/workflows").iterdir():
            for job in YAML(typ="safe").load(path)["jobs"].values():
                yield from (step["run"] for step in job["steps"] if "run" in step)


class GitLab:
    name, mark = "gitlab", "mr"

    def __init__(self, folder, api):
        self.folder, self.api = folder, api
        self.jobs = {}
        included = YAML(typ="safe").load(folder / ".gitlab-ci.yml")["include"]
        for entry in included:
            self.jobs.update(YAML(typ="safe").load(folder / entry["local"]))

    def whole(self, name):
        job = self.jobs[name]
        if "extends" not in job:
            return job
        base = self.jobs[job["extends"]]
        return {**base, **job, "variables": {**base["variables"], **job.get("variables", {})}}

    def rule(self, job, variables):
        """The first rule that holds: whether the job runs, and with which variables."""
        for rule in job["rules"]:
            if "if" not in rule or self.holds(rule["if"], variables):
                return rule.get("when") != "never", rule.get("variables", {})
        return False, {}

    def holds(self, text, variables):
        left, operator, right = re.fullmatch(r"\$(\w+) (==|!=|=~) (.+)", text).groups()
        left = variables.get(left, "")
        if operator == "=~":
            return re.search(right.strip("/"), left) is not None
        right = right.strip('"') if right.startswith('"') else variables.get(right.removeprefix("$"), "")
        return (left == right) == (operator == "==")

    def job(self, world, name, token="secret-token", **variables):
        job = self.whole(name)
        known = {
            "CI_PIPELINE_SOURCE": "merge_request_event", "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1", "GITLAB_USER_LOGIN": "somebody", "CI_MERGE_REQUEST_IID": str(world.number),
            "CI_MERGE_REQUEST_TITLE": TITLE, "CI_COMMIT_REF_NAME": world.branch, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": world.branch,
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": world.base, "CI_COMMIT_SHA": world.head(), "CI_API_V4_URL": self.api,
            "CI_PROJECT_URL": "https://gitlab.example.org/g/p", "CI_PROJECT_PATH": "g/p", "CI_SERVER_HOST": "gitlab.example.org",
            "CI_SERVER_PROTOCOL": "https", "CI_SERVER_PORT": "443", "CI_REPOSITORY_URL": str(world.remote), **variables,
        }
        runs, more = self.rule(job, known)
        if not runs:
            return False
        given = {key: re.sub(r"\$(\w+)", lambda match: known[match.group(1)], str(text)) for key, text in {**job["variables"], **more}.items()}
        given.update({key: text for key, text in release().items() if key in given})
        env = environment(world.root, **{**given, **{key: text for key, text in variables.items() if key in given}, **{key: text for key, text in known.items()}})
        if token:
            env["OPENSESSION_TOKEN"] = token
            url = f"https://oauth2:{token}@gitlab.example.org:443/g/p.git"
            run("git", "config", "--global", f"url.{world.remote}.insteadOf", url, env=env)
        place = world.clone(world.head()) if given.get("GIT_STRATEGY") != "none" else Path(tempfile.mkdtemp(dir=world.root))
        script = "\n".join([*job["before_script"], *job["script"]])
        run("bash", "-eo", "pipefail", "-c", script, cwd=place, env=env)
        return True

    def update(self, world, fork=False, bot=False, **more):
        more |= {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"} if fork else {}
        more |= {"GITLAB_USER_LOGIN": "project_12_bot_3f"} if bot else {}
        return self.job(world, "opensession-session-review", **more)

    def close(self, world, fork=False, bot=False):
        more = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"} if fork else {}
        more |= {"GITLAB_USER_LOGIN": "renovate-bot"} if bot else {}
        return self.job(world, "opensession-session-review-close", **more)

    def clean(self, world, is_dry):
        expect(not self.job(world, "opensession-cleanup", CI_PIPELINE_SOURCE="push"), "the janitor runs with a push")
        self.job(world, "opensession-cleanup", CI_PIPELINE_SOURCE="web" if is_dry else "schedule")

    def scripts(self):
        for name in (name for name in self.jobs if not name.startswith(".")):
            job = self.whole(name)
            yield "\n".join([*job["before_script"], *job["script"]])


def ours(host):
    return [one for one in Comments.lists.get(host, []) if one["body"].startswith(MARKER) and one["id"] >= 1000]


def review(host):
    """A pull request is opened, updated and closed."""
    Comments.lists = {host.name: [{"id": 1, "body": f"{MARKER} somebody else's", "user": {"login": "x"}, "author": {"username": "x"}}] * 150}
    world = World(HOSTILE)
    artifact = f"opensession/{host.mark}-7-sessions"
    expect(host.update(world), f"{host.name}: an opened pull request is not published")
    expect(artifact in world.branches(), f"{host.name}: {artifact} is not there: {world.branches()}")
    expect(len(ours(host.name)) == 1, f"{host.name}: not one comment but {len(ours(host.name))}")
    body = ours(host.name)[0]["body"]
    expect("Add the parser" in body and "@octocat" not in body, f"{host.name}: the comment is not the digest: {body}")
    path = f"{artifact}/sessions/{SESSION}.hail.jsonl"
    expect(path in body, f"{host.name}: the comment has no link to {path}: {body}")
    git(world.remote, "cat-file", "-e", f"{artifact}:sessions/{SESSION}.hail.jsonl")
    world.ask(SESSION.replace("1-", "2-", 1), "Test the parser", "tests/parser.rs")
    expect(host.update(world), f"{host.name}: an updated pull request is not published")
    expect(len(ours(host.name)) == 1, f"{host.name}: an update makes {len(ours(host.name))} comments")
    expect("Test the parser" in ours(host.name)[0]["body"], f"{host.name}: the comment was not updated")
    expect(host.close(world), f"{host.name}: a closed pull request is passed over")
    expect(world.branches() == sorted(["main", HOSTILE]), f"{host.name}: left after closing: {world.branches()}")
    expect(host.close(world), f"{host.name}: closing again fails")
    expect(world.untouched(), f"{host.name}: a name was taken for a command")


def strangers(host):
    """Pull requests from forks and of bots are left alone."""
    Comments.lists, Comments.requests = {}, []
    world = World("feature")
    for kind in ({"fork": True}, {"bot": True}):
        expect(not host.update(world, **kind), f"{host.name}: runs for {kind}")
        expect(not host.close(world, **kind), f"{host.name}: closes for {kind}")
    expect(world.branches() == ["feature", "main"] and not Comments.requests, f"{host.name}: {world.branches()}, {Comments.requests}")


def archived(host):
    """With an archive, the sessions stay."""
    Comments.lists = {}
    world = World("feature")
    host.update(world)
    expect(world.branches() == ["feature", "main", "sessions/archive"], f"{host.name}: {world.branches()}")
    expect(f"sessions/archive/{host.mark}-7/sessions/{SESSION}" in ours(host.name)[0]["body"], f"{host.name}: no link to the archive")
    host.close(world)
    kept = git(world.remote, "ls-tree", "-r", "--name-only", "sessions/archive").split()
    expect(f"{host.mark}-7/sessions/{SESSION}.hail.jsonl" in kept, f"{host.name}: the archive has {kept}")


def janitor(host):
    """A dry run deletes nothing; a run by the clock deletes what is due."""
    world = World("feature")
    git(world.work, "push", "--quiet", "--no-verify", "origin", ":feature")

    def ledgers():
        return git(world.remote, "for-each-ref", "--format=%(refname)", "refs/opensession/branches/").split()

    before = ledgers()
    expect(before, "there is no ledger to delete")
    # When its time is up.
    os.environ["GIT_SESSION_NOW"] = "2099-01-01T00:00:00Z"
    host.clean(world, is_dry=True)
    expect(ledgers() == before, f"{host.name}: a dry run deletes {set(before) - set(ledgers())}")
    host.clean(world, is_dry=False)
    del os.environ["GIT_SESSION_NOW"]
    # What went leaves a tombstone, which may need a ledger of its own.
    expect(not set(before) & set(ledgers()), f"{host.name}: left of {before}: {ledgers()}")


def no_token(host):
    """Without a token GitLab gets the branch and no comment."""
    Comments.lists, Comments.requests = {}, []
    world = World("feature")
    host.job(world, "opensession-session-review", token=None)
    expect("opensession/mr-7-sessions" in world.branches() and not Comments.requests, f"{world.branches()}")


def checked(host):
    for script in host.scripts():
        run("shellcheck", "--shell=bash", "-", stdin=f"#!/bin/bash\n{script}\n")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Comments)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = f"http://127.0.0.1:{server.server_address[1]}"
    for kind in (GitHub, GitLab):
        for install in ("cargo", "release"):
            host = kind(LAB / f"{kind.name}-{install}", api)
            checked(host)
            for case in [strangers, janitor, archived if install == "release" else review]:
                case(host)
                print(f"{kind.name}, installed by {install}: {case.__doc__.splitlines()[0]}")
    no_token(GitLab(LAB / "gitlab-cargo", api))
    print(f"gitlab: {no_token.__doc__}")
    shutil.rmtree(LAB, ignore_errors=True)


main()
